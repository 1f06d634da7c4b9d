// Publishing beside a person who works in the same repository: G6 and G7, one promise a test.

#include "sync/publish/publisher.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class PublisherTest : public testing::Test {
 protected:
  void SetUp() override {
    write_file(store.work("theirs.txt"), "a person's file\n");
    store.repository.git("add theirs.txt");
    store.repository.git("commit -q -m 'a person was here first'");
  }
  void expect_clean() {
    EXPECT_EQ(store.status(), "");
    store.expect_clean();
  }
  std::string commit_file(const std::string& path, const std::string& text,
                          const std::string& message = "by a person") {
    write_file(store.work(path), text);
    store.repository.git("add " + quote_for_shell(path));
    store.repository.git("commit -q -m " + quote_for_shell(message));
    return store.head();
  }
  // Makes logs/HEAD and COMMIT_EDITMSG as old as the real ones would be after some time.
  void age(const std::string& file, int seconds) {
    const timespec when[2] = {{::time(nullptr) - seconds, 0}, {::time(nullptr) - seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, store.work(".git/" + file).c_str(), when, 0), 0);
  }

  PublishStore store;
};

TEST_F(PublisherTest, RecordsAreOnTheBranchAndStatusShowsNothing) {
  for (int i = 0; i < 3; ++i) store.record(note_intent("text " + std::to_string(i)));
  store.record(rule_intent("cpp", "mind the gap"));
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.commit.hex(), store.head());
  EXPECT_TRUE(report.left.empty());
  EXPECT_TRUE(report.republished.empty());
  EXPECT_EQ(store.branch_file("rules/cpp.md"), store.show("rules/cpp.md"));
  EXPECT_EQ(store.branch_file(store.note_path(2)), store.show(store.note_path(2)));
  EXPECT_EQ(store.branch_file("theirs.txt"), "a person's file");
  expect_clean();
  const std::string message = store.repository.git("log -1 --format=%B main");
  EXPECT_TRUE(message.starts_with("syncline: 4 records\n")) << message;
  EXPECT_NE(message.find("- note: text 0"), std::string::npos);
  EXPECT_NE(message.find("Syncline-Range: 1-4"), std::string::npos);
  EXPECT_EQ(store.repository.git("reflog show -1 --format=%gs main"),
            "commit (syncline): syncline: 4 records");
  EXPECT_EQ(store.repository.git("reflog show -1 --format=%gs HEAD"),
            "commit (syncline): syncline: 4 records");
  EXPECT_EQ(store.repository.git("rev-list --count --grep=Syncline-Range: main"), "1");
}

TEST_F(PublisherTest, PublishingAgainChangesNothing) {
  store.record(note_intent("one"));
  store.publish_all();
  const std::string head = store.head();
  EXPECT_FALSE(store.syncer->publisher().due());
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  EXPECT_EQ(store.head(), head);
  store.open_syncer();  // another process
  ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
  EXPECT_EQ(store.syncer->published(), 1u);
  EXPECT_FALSE(store.syncer->publisher().due());
  EXPECT_TRUE(store.publish_all().commit.is_zero());
}

TEST_F(PublisherTest, OneRecordGivesTheCommitItsSubject) {
  store.record(note_intent("alone"));
  store.publish_all();
  EXPECT_EQ(store.repository.git("log -1 --format=%s main"), "note: alone");
}

TEST_F(PublisherTest, AnIntervalLiesBetweenPublishes) {
  store.options.publish_interval_ms = 3'600'000;
  store.open_syncer();
  store.record(note_intent("one"));
  EXPECT_TRUE(store.syncer->publisher().due());
  store.publish_all();
  store.record(note_intent("two"));
  EXPECT_FALSE(store.syncer->publisher().due());
  store.open_syncer();
  ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
  EXPECT_FALSE(store.syncer->publisher().due());
}

TEST_F(PublisherTest, AnUnbornBranchGetsItsFirstCommit) {
  PublishStore fresh;
  fresh.record(note_intent("first"));
  fresh.publish_all();
  EXPECT_EQ(fresh.repository.git("rev-list --count main"), "1");
  EXPECT_EQ(fresh.status(), "");
  fresh.expect_clean();
}

