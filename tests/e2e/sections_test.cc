// Sections of a file that git tracks, beside a person's git: they come into work tree, index and
// branch in one moment, once each, and no command of the person's meets one on its way.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSectionFile = "memory/heuristics/git.md";

class Sections : public ::testing::Test {
 protected:
  Sections() : store_("elf", directory_ / "store") {
    write_whole(store_.root() / "mine.txt", "one\n");
    store_.git({"add", "mine.txt"});
    store_.git({"commit", "-qm", "mine"});
    record();
    store_.json({"sync"});
  }

  // By a call that may not publish: a person's git is at work.
  void record_while_git_works() {
    write_whole(store_.root() / ".git/index.lock", "");
    record();
    fs::remove(store_.root() / ".git/index.lock");
  }
  void record() {
    const std::string rule = "rule " + std::to_string(++records_);
    store_.json({"record", "heuristic", "--domain", "git", "--rule", rule});
  }
  std::string in_work_tree() const { return read_whole(store_.root() / kSectionFile); }
  std::string on_branch() const {
    return store_.git({"show", std::string("HEAD:") + kSectionFile});
  }
  static std::vector<uint64_t> rules(const std::string& text) {
    std::vector<uint64_t> found;
    constexpr std::string_view kRule = ": rule ";
    for (size_t at = text.find(kRule); at != std::string::npos; at = text.find(kRule, at + 1)) {
      found.push_back(std::stoull(text.substr(at + kRule.size())));
    }
    return found;
  }
  uint64_t waiting() const { return store_.json({"status"})["files_waiting"].get<uint64_t>(); }

