// A store in a fresh directory, and what its tests ask of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/sqlite/database.h"
#include "syncline/store.h"
#include "tests/support/read_text.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

namespace fs = std::filesystem;

inline Record note(std::string title, std::string key = {}) {
  return {.kind = "note",
          .fields = {{"title", std::move(title)}, {"body", std::string("text\n")}},
          .key = std::move(key)};
}

// What the store at `root` keeps in SQLite.
inline void remove_database(const std::string& root) {
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root + "/syncline.db" + suffix);
}
inline int64_t count_notes(const std::string& root) {
  const auto database = Database::open({root + "/syncline.db"}, Database::Access::kRead);
  if (!database) return -1;
  auto count = (*database)->prepare("SELECT count(*) FROM notes");
  return count && count->step() ? count->integer(0) : -1;
}

inline std::string text_of(const Finding& finding) {
  return fmt::format("{} seq {} {}: {}", finding_class_name(finding.cls), finding.seq, finding.path,
                     finding.detail);
}
// Verifies, and fails the test with each finding but those of a class that it has made itself.
inline VerifyReport expect_sound(Store& store) {
  const auto report = store.verify({});
  EXPECT_TRUE(report) << report.error().message;
  if (!report) return {};
  for (const Finding& finding : report->findings) {
    ADD_FAILURE() << text_of(finding);
  }
  return *report;
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto made = Store::init(root(), {});
    ASSERT_TRUE(made) << made.error().message;
  }
  std::string root() const { return directory_.path().string() + "/a store"; }
  std::unique_ptr<Store> open(StoreOptions options = {}) {
    auto store = Store::open(root(), options);
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  // Records, and fails the test with the reason where it is refused.
  static Receipt must_record(Store& store, const Record& record, Stage stage = Stage::kApplied) {
    const auto receipt = store.record(record, stage);
    EXPECT_TRUE(receipt) << receipt.error().message;
    return receipt ? *receipt : Receipt{};
  }
  // As a call of its own, which opens the store and closes it again.
  static Receipt must_record(const std::string& root, const Record& record,
                             Stage stage = Stage::kApplied) {
    const auto store = Store::open(root, {});
    EXPECT_TRUE(store) << store.error().message;
    return store ? must_record(**store, record, stage) : Receipt{};
  }
  static void must_sync(Store& store) {
    const auto synced = store.sync(/*push=*/false, kForever);
    ASSERT_TRUE(synced) << synced.error().message;
    EXPECT_TRUE(synced->waiting.empty()) << synced->waiting;
  }
  // Replaces the line of syncline.toml that sets `name`, or says it, commented out.
  void set_setting(const std::string& name, const std::string& value) const {
    std::string text = read_text(root() + "/syncline.toml");
    const size_t at = text.find(name);
    ASSERT_NE(at, std::string::npos) << name;
    const size_t begin = text.rfind('\n', at) + 1;
    text.replace(begin, text.find('\n', at) - begin, name + " = " + value);
    std::ofstream(root() + "/syncline.toml") << text;
  }
  int64_t notes() const { return count_notes(root()); }
  // As a person's own programs.
  static void run(const std::string& command) {
    ASSERT_EQ(std::system((command + " >/dev/null").c_str()), 0) << command;
  }
  void sql(const std::string& statement) const {
    run("sqlite3 '" + root() + "/syncline.db' \"" + statement + "\"");
  }
  void git(const std::string& arguments) const {
    run("cd '" + root() + "' && git -c user.name=p -c user.email=p@x " + arguments);
  }
  std::string database() const { return root() + "/syncline.db"; }
  // A copy of the database as it is, in one file.
  void copy_database(const std::string& into) const {
    const auto from = Database::open({database()}, Database::Access::kWrite);
    ASSERT_TRUE(from) << from.error().message;
    ASSERT_TRUE((*from)->execute(fmt::format("VACUUM INTO '{}'", into)));
  }
  void put_database_back(const std::string& copy) const {
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(database() + suffix);
    fs::copy_file(copy, database(), fs::copy_options::overwrite_existing);
  }
  TemporaryDirectory directory_;
};

}  // namespace syncline