TEST_F(PublisherTest, AStagedFileStaysStagedAndIsNotInOurCommit) {
  write_file(store.work("staged.txt"), "not yet committed\n");
  write_file(store.work("theirs.txt"), "edited and staged\n");
  store.repository.git("add staged.txt theirs.txt");
  write_file(store.work("theirs.txt"), "and edited again\n");
  const std::string before = store.status();
  store.record(note_intent("beside"));
  store.publish_all();
  EXPECT_EQ(store.status(), before);
  EXPECT_EQ(store.changed_in_head(), "A\t" + store.note_path(1));
  store.repository.git("commit -q -m theirs");
  EXPECT_EQ(store.changed_in_head(), "A\tstaged.txt\nM\ttheirs.txt");
  store.expect_clean();
}

TEST_F(PublisherTest, AnUnstagedEditOfOurFileStaysAnUnstagedChange) {
  store.record(note_intent("before"));
  store.record(note_intent("published later"));
  write_file(store.work(store.note_path(2)), "edited before it was ever published\n");
  store.publish_all();
  EXPECT_EQ(store.status(), " M " + store.note_path(2));
  EXPECT_EQ(slurp(store.work(store.note_path(2))), "edited before it was ever published\n");
  write_file(store.work(store.note_path(1)), "edited afterwards\n");
  store.record(note_intent("third"));
  store.publish_all();
  EXPECT_EQ(store.status(), " M " + store.note_path(1) + "\n M " + store.note_path(2));
  store.expect_clean();
}

TEST_F(PublisherTest, AnEditOfTheSameLengthIsSeenByGit) {
  store.record(note_intent("aaaa"));
  const std::string text = slurp(store.work(store.note_path(1)));
  store.publish_all();
  std::string edited = text;
  edited.replace(edited.find("aaaa"), 4, "bbbb");
  write_file(store.work(store.note_path(1)), edited);
  EXPECT_EQ(store.status(), " M " + store.note_path(1));
}

// The file has not changed for an hour, by the syncer's clock and by its own times, so that nothing
// but the comparison of its bytes keeps these out of the index; and git, which itself looks again
// at what is as new as the index, would believe them.
TEST_F(PublisherTest, AnEditBeforeThePublishIsSeenByGitHoweverOldItIs) {
  class LaterClock final : public Clock {
   public:
    int64_t now_ms() override { return system_clock().now_ms() + 3'600'000; }
    int64_t monotonic_ns() override { return system_clock().monotonic_ns(); }
    void pause_ns(int64_t duration_ns) override { system_clock().pause_ns(duration_ns); }
  } later;
  store.open_syncer(later);
  store.record(note_intent("aaaa"));
  std::string edited = slurp(store.work(store.note_path(1)));
  edited.replace(edited.find("aaaa"), 4, "bbbb");
  const fs::path path = store.work(store.note_path(1));
  write_file(path, edited);
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(1));
  store.publish_all();
  EXPECT_EQ(store.status(), " M " + store.note_path(1));
  store.open_syncer();
}

TEST_F(PublisherTest, AStagedDeletionAndAStagedEditOfOurFilesStay) {
  store.record(rule_intent("cpp", "one"));
  store.record(rule_intent("git", "one"));
  store.publish_all();
  store.repository.git("rm -q --cached rules/cpp.md");
  write_file(store.work("rules/git.md"), "all new\n");
  store.repository.git("add rules/git.md");
  store.record(rule_intent("cpp", "two"));
  store.record(rule_intent("git", "two"));
  store.publish_all();
  EXPECT_EQ(store.branch_file("rules/cpp.md"), store.show("rules/cpp.md"));
  const std::string status = store.status();
  EXPECT_NE(status.find("D  rules/cpp.md"), std::string::npos) << status;
  EXPECT_NE(status.find("MM rules/git.md"), std::string::npos) << status;
  EXPECT_EQ(store.repository.git("cat-file blob :rules/git.md"), "all new");
}

TEST_F(PublisherTest, OtherBytesOnTheBranchAreLeftAndReported) {
  commit_file("notes/0000/n-1.md", "a person wrote this name first\n");
  store.record(note_intent("ours"), /*write_file=*/false);
  store.record(note_intent("next"));
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.left, std::vector<std::string>{store.note_path(1)});
  EXPECT_EQ(store.branch_file(store.note_path(1)), "a person wrote this name first");
  expect_clean();
  store.record(note_intent("third"));
  EXPECT_TRUE(store.publish_all().left.empty()) << "reported once";
}

