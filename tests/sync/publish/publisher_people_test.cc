// Publishing beside a person who stages, edits, commits and rewrites in the same repository: G6,
// one promise a test.
#include "sync/publish/publisher.h"

#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

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
  EXPECT_EQ(read_text(store.work(store.note_path(2))), "edited before it was ever published\n");
  write_file(store.work(store.note_path(1)), "edited afterwards\n");
  store.record(note_intent("third"));
  store.publish_all();
  EXPECT_EQ(store.status(), " M " + store.note_path(1) + "\n M " + store.note_path(2));
  store.expect_clean();
}

// It came to the branch with an `add -A` of theirs, and went with another commit.
TEST_F(PublisherTest, AFileThatTheyTookAlongAndRemovedBeforeItsPublishStaysAway) {
  store.record(note_intent("taken along"));
  store.record(note_intent("beside"));
  store.repository.git("add " + store.note_path(1));
  store.repository.git("commit -q -m 'taken along'");
  store.repository.git("rm -q " + store.note_path(1));
  store.repository.git("commit -q -m removed");
  time_passes();
  const PublishReport report = store.publish_all();
  EXPECT_TRUE(report.republished.empty());
  EXPECT_EQ(store.changed_in_head(), "A\t" + store.note_path(2));
  EXPECT_FALSE(fs::exists(store.work(store.note_path(1))));
  expect_clean();
}

