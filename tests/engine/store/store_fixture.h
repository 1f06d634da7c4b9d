// A store in a fresh directory, and what its tests ask of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "engine/sqlite/database.h"
#include "syncline/store.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

namespace fs = std::filesystem;

inline Record note(std::string title, std::string key = {}) {
  return {.kind = "note",
          .fields = {{"title", std::move(title)}, {"body", std::string("text\n")}},
          .key = std::move(key)};
}

inline std::string read_text(const fs::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
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
  Receipt must_record(Store& store, const Record& record, Stage stage = Stage::kApplied) {
    const auto receipt = store.record(record, stage);
    EXPECT_TRUE(receipt) << receipt.error().message;
    return receipt ? *receipt : Receipt{};
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
  int64_t notes() const {
    const auto database = Database::open({root() + "/syncline.db"}, Database::Access::kRead);
    if (!database) return -1;
    auto count = (*database)->prepare("SELECT count(*) FROM notes");
    return count && count->step() ? count->integer(0) : -1;
  }
  // As a person's own program.
  void sql(const std::string& statement) const {
    const std::string command = "sqlite3 '" + root() + "/syncline.db' \"" + statement + "\"";
    ASSERT_EQ(std::system(command.c_str()), 0) << statement;
  }
  void expect_sound(Store& store) {
    const auto report = store.verify({});
    ASSERT_TRUE(report) << report.error().message;
    for (const Finding& finding : report->findings) {
      ADD_FAILURE() << finding_class_name(finding.cls) << " seq " << finding.seq << " "
                    << finding.path << ": " << finding.detail;
    }
  }
  TemporaryDirectory directory_;
};

}  // namespace syncline