TEST_F(PublisherTest, ALinkOrAFileInTheWayIsLeftAndTheRestIsPublished) {
  fs::create_directory_symlink("/tmp", store.work("rules"));
  write_file(store.work("notes"), "a file in the place of a directory\n");
  store.repository.git("add rules notes");
  store.repository.git("commit -q -m 'in the way'");
  store.record(note_intent("blocked"), false);
  store.record(rule_intent("cpp", "blocked"), false);
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.left, (std::vector<std::string>{store.note_path(1), "rules/cpp.md"}));
  expect_clean();
  // Once it is out of the way, they are published.
  store.repository.git("rm -q rules notes");
  store.repository.git("commit -q -m 'out of the way'");
  EXPECT_TRUE(store.syncer->publisher().due());
  EXPECT_TRUE(store.publish_all().left.empty());
  EXPECT_EQ(store.branch_file(store.note_path(1)), store.show(store.note_path(1)));
  EXPECT_EQ(store.branch_file("rules/cpp.md"), store.show("rules/cpp.md"));
  expect_clean();
}

TEST_F(PublisherTest, SameBytesOnTheBranchNeedNothing) {
  store.record(note_intent("a person commits it first"));
  store.repository.git("add -A");
  store.repository.git("commit -q -m 'git add -A took it along'");
  const std::string head = store.head();
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  EXPECT_EQ(store.head(), head);
  EXPECT_EQ(store.syncer->published(), 1u);
}

TEST_F(PublisherTest, AnAppendFileEditedOnTheBranchGetsOurSectionAndKeepsTheirs) {
  store.record(rule_intent("cpp", "first"));
  store.publish_all();
  const std::string edited =
      "# Their own title\n" + slurp(store.work("rules/cpp.md")) + "\ntheirs\n";
  commit_file("rules/cpp.md", edited);
  store.record(rule_intent("cpp", "second"));
  const PublishReport report = store.publish_all();
  EXPECT_TRUE(report.left.empty());
  EXPECT_EQ(store.branch_file("rules/cpp.md") + "\n", edited + "\n## H-2: second\n");
  expect_clean();
}

TEST_F(PublisherTest, ASectionThatAPersonCommittedIsNotPublishedTwice) {
  store.record(rule_intent("cpp", "first"));
  store.publish_all();
  store.record(rule_intent("cpp", "second"));
  commit_file("rules/cpp.md", slurp(store.work("rules/cpp.md")) + "theirs\n");
  store.record(rule_intent("cpp", "third"));
  store.publish_all();
  const std::string text = store.branch_file("rules/cpp.md");
  EXPECT_EQ(text.find("H-2"), text.rfind("H-2"));
  EXPECT_NE(text.find("H-3"), std::string::npos);
  expect_clean();
}

TEST_F(PublisherTest, EqualSectionsAreCountedNotMerged) {
  Intent same = rule_intent("cpp", "");
  same.text = Template::literal("\nthe same text\n");
  store.record(same);
  store.publish_all();
  commit_file("rules/cpp.md", "# Title\n" + slurp(store.work("rules/cpp.md")));
  store.record(same);
  store.publish_all();
  const std::string text = store.branch_file("rules/cpp.md");
  EXPECT_NE(text.find("the same text"), text.rfind("the same text"));
  expect_clean();
}

TEST_F(PublisherTest, SectionsThatArePartsOfEachOtherAreThereOnceAfterAReset) {
  store.record(note_intent("before"));
  store.publish_all();
  for (const char* text : {"- a\n", "- a\n- b\n", "- b\n", "- a\n"}) {
    Intent part = rule_intent("cpp", "");
    part.text = Template::literal(text);
    store.record(part);
    store.publish_all();
  }
  const std::string whole = "# Rules: cpp\n- a\n- a\n- b\n- b\n- a\n";
  ASSERT_EQ(store.show("rules/cpp.md") + "\n", whole);
  for (int commits = 1; commits <= 4; ++commits) {
    SCOPED_TRACE(commits);
    store.repository.git("reset -q --hard HEAD~" + std::to_string(commits));
    store.publish_all();
    EXPECT_EQ(store.branch_file("rules/cpp.md") + "\n", whole);
    EXPECT_EQ(slurp(store.work("rules/cpp.md")), whole);
    EXPECT_EQ(store.show("rules/cpp.md") + "\n", whole);
    expect_clean();
    // One commit each again, for the next round.
    store.repository.git("reset -q --hard ORIG_HEAD");
    store.publish_all();
  }
}

