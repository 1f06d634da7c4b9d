// Git itself, asked about the paths that check_path accepts and about the oracle that the path
// fuzzer holds them against: a subprocess is too slow for a fuzzer's loop.
#include <gtest/gtest.h>
#include <algorithm>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "engine/config/path_rules.h"
#include "tests/fuzz/git_path_oracle.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline::fuzz {
namespace {

// With every protection on, whatever the platform.
constexpr const char* kProtected = "-c core.protectHFS=true -c core.protectNTFS=true ";

// Paths put together from what has a meaning to git, HFS+, NTFS or Windows.
std::vector<std::string> hostile_paths(size_t count) {
  static const std::vector<std::string> pieces = {".git",
                                                  ".GIT",
                                                  ".gIt",
                                                  "git~1",
                                                  "GIT~1",
                                                  "git~2",
                                                  "..",
                                                  ".",
                                                  "/",
                                                  "/",
                                                  "/",
                                                  "\\",
                                                  ":",
                                                  " ",
                                                  ".",
                                                  "a",
                                                  "B",
                                                  "0",
                                                  "\u200c",
                                                  "\u206f",
                                                  "\ufeff",
                                                  "\u2029",
                                                  "é",
                                                  "con",
                                                  "aux.md",
                                                  "gitmod~1",
                                                  ".gitmodules",
                                                  "-",
                                                  "~",
                                                  "~1",
                                                  "::$INDEX_ALLOCATION",
                                                  ".git/hooks",
                                                  "COM1",
                                                  "x.git"};
  std::mt19937_64 random(20'260'101);
  std::vector<std::string> paths;
  while (paths.size() < count) {
    std::string path;
    for (size_t i = random() % 5 + 1; i > 0; --i) path += pieces[random() % pieces.size()];
    paths.push_back(path);
  }
  return paths;
}

// What the fuzzer's corpus holds of plain paths: inputs whose first byte asks for one.
std::vector<std::string> corpus_paths() {
  std::vector<std::string> paths;
  const std::filesystem::path directory = SYNCLINE_FUZZ_FOLDER;
  for (const char* part : {"corpus/path", "regressions/path"}) {
    if (!std::filesystem::exists(directory / part)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(directory / part)) {
      const std::string input = read_text(entry.path());
      if (!input.empty() && input[0] % 3 == 0) paths.push_back(input.substr(1));
    }
  }
  return paths;
}

std::string index_info(std::string_view blob, std::string_view path) {
  return "100644 " + std::string(blob) + "\t" + std::string(path) + '\0';
}

TEST(PathGit, AcceptedPathsGoIntoGitsIndexAndTreesAndAreSound) {
  const GitRepository repository;
  const std::string blob = repository.git("hash-object -w --stdin", "text\n");
  std::vector<std::string> paths = hostile_paths(20'000);
  const std::vector<std::string> more = corpus_paths();
  paths.insert(paths.end(), more.begin(), more.end());
  std::set<std::string> accepted;
  for (const std::string& path : paths) {
    if (check_path(path)) accepted.insert(path);
  }
  ASSERT_GT(accepted.size(), 500u);
  // A directory of its own for each, so that no path is in the way of another. At the top as well,
  // one at a time, for those without a directory.
  std::string input;
  size_t number = 0;
  for (const std::string& path : accepted) {
    input += index_info(blob, std::to_string(++number) + "/" + path);
  }
  const GitOutput added =
      repository.run(std::string(kProtected) + "update-index -z --index-info", input);
  ASSERT_EQ(added.exit_code, 0) << added.text;
  const std::string listed = repository.git("ls-files -z");
  EXPECT_EQ(static_cast<size_t>(std::count(listed.begin(), listed.end(), '\0')), accepted.size());
  const std::string tree = repository.git(std::string(kProtected) + "write-tree");
  const std::string commit = repository.git("commit-tree -m all " + tree);
  repository.git("update-ref refs/heads/main " + commit);
  repository.expect_sound();
}

// The oracle may be the stricter of the two: git minds a backslash on Windows alone.
TEST(PathGit, TheFuzzersOracleTakesNothingThatGitRefuses) {
  const GitRepository repository;
  const std::string blob = repository.git("hash-object -w --stdin", "text\n");
  std::vector<std::string> paths = hostile_paths(250);
  for (const std::string& path : paths) {
    const GitOutput added = repository.run(
        "-c core.protectHFS=true -c core.protectNTFS=true update-index -z --index-info",
        "0 0000000000000000000000000000000000000000\tnothing" + std::string(1, '\0') +
            index_info(blob, path));
    // A path that git does not take is left out with a word, and no error.
    const bool taken =
        added.exit_code == 0 && added.text.find("Ignoring path") == std::string::npos;
    EXPECT_TRUE(taken || !git_takes_path(path)) << path << "\n" << added.text;
    std::filesystem::remove(repository.path() / ".git/index");
  }
}

}  // namespace
}  // namespace syncline::fuzz