  // All of them, once each and in order, in the work tree and on the branch; nothing else is left.
  void expect_all(const std::string& status_lines = "") {
    std::vector<uint64_t> all;
    for (uint64_t i = 1; i <= records_; ++i) all.push_back(i);
    store_.json({"sync"});
    EXPECT_EQ(rules(in_work_tree()), all) << in_work_tree();
    EXPECT_EQ(rules(on_branch()), all) << on_branch();
    EXPECT_EQ(store_.git({"status", "--porcelain", "--untracked-files=all"}), status_lines);
    EXPECT_EQ(waiting(), 0U);
    const Json verified = store_.json({"verify"});
    EXPECT_EQ(verified["ok"], true) << verified.dump(1);
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
  uint64_t records_ = 0;
};

TEST_F(Sections, ACallThatLeavesOneWaitingPublishesIt) {
  record();
  EXPECT_EQ(rules(in_work_tree()), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(rules(on_branch()), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(store_.git({"status", "--porcelain"}), "");
  expect_all();
}

TEST_F(Sections, OneThatIsNotPublishedIsInNoCommandsWay) {
  const std::string before = in_work_tree();
  store_.git({"branch", "topic", "HEAD~1"});
  write_whole(store_.root() / "mine.txt", "two\n");
  record_while_git_works();
  EXPECT_EQ(in_work_tree(), before);
  EXPECT_EQ(waiting(), 1U);
  EXPECT_EQ(store_.git({"status", "--porcelain"}), " M mine.txt");
  store_.git({"stash"});
  store_.git({"checkout", "-q", "topic"});
  store_.git({"checkout", "-q", "-"});
  store_.git({"stash", "pop", "-q"});
  store_.git({"commit", "-qam", "theirs"});
  EXPECT_EQ(store_.git({"show", "--format=", "--name-only", "HEAD"}), "mine.txt");
  expect_all();
}

TEST_F(Sections, ACallWhosePublishHasToWaitSaysSo) {
  store_.git({"commit", "-q", "--allow-empty", "-m", "just now"});
  const auto call = [&] {
    return store_.syncline(
        {"record", "heuristic", "--domain", "git", "--rule", "rule " + std::to_string(++records_)});
  };
  ProcessResult told = call();
  EXPECT_TRUE(told.ok()) << told.describe();
  EXPECT_NE(told.err.find("moved HEAD"), std::string::npos) << told.describe();
  const Json status = store_.json({"status"});
  EXPECT_EQ(status["files_waiting"], 1) << status.dump();
  EXPECT_LE(status["publish_due_ms"].get<uint64_t>(), 2000U) << status.dump();
  store_.git({"checkout", "-q", "-b", "topic"});
  told = call();
  EXPECT_NE(told.err.find("topic"), std::string::npos) << told.describe();
  EXPECT_TRUE(store_.json({"status"})["publish_due_ms"].is_null());
  store_.git({"checkout", "-q", "-"});
  expect_all();
}

TEST_F(Sections, AResetTakesNoneAway) {
  record_while_git_works();
  store_.git({"reset", "-q", "--hard"});
  record_while_git_works();
  expect_all();
  // One that was published, too.
  record_while_git_works();
  store_.git({"reset", "-q", "--hard", "HEAD~1"});
  record_while_git_works();
  expect_all();
}

TEST_F(Sections, ThoseThatWaitedOnAnotherBranchComeOnce) {
  const std::string main = store_.git({"symbolic-ref", "--short", "HEAD"});
  record();
  store_.git({"checkout", "-q", "--detach", "HEAD~1"});
  const std::string before = in_work_tree();
  record();
  record();
  EXPECT_EQ(in_work_tree(), before);
  EXPECT_EQ(waiting(), 2U);
  store_.git({"checkout", "-q", main});
  record();
  expect_all();
}

// Of a file that nothing has made yet: the publish makes it, with each of them once.
TEST_F(Sections, TheFirstOfAFileThatWaitedOnAnotherBranchComeOnce) {
  const std::string main = store_.git({"symbolic-ref", "--short", "HEAD"});
  const std::string file = "memory/heuristics/new.md";
  const auto record_one = [&](int n) {
    store_.json({"record", "heuristic", "--domain", "new", "--rule", "rule " + std::to_string(n)});
  };
  const auto expect = [&](const std::vector<uint64_t>& all) {
    store_.json({"sync"});
    const std::string text = read_whole(store_.root() / file);
    EXPECT_EQ(rules(text), all) << text;
    EXPECT_EQ(rules(store_.git({"show", "HEAD:" + file})), all);
    EXPECT_EQ(store_.git({"status", "--porcelain", "--untracked-files=all"}), "");
  };
  const std::string before = store_.git({"rev-parse", "HEAD"});
  store_.git({"checkout", "-q", "-b", "topic"});
  record_one(1);
  store_.git({"checkout", "-q", main});
  record_one(2);
  expect({1, 2});
  // And where a reset has taken the file away.
  store_.git({"checkout", "-q", "topic"});
  record_one(3);
  store_.git({"checkout", "-q", main});
  store_.git({"reset", "-q", "--hard", before});
  expect({1, 2, 3});
  expect_all();
}

// Whatever takes the whole file from the work tree: the next section does not begin it anew.
TEST_F(Sections, AFileThatIsGoneFromTheWorkTreeIsWholeAgainWithTheNext) {
  const std::string before = store_.git({"rev-parse", "HEAD~1"});
  store_.git({"branch", "backup"});
  store_.git({"reset", "-q", "--hard", before});
  record();
  store_.git({"checkout", "-q", "backup"});
  store_.git({"checkout", "-q", "-"});
  expect_all();
  fs::remove(store_.root() / kSectionFile);
  record();
  expect_all();
  fs::remove_all(store_.root() / "memory/heuristics");
  store_.git({"stash", "-q", "-u"});
  store_.git({"stash", "drop", "-q"});
  record();
  expect_all();
}

// It is never untracked: a person's pull that brings the same file does not meet it.
TEST_F(Sections, TheFirstOfAFileIsNotWrittenBeforeItIsTracked) {
  const std::string file = "memory/heuristics/new.md";
  const std::string main = store_.git({"symbolic-ref", "--short", "HEAD"});
  store_.git({"checkout", "-q", "-b", "other"});
  fs::create_directories(store_.root() / "memory/heuristics");
  write_whole(store_.root() / file, "# of the other branch\n");
  store_.git({"add", file});
  store_.git({"commit", "-qm", "other"});
  store_.git({"checkout", "-q", main});
  store_.json({"record", "heuristic", "--domain", "new", "--rule", "rule 1"});  // just moved
  EXPECT_FALSE(fs::exists(store_.root() / file));
  store_.git({"merge", "-q", "--no-edit", "other"});
  store_.json({"sync"});
  EXPECT_EQ(rules(read_whole(store_.root() / file)), std::vector<uint64_t>{1});
  EXPECT_EQ(store_.git({"status", "--porcelain", "--untracked-files=all"}), "");
}

TEST_F(Sections, AFileThatIsStagedToBeMovedIsWaitedFor) {
  store_.git({"mv", kSectionFile, "memory/heuristics/moved.md"});
  record();
  const std::string why = store_.json({"status"})["git"];
  EXPECT_NE(why.find("staged to be removed or moved"), std::string::npos) << why;
  EXPECT_EQ(rules(on_branch()), std::vector<uint64_t>{1});
  store_.git({"commit", "-qm", "moved"});
  store_.json({"sync"});
  EXPECT_EQ(rules(on_branch()), std::vector<uint64_t>{2});
  EXPECT_EQ(rules(in_work_tree()), std::vector<uint64_t>{2});
  EXPECT_EQ(rules(store_.git({"show", "HEAD:memory/heuristics/moved.md"})),
            std::vector<uint64_t>{1});
  EXPECT_EQ(store_.git({"status", "--porcelain", "--untracked-files=all"}), "");
}

TEST_F(Sections, OnesThatWereMovedToAnotherFileAreNotAdoptedAsNew) {
  record();
  store_.git({"mv", kSectionFile, "memory/heuristics/moved.md"});
  store_.git({"commit", "-qm", "moved"});
  const Json verified = store_.json({"verify"});
  EXPECT_EQ(verified["ok"], true) << verified.dump(1);
  EXPECT_EQ(verified.dump().find("foreign"), std::string::npos) << verified.dump(1);
  store_.json({"adopt"});
  EXPECT_EQ(store_.row_count(), records_);
}

TEST_F(Sections, ANumberThatAPersonHasTakenIsWaitedFor) {
  const std::string before = in_work_tree();
  write_whole(store_.root() / kSectionFile, before + "\n## H-2: my own\n\ntext\n");
  store_.git({"commit", "-qam", "mine"});
  record();
  const Json report = store_.json({"sync", "--timeout", "1"}, 11);
  const std::string why = report.value("waiting", std::string());
  EXPECT_NE(why.find("(## H-2)"), std::string::npos) << why;
  EXPECT_EQ(store_.json({"status"})["published"], records_ - 1);
  write_whole(store_.root() / kSectionFile, before + "\n## H-77: my own\n\ntext\n");
  store_.git({"commit", "-qam", "mine, renumbered"});
  expect_all();
  EXPECT_NE(on_branch().find("## H-77: my own"), std::string::npos);
}

TEST_F(Sections, AStagedModeStaysStaged) {
  fs::permissions(store_.root() / kSectionFile, fs::perms::owner_exec, fs::perm_options::add);
  store_.git({"add", kSectionFile});
  record();
  EXPECT_EQ(rules(on_branch()), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(store_.git({"status", "--porcelain"}), std::string("M  ") + kSectionFile);
  store_.git({"commit", "-qm", "mode"});
  EXPECT_TRUE(store_.git({"ls-tree", "HEAD", kSectionFile}).starts_with("100755"));
  expect_all();
}

TEST_F(Sections, AnEditThatIsNotStagedStaysBesideThem) {
  const std::string edited = in_work_tree() + "\nmy own line\n";
  write_whole(store_.root() / kSectionFile, edited);
  record();
  EXPECT_TRUE(in_work_tree().starts_with(edited));
  EXPECT_EQ(rules(in_work_tree()), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(rules(on_branch()), (std::vector<uint64_t>{1, 2}));
  store_.git({"commit", "-qam", "my line"});
  EXPECT_NE(on_branch().find("my own line"), std::string::npos);
  expect_all();
}

TEST_F(Sections, AnEditThatIsStagedIsCommittedWithoutTakingThemAway) {
  write_whole(store_.root() / kSectionFile, in_work_tree() + "\nmy own line\n");
  store_.git({"add", kSectionFile});
  record();
  EXPECT_EQ(store_.git({"status", "--porcelain"}), std::string("M  ") + kSectionFile);
  EXPECT_EQ(rules(on_branch()), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(on_branch().find("my own line"), std::string::npos);
  store_.git({"commit", "-qm", "my line"});
  EXPECT_EQ(rules(on_branch()), (std::vector<uint64_t>{1, 2}));
  EXPECT_NE(on_branch().find("my own line"), std::string::npos);
  expect_all();
}

}  // namespace
}  // namespace syncline