TEST_F(PublisherTest, ASectionThatAPersonRewroteIsNotAddedASecondTime) {
  store.record(rule_intent("cpp", "first"));
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  const std::string edited = "# Rules: cpp\n\n## H-1: retitled\n\nand explained\n";
  commit_file("rules/cpp.md", edited + "\n## H-2: second\n");
  store.record(rule_intent("cpp", "third"));
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.left, std::vector<std::string>{"rules/cpp.md"});
  EXPECT_EQ(store.branch_file("rules/cpp.md") + "\n",
            edited + "\n## H-2: second\n\n## H-3: third\n");
  expect_clean();
}

TEST_F(PublisherTest, ASectionThatAPersonRemovedIsPutBackAndReported) {
  store.record(rule_intent("cpp", "first"));
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  commit_file("rules/cpp.md", "# Rules: cpp\nshortened\n");
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.republished, std::vector<std::string>{"rules/cpp.md"});
  EXPECT_EQ(store.branch_file("rules/cpp.md"),
            "# Rules: cpp\nshortened\n\n## H-1: first\n\n## H-2: second");
  expect_clean();
}

TEST_F(PublisherTest, ResetHardTakesNothingAway) {
  store.record(note_intent("one"));
  store.record(rule_intent("cpp", "one"));
  store.publish_all();
  store.record(rule_intent("cpp", "two"));
  store.record(note_intent("two"));
  store.publish_all();
  store.repository.git("reset -q --hard HEAD~1");
  EXPECT_FALSE(fs::exists(store.work(store.note_path(4))));
  EXPECT_TRUE(store.syncer->publisher().due());
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.republished, (std::vector<std::string>{store.note_path(4), "rules/cpp.md"}));
  EXPECT_EQ(slurp(store.work("rules/cpp.md")), store.show("rules/cpp.md") + "\n");
  EXPECT_TRUE(fs::exists(store.work(store.note_path(4))));
  expect_clean();
  store.repository.git("reset -q --hard HEAD~2");  // to before both publishes
  store.open_syncer();
  EXPECT_EQ(store.publish_all().republished.size(), 3u);
  EXPECT_EQ(store.branch_file("rules/cpp.md"), store.show("rules/cpp.md"));
  expect_clean();
}

TEST_F(PublisherTest, AmendSquashAndRebaseKeepWhatTheyKeep) {
  store.record(note_intent("one"));
  store.publish_all();
  store.repository.git("commit -q --amend -m 'reworded by a person'");
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  commit_file("more.txt", "more\n");
  store.record(note_intent("two"));
  store.publish_all();
  store.repository.git("reset -q --soft HEAD~2");
  store.repository.git("commit -q -m squashed");
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  store.repository.git("rm -q --cached " + store.note_path(2));
  store.repository.git("commit -q --amend -m 'squashed, one lost'");
  EXPECT_EQ(store.publish_all().republished, std::vector<std::string>{store.note_path(2)});
  expect_clean();
}

TEST_F(PublisherTest, AnAmendedCommitThatGcTookIsNoLoss) {
  store.record(note_intent("one"));
  store.record(rule_intent("cpp", "one"));
  store.publish_all();
  store.repository.git("reset -q --hard HEAD~1");
  store.repository.git("reflog expire --expire=now --all");
  store.repository.git("gc -q --prune=now");
  store.open_syncer();
  store.record(note_intent("three"));
  store.publish_all();
  EXPECT_EQ(store.branch_file(store.note_path(1)), store.show(store.note_path(1)));
  EXPECT_EQ(store.branch_file("rules/cpp.md"), store.show("rules/cpp.md"));
  expect_clean();
}

TEST_F(PublisherTest, AFileMissingFromTheWorkTreeIsWrittenBack) {
  store.record(note_intent("one"));
  fs::remove_all(store.work("notes"));
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.republished, std::vector<std::string>{store.note_path(1)});
  expect_clean();
}

TEST_F(PublisherTest, ForeignTextInTheWorkTreeFileIsNotPublished) {
  store.record(rule_intent("cpp", "first"));
  write_file(store.work("rules/cpp.md"), slurp(store.work("rules/cpp.md")) + "uncommitted\n");
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  EXPECT_EQ(store.branch_file("rules/cpp.md").find("uncommitted"), std::string::npos);
  EXPECT_EQ(store.status(), " M rules/cpp.md");
  EXPECT_NE(slurp(store.work("rules/cpp.md")).find("uncommitted"), std::string::npos);
}

