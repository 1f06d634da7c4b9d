// Publishing, and the shapes of repository it publishes to.
#include "sync/publish/publisher.h"

#include <algorithm>

#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

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
  EXPECT_TRUE(message.starts_with("3 notes, 1 rule\n")) << message;
  EXPECT_NE(message.find("- note: text 0"), std::string::npos);
  EXPECT_NE(message.find("Syncline-Range: 1-4"), std::string::npos);
  EXPECT_EQ(store.repository.git("reflog show -1 --format=%gs main"),
            "commit (syncline): 3 notes, 1 rule");
  EXPECT_EQ(store.repository.git("reflog show -1 --format=%gs HEAD"),
            "commit (syncline): 3 notes, 1 rule");
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
  time_passes();
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
  store.repository.git("worktree add -q -b linked " + quoted_for_shell(linked));
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
  EXPECT_EQ(store.repository.git("-C " + quoted_for_shell(linked) + " status --porcelain"), "");
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
  commit_file("rules/cpp.md", "# Their own title\n" + read_text(store.work("rules/cpp.md")));
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
  EXPECT_EQ(store.repository.git("log -1 --format=%s main~1"), "2 notes, 1 rule");
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
