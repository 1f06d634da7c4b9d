// A store as its users see it: the real binary, and `git` and `sqlite3` to look at what it did.
//
// Nothing here links the product. What is expected of every store at rest is in one place,
// expect_agreement(): rows, files, the store's ref, the branch, and both programs' own checks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/subprocess.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

using Json = nlohmann::json;

// Of the elf profile: the sections of the domain git.
inline constexpr const char* kRules = "memory/heuristics/git.md";

std::string syncline_binary();                        // from SYNCLINE_BIN
std::string support_binary(const std::string& name);  // beside the tests, from SYNCLINE_SUPPORT
// SYNCLINE_TEST_SCALE multiplies rounds and record counts of the long tests; 1 when unset.
uint64_t test_scale();

// Where the rows of a profile are, and which files they promise.
struct TableInfo {
  std::string table;
  std::string path_column;  // empty: heuristics, whose sections share a file by domain
};
std::vector<TableInfo> tables_of(const std::string& profile);

class StoreUnderTest {
 public:
  // Makes the directory and runs `syncline init` there. `wrapper` goes before every syncline
  // command (a program to run it as another user or in another world).
  explicit StoreUnderTest(const std::string& profile, std::filesystem::path root,
                          std::vector<std::string> wrapper = {});
  // A store that is there already.
  static StoreUnderTest existing(const std::string& profile, std::filesystem::path root);

  const std::filesystem::path& root() const { return root_; }
  const std::string& profile() const { return profile_; }
  std::filesystem::path database() const;
  std::filesystem::path journal() const { return root_ / ".git/syncline/journal"; }

  // Replaces the line of syncline.toml that sets `name`, or says it, commented out.
  void set(const std::string& name, const std::string& value) const;
  // `syncline --store ROOT ARGUMENTS…`
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;
  ProcessResult syncline(const std::vector<std::string>& arguments,
                         const ProcessOptions& options = {}) const;
  // With --json, expecting this exit code and one object on standard output.
  Json json(const std::vector<std::string>& arguments, int exit_code = 0,
            const ProcessOptions& options = {}) const;

  // The git program in the work tree, with nobody's configuration; expects success.
  std::string git(const std::vector<std::string>& arguments) const;
  ProcessResult try_git(const std::vector<std::string>& arguments) const;
  // The sqlite3 program on the store's database: rows as JSON objects.
  Json sql(const std::string& query) const;
  int64_t count(const std::string& query) const;  // the one number of the one row

  std::string own_ref() const;  // refs/syncline/<id>, as for-each-ref tells
  // path -> blob id of the store's files at a commit-ish.
  std::map<std::string, std::string> tree(const std::string& revision) const;
  // path -> how many commits reachable from `revision` added it.
  std::map<std::string, int> additions(const std::string& revision) const;
  uint64_t row_count() const;

  // "note 0", "note 1", … of a store of notes, a call each.
  void record_notes(int count) const;
  void remove_database() const;  // and what SQLite keeps beside it

 private:
  StoreUnderTest() = default;

  std::filesystem::path root_;
  std::string profile_;
  std::vector<std::string> wrapper_;
};

// Options under which git finds no configuration of the machine and has an identity.
std::vector<std::string> plain_git_environment();

// After `sync`: `records` rows; ids positive and unique; each row its file (or section) on disk,
// at HEAD and on the store's ref with the same bytes; each file added by exactly one commit of
// each; no file without a row; fsck --strict, integrity_check, status --porcelain and verify clean.
void expect_agreement(const StoreUnderTest& store, uint64_t records);
// The same before `sync` has published: nothing is asked of the branch.
void expect_applied_and_folded(const StoreUnderTest& store, uint64_t records);

std::string read_whole(const std::filesystem::path& path);
void write_whole(const std::filesystem::path& path, const std::string& content);
std::vector<std::filesystem::path> segments(const StoreUnderTest& store);  // oldest first

}  // namespace syncline