TEST_F(PublisherTest, AnEditOfTheSameLengthIsSeenByGit) {
  store.record(note_intent("aaaa"));
  const std::string text = read_text(store.work(store.note_path(1)));
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
  std::string edited = read_text(store.work(store.note_path(1)));
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
  store.record(rule_intent("git", "two"));
  store.publish_all();
  EXPECT_EQ(store.branch_file("rules/cpp.md"), store.show("rules/cpp.md"));
  const std::string status = store.status();
  EXPECT_NE(status.find("D  rules/cpp.md"), std::string::npos) << status;
  EXPECT_NE(status.find("M  rules/git.md"), std::string::npos) << status;
  const std::string staged = store.repository.git("cat-file blob :rules/git.md");
  EXPECT_TRUE(staged.starts_with("all new\n")) << staged;
  EXPECT_NE(staged.find("## H-3: two"), std::string::npos) << "what the branch got";
  // Their commit would take a section from the branch again that came into the file meanwhile.
  store.record(rule_intent("cpp", "three"), false);
  store.expect_waiting("rules/cpp.md is staged to be removed or moved");
  store.repository.git("commit -q -m edit");
  EXPECT_EQ(store.branch_file("rules/git.md"), staged);
  time_passes();
  store.publish_all();
  EXPECT_EQ(store.branch_file("rules/cpp.md").find("one"), std::string::npos);
  EXPECT_NE(store.branch_file("rules/cpp.md").find("three"), std::string::npos);
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

TEST_F(PublisherTest, ALinkOrAFileInTheWayIsWaitedFor) {
  fs::create_directory_symlink("/tmp", store.work("rules"));
  write_file(store.work("notes"), "a file in the place of a directory\n");
  store.repository.git("add rules notes");
  store.repository.git("commit -q -m 'in the way'");
  store.record(note_intent("blocked"), false);
  store.record(rule_intent("cpp", "blocked"), false);
  store.expect_waiting("stands in the way of notes/0000/n-1.md, rules/cpp.md");
  EXPECT_EQ(store.syncer->published(), 0u);
  // Once it is out of the way, they are published.
  store.repository.git("rm -q rules notes");
  store.repository.git("commit -q -m 'out of the way'");
  time_passes();
  EXPECT_TRUE(store.syncer->publisher().due_in_ms(/*sections_wait=*/false)) << "soon";
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
      "# Their own title\n" + read_text(store.work("rules/cpp.md")) + "\ntheirs\n";
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
  commit_file("rules/cpp.md", read_text(store.work("rules/cpp.md")) + "theirs\n");
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
  commit_file("rules/cpp.md", "# Title\n" + read_text(store.work("rules/cpp.md")));
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
    EXPECT_EQ(read_text(store.work("rules/cpp.md")), whole);
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

TEST_F(PublisherTest, ASectionThatAPersonRemovedStaysRemoved) {
  store.record(rule_intent("cpp", "first"));
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  commit_file("rules/cpp.md", "# Rules: cpp\nshortened\n");
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  store.record(rule_intent("cpp", "third"));
  const PublishReport report = store.publish_all();
  EXPECT_TRUE(report.republished.empty());
  EXPECT_EQ(store.branch_file("rules/cpp.md"), "# Rules: cpp\nshortened\n\n## H-3: third");
  expect_clean();
}

// The same where our publish was taken away: nobody is known to have meant that.
TEST_F(PublisherTest, ASectionThatWentWithARewrittenHistoryIsPutBackAndReported) {
  store.record(rule_intent("cpp", "first"));
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  write_file(store.work("rules/cpp.md"), "# Rules: cpp\nshortened\n");
  store.repository.git("commit -q -a --amend -m shortened");
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.republished, std::vector<std::string>{"rules/cpp.md"});
  EXPECT_EQ(store.branch_file("rules/cpp.md"),
            "# Rules: cpp\nshortened\n\n## H-1: first\n\n## H-2: second");
  expect_clean();
}

TEST_F(PublisherTest, FilesThatAPersonRemovedOrMovedStayAsTheyWant) {
  for (const char* title : {"one", "two", "three"}) store.record(note_intent(title));
  store.publish_all();
  store.repository.git("rm -q " + store.note_path(1));
  fs::create_directory(store.work("mine"));
  store.repository.git("mv " + store.note_path(2) + " mine/two.md");
  store.repository.git("commit -q -m tidied");
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  store.record(note_intent("four"));
  store.record(note_intent("five"));
  const PublishReport report = store.publish_all();
  EXPECT_TRUE(report.republished.empty());
  EXPECT_EQ(store.changed_in_head(), "A\t" + store.note_path(4) + "\nA\t" + store.note_path(5));
  EXPECT_FALSE(fs::exists(store.work(store.note_path(1))));
  EXPECT_FALSE(fs::exists(store.work(store.note_path(2))));
  // Merged, from a branch on which another one was removed.
  store.repository.git("checkout -q -b topic HEAD~1");
  store.repository.git("rm -q " + store.note_path(3));
  store.repository.git("commit -q -m 'and that one'");
  store.repository.git("checkout -q main");
  store.repository.git("merge -q -m merged topic");
  store.open_syncer();
  store.record(note_intent("six"));
  EXPECT_TRUE(store.publish_all().republished.empty());
  EXPECT_FALSE(fs::exists(store.work(store.note_path(3))));
  EXPECT_EQ(store.status(), "");
}

// The whole file was removed: what comes later makes it again, with what came later alone.
TEST_F(PublisherTest, AnAppendFileThatAPersonRemovedBeginsAnew) {
  store.record(rule_intent("cpp", "first"));
  store.publish_all();
  store.repository.git("rm -q rules/cpp.md");
  store.repository.git("commit -q -m 'no rules'");
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  store.record(rule_intent("cpp", "second"));
  EXPECT_TRUE(store.publish_all().republished.empty());
  EXPECT_EQ(store.branch_file("rules/cpp.md"), "# Rules: cpp\n\n## H-2: second");
  EXPECT_EQ(read_text(store.work("rules/cpp.md")), "# Rules: cpp\n\n## H-2: second\n");
  EXPECT_EQ(store.status(), "");
}

// So it is where other records were published in between, which leave no trace of the file.
TEST_F(PublisherTest, AnAppendFileThatWasRemovedLongAgoBeginsAnew) {
  store.record(rule_intent("cpp", "first"));
  store.record(rule_intent("git", "moved"));
  store.publish_all();
  store.repository.git("rm -q rules/cpp.md");
  store.repository.git("mv rules/git.md kept.md");
  store.repository.git("commit -q -m 'no rules'");
  time_passes();
  for (const char* title : {"between", "and more"}) {
    store.record(note_intent(title));
    store.publish_all();
  }
  store.record(rule_intent("cpp", "second"));
  store.record(rule_intent("git", "new"));
  EXPECT_TRUE(store.publish_all().republished.empty());
  EXPECT_EQ(store.branch_file("rules/cpp.md"), "# Rules: cpp\n\n## H-5: second");
  EXPECT_EQ(read_text(store.work("rules/cpp.md")), "# Rules: cpp\n\n## H-5: second\n");
  EXPECT_EQ(store.branch_file("rules/git.md"), "# Rules: git\n\n## H-6: new");
  EXPECT_EQ(store.status(), "");
}

// After a history that was rewritten and holds all of ours, removals count again.
TEST_F(PublisherTest, WhatIsRemovedBehindASquashStaysRemoved) {
  store.record(note_intent("one"));
  store.publish_all();
  store.repository.git("commit -q --amend -m 'reworded by a person'");
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  store.repository.git("rm -q " + store.note_path(1));
  store.repository.git("commit -q -m removed");
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  EXPECT_FALSE(fs::exists(store.work(store.note_path(1))));
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
  time_passes();
  EXPECT_TRUE(store.syncer->publisher().due());
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.republished, (std::vector<std::string>{store.note_path(4), "rules/cpp.md"}));
  EXPECT_EQ(read_text(store.work("rules/cpp.md")), store.show("rules/cpp.md") + "\n");
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
  write_file(store.work("rules/cpp.md"), read_text(store.work("rules/cpp.md")) + "uncommitted\n");
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  EXPECT_EQ(store.branch_file("rules/cpp.md").find("uncommitted"), std::string::npos);
  EXPECT_EQ(store.status(), " M rules/cpp.md");
  EXPECT_NE(read_text(store.work("rules/cpp.md")).find("uncommitted"), std::string::npos);
}

}  // namespace
}  // namespace syncline