// ---- Waiting ----

TEST_F(PublisherTest, ADetachedHeadWaitsAndGoesOnAfter) {
  store.repository.git("checkout -q --detach");
  store.record(note_intent("one"));
  store.expect_waiting("HEAD is detached");
  EXPECT_FALSE(store.syncer->publisher().due()) << "a waiting publish is not tried at once again";
  store.repository.git("checkout -q main");
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, AnotherBranchWaitsAndGoesOnAfter) {
  store.repository.git("checkout -q -b feature");
  store.record(note_intent("one"));
  store.expect_waiting("branch feature is checked out");
  EXPECT_EQ(store.repository.git("rev-parse feature"), store.head());
  store.repository.git("checkout -q main");
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, AMergeWithConflictsWaitsAndGoesOnAfter) {
  store.repository.git("checkout -q -b feature");
  commit_file("theirs.txt", "feature\n");
  store.repository.git("checkout -q main");
  commit_file("theirs.txt", "main\n");
  EXPECT_NE(store.repository.run("merge feature").exit_code, 0);
  store.record(note_intent("meanwhile"));
  store.expect_waiting("a merge is under way");
  write_file(store.work("theirs.txt"), "both\n");
  store.repository.git("add theirs.txt");
  store.repository.git("commit -q -m merged");
  EXPECT_EQ(store.repository.git("rev-list --parents -1 main").size(), 3 * 40u + 2);
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, ARebaseWaitsAndGoesOnAfter) {
  store.repository.git("checkout -q -b base");
  commit_file("theirs.txt", "base\n");
  store.repository.git("checkout -q main");
  commit_file("theirs.txt", "main\n");
  EXPECT_NE(store.repository.run("rebase base").exit_code, 0);
  store.record(note_intent("meanwhile"));
  store.expect_waiting("a rebase is under way");
  write_file(store.work("theirs.txt"), "both\n");
  store.repository.git("add theirs.txt");
  store.repository.git("rebase --continue", {}, "GIT_EDITOR=true");
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, CherryPickRevertAndBisectWait) {
  store.repository.git("checkout -q -b other");
  const std::string other = commit_file("theirs.txt", "other\n");
  const std::string picked = store.repository.git("rev-parse other");
  store.repository.git("checkout -q main");
  commit_file("theirs.txt", "main\n");
  store.record(note_intent("meanwhile"));
  EXPECT_NE(store.repository.run("cherry-pick " + picked).exit_code, 0);
  store.expect_waiting("a cherry-pick is under way");
  store.repository.git("cherry-pick --abort");
  EXPECT_NE(store.repository.run("revert --no-edit HEAD~1").exit_code, -1);
  store.repository.run("revert --abort");
  write_file(store.work(".git/REVERT_HEAD"), picked + "\n");
  store.expect_waiting("a revert is under way");
  fs::remove(store.work(".git/REVERT_HEAD"));
  store.repository.git("bisect start");
  store.expect_waiting("a bisect is under way");
  store.repository.git("bisect reset");
  EXPECT_EQ(store.publish().waiting, "");
  store.expect_clean();
}

TEST_F(PublisherTest, ConflictsWithoutAMergeHeadWaitToo) {
  commit_file("theirs.txt", "one\n");
  write_file(store.work("theirs.txt"), "stashed\n");
  store.repository.git("stash -q");
  commit_file("theirs.txt", "two\n");
  EXPECT_NE(store.repository.run("stash pop").exit_code, 0);
  store.record(note_intent("meanwhile"));
  store.expect_waiting("unresolved conflicts");
  store.repository.git("checkout -q HEAD -- theirs.txt");
  EXPECT_EQ(store.publish().waiting, "");
}

