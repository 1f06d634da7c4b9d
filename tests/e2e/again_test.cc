// What was set aside is tried again: by repair, and by the same key.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Again : public ::testing::Test {
 protected:
  Again() : store_("notes", directory_ / "store") {}
  // Sets record 1 aside, with a key: a directory is where its file belongs.
  void set_one_aside() const {
    fs::create_directories(store_.root() / "notes/0000/a-1.md");
    const Json receipt = record(3);
    EXPECT_NE(receipt["set_aside"], nullptr) << receipt.dump();
    store_.json({"sync"});
    store_.json({"verify"}, 12);
  }
  Json record(int exit_code = 0) const {
    return store_.json({"record", "note", "--title", "a", "--key", "k"}, exit_code);
  }
  void expect_sound() const {
    store_.json({"sync"});
    const Json verified = store_.json({"verify"});
    EXPECT_EQ(verified["ok"], true) << verified.dump(1);
    EXPECT_EQ(store_.json({"status"})["set_aside"], 0);
    EXPECT_EQ(store_.json({"list", "--set-aside"})["records"].size(), 0U);
    EXPECT_EQ(store_.row_count(), 1U);
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(Again, RepairRecordsItAnewAndSaysSo) {
  set_one_aside();
  fs::remove(store_.root() / "notes/0000/a-1.md");
  const ProcessResult planned = store_.syncline({"repair", "--dry-run"});
  EXPECT_NE(planned.out.find("would heal: set-aside"), std::string::npos) << planned.describe();
  const ProcessResult repaired = store_.syncline({"repair"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.describe();
  EXPECT_NE(repaired.out.find("recorded anew, as record 2"), std::string::npos)
      << repaired.describe();
  EXPECT_EQ(store_.json({"show", "1"})["again_as"], 2);
  EXPECT_NE(store_.syncline({"show", "1"}).out.find("as seq 2"), std::string::npos);
  const Json repeated = record();
  EXPECT_EQ(repeated["seq"], 2);
  EXPECT_EQ(repeated["duplicate"], true);
  expect_sound();
}

TEST_F(Again, TheSameKeyRecordsItAnew) {
  set_one_aside();
  fs::remove(store_.root() / "notes/0000/a-1.md");
  const Json again = record();
  EXPECT_EQ(again["seq"], 2);
  EXPECT_EQ(again["duplicate"], false);
  EXPECT_EQ(again["set_aside"], nullptr);
  EXPECT_EQ(record()["seq"], 2);
  expect_sound();
}

TEST_F(Again, WhileTheCauseStandsItIsSaidAndNothingIsWritten) {
  store_.sql(
      "CREATE TRIGGER rule BEFORE INSERT ON notes BEGIN SELECT RAISE(ABORT, 'a rule of the user'); "
      "END");
  record(3);
  for (int i = 0; i < 2; ++i) {
    const Json again = record(3);
    EXPECT_EQ(again["seq"], 1);
    EXPECT_NE(again["set_aside"].get<std::string>().find("a rule of the user"), std::string::npos);
    const ProcessResult repaired = store_.syncline({"repair"});
    EXPECT_EQ(repaired.exit_code, 12) << repaired.describe();
    EXPECT_NE(repaired.out.find("a rule of the user"), std::string::npos) << repaired.describe();
  }
  EXPECT_EQ(store_.json({"status"})["journaled"], 1);
  store_.sql("DROP TRIGGER rule");
  store_.json({"repair"});
  expect_sound();
}

}  // namespace
}  // namespace syncline
