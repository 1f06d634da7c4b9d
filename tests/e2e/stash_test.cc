// `git stash -u` takes files along that are not published yet. Until it is popped or dropped
// nothing writes them again: `git stash pop` ends with an error where a file is there already.
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Stash : public ::testing::Test {
 protected:
  Stash() : store_("notes", directory_ / "store") {
    store_.set("publish_interval_ms", "3600000");  // what is not asked for is not published
    write_whole(store_.root() / "mine.txt", "one\n");
    store_.git({"add", "mine.txt", "syncline.toml"});
    store_.git({"commit", "-qm", "mine"});
    record();
    store_.json({"sync"});
    away_ = record();
    write_whole(store_.root() / "mine.txt", "edited\n");
  }

  std::string record() {
    const std::string title = "n " + std::to_string(++records_);
    return store_.json({"record", "note", "--title", title})["path"];
  }
  void stash(const std::string& committed_at = {}) {
    ProcessOptions options{.directory = store_.root().string()};
    options.environment = plain_git_environment();
    if (!committed_at.empty()) options.environment.push_back("GIT_COMMITTER_DATE=" + committed_at);
    const ProcessResult stashed = run_process({"git", "stash", "-u"}, options);
    ASSERT_TRUE(stashed.ok()) << stashed.describe();
    ASSERT_FALSE(there());
  }
  bool there() const { return fs::exists(store_.root() / away_); }
  void expect_waits() {
    const Json report = store_.json({"sync", "--timeout", "1"}, 11);
    const std::string why = report.value("waiting", std::string());
    EXPECT_NE(why.find(away_ + " is away with a stash"), std::string::npos) << report.dump();
    EXPECT_NE(why.find("git stash pop"), std::string::npos) << why;
    EXPECT_EQ(store_.json({"status"})["git"], why);
    EXPECT_FALSE(there());
  }
  void expect_all_published(const std::string& status_lines) {
    store_.json({"sync"});
    EXPECT_EQ(store_.git({"status", "--porcelain", "-uall"}), status_lines);
    EXPECT_TRUE(there());
    EXPECT_TRUE(store_.tree("HEAD").contains(away_));
    EXPECT_EQ(store_.json({"status"})["published"], records_);
    EXPECT_EQ(store_.json({"verify"})["findings"], Json::array());
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
  uint64_t records_ = 0;
  std::string away_;
};

TEST_F(Stash, AFileThatItTookAlongIsNotWrittenBeforeThePop) {
  stash();
  expect_waits();
  record();  // goes on
  EXPECT_EQ(store_.row_count(), records_);
  const Json verified = store_.json({"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump();
  EXPECT_NE(verified.dump().find("1 file is away with a stash"), std::string::npos)
      << verified.dump();
  store_.json({"repair"});
  expect_waits();

  const ProcessResult popped = store_.try_git({"stash", "pop"});
  EXPECT_TRUE(popped.ok()) << popped.describe();
  EXPECT_EQ(store_.git({"stash", "list"}), "");
  EXPECT_EQ(read_whole(store_.root() / "mine.txt"), "edited\n");
  expect_all_published(" M mine.txt");
}

TEST_F(Stash, AFileOfAStashThatIsDroppedIsWrittenAgain) {
  stash();
  write_whole(store_.root() / "mine.txt", "another\n");
  store_.git({"stash"});  // the older one is waited for as well
  expect_waits();
  store_.git({"stash", "drop", "-q"});
  expect_waits();
  store_.git({"stash", "drop", "-q"});
  expect_all_published("");
}

// The page cache may have been lost, or the database: what is missing then is written again.
TEST_F(Stash, NeitherAnUncleanStartNorALostDatabaseWritesItAgain) {
  stash();
  fs::remove(store_.root() / ".git/syncline/cache.token");
  record();
  EXPECT_FALSE(there());
  store_.remove_database();
  record();
  EXPECT_EQ(store_.row_count(), records_);
  EXPECT_FALSE(there());
  const ProcessResult popped = store_.try_git({"stash", "pop"});
  EXPECT_TRUE(popped.ok()) << popped.describe();
  expect_all_published(" M mine.txt");
}

TEST_F(Stash, OneThatWasForgottenIsNotWaitedFor) {
  stash(std::to_string(std::time(nullptr) - 7200) + " +0000");
  expect_all_published("");
}

TEST_F(Stash, OneThatHoldsNothingOfOursIsNoReason) {
  store_.json({"sync"});
  write_whole(store_.root() / "new.txt", "new\n");
  store_.git({"stash", "-u"});
  record();
  expect_all_published("");
}

// `git stash -a` takes the database, and a person's rows with it.
TEST_F(Stash, TheDatabaseIsNotBuiltAnewInTheWayOfThePop) {
  store_.json({"sync"});
  store_.sql(
      "INSERT INTO notes (id, title, body, path, created_at) "
      "VALUES (77, 'of a person', '', 'x', '2020-01-01')");
  store_.git({"stash", "-q", "-a"});
  ASSERT_FALSE(fs::exists(store_.database()));
  const ProcessResult recorded =
      store_.syncline({"record", "note", "--title", "meanwhile", "--timeout", "1"});
  ++records_;
  EXPECT_EQ(recorded.exit_code, 11) << recorded.describe();
  EXPECT_NE(recorded.err.find("git stash pop"), std::string::npos) << recorded.describe();
  EXPECT_NE(store_.json({"status"})["notes"].dump().find("away with a stash"), std::string::npos);
  EXPECT_FALSE(fs::exists(store_.database()));
  store_.git({"stash", "pop", "-q"});
  EXPECT_EQ(store_.count("SELECT count(*) FROM notes WHERE id = 77"), 1);
  store_.json({"sync"});
  EXPECT_EQ(store_.row_count(), records_ + 1);

  store_.git({"stash", "-q", "-a"});
  store_.git({"stash", "drop", "-q"});
  record();
  EXPECT_EQ(store_.row_count(), records_) << "what came through the journal";
}

}  // namespace
}  // namespace syncline