TEST_F(PublisherTest, AHeldIndexLockWaitsAndIsNeverRemoved) {
  store.record(note_intent("one"));
  write_file(store.work(".git/index.lock"), "");
  store.expect_waiting("index.lock");
  EXPECT_TRUE(fs::exists(store.work(".git/index.lock")));
  fs::remove(store.work(".git/index.lock"));
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, AHeldRefLockWaitsAndIsNeverRemoved) {
  store.record(note_intent("one"));
  for (const char* lock : {".git/refs/heads/main.lock", ".git/HEAD.lock"}) {
    write_file(store.work(lock), "");
    EXPECT_NE(store.publish().waiting, "");
    EXPECT_TRUE(fs::exists(store.work(lock)));
    EXPECT_FALSE(fs::exists(store.work(".git/index.lock")));
    fs::remove(store.work(lock));
  }
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, ADamagedOrSplitIndexWaitsWithItsReason) {
  store.record(note_intent("one"));
  const std::string index = slurp(store.work(".git/index"));
  write_file(store.work(".git/index"), "rubbish");
  store.expect_waiting("index is damaged");
  EXPECT_EQ(slurp(store.work(".git/index")), "rubbish");
  write_file(store.work(".git/index"), index);
  store.repository.git("update-index --split-index");
  store.expect_waiting("split index");
  store.repository.git("update-index --no-split-index");
  store.publish_all();
  expect_clean();
}

// Git does not sync its index, so a power cut leaves it empty, and git refuses to work.
TEST_F(PublisherTest, AnIndexThatAPowerCutEmptiedIsMadeAgain) {
  write_file(store.work("theirs/edited.txt"), "committed\n");
  write_file(store.work("run.sh"), "#!/bin/sh\n");
  std::filesystem::permissions(store.work("run.sh"), std::filesystem::perms::owner_all);
  std::filesystem::create_symlink("run.sh", store.work("link"));
  store.repository.git("add .");
  store.repository.git("commit -q -m theirs");
  store.record(note_intent("one"));
  store.publish_all();
  write_file(store.work("theirs/edited.txt"), "edited\n");
  store.record(note_intent("two"));
  write_file(store.work(".git/index"), "");
  store.publish_all();
  EXPECT_EQ(store.status(), " M theirs/edited.txt");
  EXPECT_EQ(store.repository.git("ls-files --format='%(objectmode) %(objectname) %(path)'"),
            store.repository.git("ls-tree -r --format='%(objectmode) %(objectname) %(path)' HEAD"));
}

TEST_F(PublisherTest, AnOpenEditorWaitsAndAnAbortedOneDoesNot) {
  store.record(note_intent("one"));
  // The editor says that it is there, and goes once it may.
  ASSERT_EQ(::mkfifo(store.work(".git/editor-ready").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(store.work(".git/editor-go").c_str(), 0600), 0);
  write_file(store.work(".git/editor"),
             "#!/bin/sh\necho ready > .git/editor-ready\ncat .git/editor-go > /dev/null\n"
             ": > \"$1\"\n");
  fs::permissions(store.work(".git/editor"), fs::perms::owner_all);
  write_file(store.work("theirs.txt"), "edited\n");
  store.repository.git("add theirs.txt");
  FILE* commit = popen(("cd " + quote_for_shell(store.repository.path().string()) +
                        " && GIT_EDITOR=.git/editor git -c user.name=P -c user.email=p@x commit "
                        ">/dev/null 2>&1")
                           .c_str(),
                       "r");
  ASSERT_NE(commit, nullptr);
  EXPECT_EQ(slurp(store.work(".git/editor-ready")), "ready\n");
  age("logs/HEAD", 1000);
  age("COMMIT_EDITMSG", 500);
  store.expect_waiting("an editor is open on a commit message");
  write_file(store.work(".git/editor-go"), "go\n");
  EXPECT_NE(pclose(commit), 0) << "an empty message gives the commit up";
  age("COMMIT_EDITMSG", 500);  // newer than logs/HEAD, and nobody is there any more
  store.publish_all();
  EXPECT_EQ(store.status(), "M  theirs.txt");
}

TEST_F(PublisherTest, AMessageJustBegunWaitsForAMoment) {
  store.record(note_intent("one"));
  age("logs/HEAD", 1000);
  write_file(store.work(".git/COMMIT_EDITMSG"), "begun\n");
  store.expect_waiting("an editor is open");
  age("COMMIT_EDITMSG", 60);
  store.publish_all();
}

// ---- Other shapes of repository ----

TEST_F(PublisherTest, APackedRefAndAnIndexOfVersion4) {
  store.repository.git("config index.version 4");
  store.repository.git("update-index --index-version 4");
  store.repository.git("pack-refs --all");
  store.record(note_intent("one"));
  store.publish_all();
  store.record(note_intent("two"));
  store.record(rule_intent("cpp", "three"));
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, ALinkedWorkTreePublishesToItsOwnBranch) {
  TemporaryDirectory elsewhere("syncline linked");
  const std::string linked = (elsewhere.path() / "wörk tree").string();
  store.repository.git("worktree add -q -b linked " + quote_for_shell(linked));
  SyncOptions options = store.options;
  options.branch = "refs/heads/linked";
  auto syncer = Syncer::open(linked, store.store_directory(), store.journal(), system_clock(),
                             options, system_git_platform());
  ASSERT_TRUE(ok(syncer));
  const Mark mark = store.append(note_intent("in the linked one"));
  ASSERT_TRUE(ok((*syncer)->committer().recover(store.outcomes)));
  ASSERT_TRUE(ok((*syncer)->committer().fold(mark, store.outcomes)));
  const auto report = (*syncer)->publisher().publish(store.outcomes);
  ASSERT_TRUE(ok(report));
  EXPECT_EQ(report->waiting, "");
  EXPECT_EQ(store.repository.git("rev-parse linked"), report->commit.hex());
  EXPECT_TRUE(fs::exists(fs::path(linked) / store.note_path(1)));
  EXPECT_EQ(store.repository.git("-C " + quote_for_shell(linked) + " status --porcelain"), "");
  EXPECT_EQ(store.status(), "");
  store.expect_clean();
}

TEST_F(PublisherTest, IgnoredPathsArePublishedAllTheSame) {
  commit_file(".gitignore", "notes/\n*.md\n");
  store.record(note_intent("one"));
  store.publish_all();
  expect_clean();
}

TEST_F(PublisherTest, SetAsideRecordsArePublishedAsNothing) {
  const Mark mark = store.append(note_intent("refused"));
  store.outcomes.set_aside(1);
  ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
  ASSERT_TRUE(ok(store.syncer->committer().fold(mark, store.outcomes)));
  store.last_seq = 1;
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  expect_clean();
}

// A publish holds something of each file, and what waited for a person may be a million of them.
TEST_F(PublisherTest, WhatWaitedIsCarriedOverInSeveralCommitsAndEachSectionOnce) {
  store.record(rule_intent("cpp", "first"));
  store.publish_all();
  // So that the sections are looked for in the journal.
  commit_file("rules/cpp.md", "# Their own title\n" + slurp(store.work("rules/cpp.md")));
  for (int i = 2; i <= 8; ++i) {
    store.record(i % 2 == 0 ? rule_intent("cpp", std::to_string(i))
                            : note_intent(std::to_string(i)));
  }
  FoldProcess process(store, store.options);
  ASSERT_TRUE(ok(process.committer.recover(store.outcomes)));
  Publisher publisher(process.context(), std::nullopt, 3);
  const auto report = publisher.publish(store.outcomes);
  ASSERT_TRUE(ok(report));
  EXPECT_EQ(report->waiting, "");
  EXPECT_EQ(report->published, 8u);
  EXPECT_EQ(report->commit.hex(), store.head());
  EXPECT_TRUE(report->left.empty());
  EXPECT_TRUE(report->republished.empty());
  EXPECT_EQ(store.repository.git(
                "log -3 --format='%(trailers:key=Syncline-Range,valueonly,separator=%x2C)' main"),
            "8-8\n5-7\n2-4");
  EXPECT_EQ(store.repository.git("log -1 --format=%s main~1"), "syncline: 3 records");
  EXPECT_EQ(store.branch_file("rules/cpp.md"),
            "# Their own title\n# Rules: cpp\n\n## H-1: first\n\n## H-2: 2\n\n## H-4: 4\n\n"
            "## H-6: 6\n\n## H-8: 8");
  for (const uint64_t seq : {3u, 5u, 7u}) {
    EXPECT_EQ(store.branch_file(store.note_path(seq)), store.show(store.note_path(seq)));
  }
  expect_clean();
}

TEST_F(PublisherTest, AThousandRecordsInOnePublish) {
  std::vector<Intent> intents;
  for (int i = 0; i < 1000; ++i) intents.push_back(note_intent("n " + std::to_string(i)));
  const Mark mark = store.append(intents);
  for (uint64_t seq = 1; seq <= 1000; ++seq) store.apply(intents[seq - 1], seq);
  ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
  ASSERT_TRUE(ok(store.syncer->committer().fold(mark, store.outcomes)));
  store.last_seq = 1000;
  store.publish_all();
  expect_clean();
  const std::string names = store.repository.git("ls-tree -r --name-only main");
  EXPECT_EQ(std::ranges::count(names, '\n'), 1000);
}

}  // namespace
}  // namespace syncline
