// What publishing waits for, and that it goes on after: G7, one promise a test.
#include "sync/publish/publisher.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "sync/git/open_watch.h"
#include "sync/git/worktree_state.h"
#include "tests/support/opening_platform.h"
#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// `git ARGUMENTS` of a person whose pre-commit hook has begun, and goes on when it is told to.
class CommandInItsHook {
 public:
  CommandInItsHook(const PublishStore& store, const std::string& arguments)
      : go_(store.work(".git/go").string()) {
    const std::string begun = store.work(".git/begun").string();
    EXPECT_EQ(::mkfifo(begun.c_str(), 0600), 0);
    EXPECT_EQ(::mkfifo(go_.c_str(), 0600), 0);
    const fs::path hook = store.work(".git/hooks/pre-commit");
    write_file(hook, "#!/bin/sh\necho >.git/begun\ncat .git/go\n");
    fs::permissions(hook, fs::perms::owner_all);
    output_ = std::async(std::launch::async,
                         [&store, arguments] { return store.repository.run(arguments); });
    std::string line;
    std::ifstream stream(begun);
    std::getline(stream, line);
  }
  ~CommandInItsHook() {
    if (output_.valid()) finish();
  }
  CommandInItsHook(const CommandInItsHook&) = delete;
  CommandInItsHook& operator=(const CommandInItsHook&) = delete;
  GitOutput finish() {
    std::ofstream(go_) << '\n';
    return output_.get();
  }

 private:
  std::string go_;
  std::future<GitOutput> output_;
};

TEST_F(PublisherTest, ACommitWaitsForItsHooksAndIsNotDisturbed) {
  write_file(store.work("theirs.txt"), "changed\n");
  store.repository.git("add theirs.txt");
  CommandInItsHook commit(store, "commit -q -m work");
  age("COMMIT_EDITMSG", 60);
  store.record(note_intent("meanwhile"));
  store.expect_waiting("git commit (process ");
  const GitOutput output = commit.finish();
  EXPECT_EQ(output.exit_code, 0) << output.text;
  EXPECT_EQ(store.changed_in_head(), "M\ttheirs.txt");
  store.publish_all();
  expect_clean();
}

// The look under the locks passes over what the one before them knew, and over nothing else.
TEST_F(PublisherTest, ACommandThatBeginsBetweenTwoLooksIsSeenByTheSecond) {
  GitPlatform& platform = system_git_platform();
  const std::string work_tree = store.repository.path().string();
  OtherProcesses others;
  EXPECT_EQ(platform.git_at_work_in(work_tree, &others), "");
  EXPECT_TRUE(others.contains("1")) << "it has run for long, and is not git";
  write_file(store.work("theirs.txt"), "changed\n");
  store.repository.git("add theirs.txt");
  CommandInItsHook commit(store, "commit -q -m work");
  EXPECT_TRUE(platform.git_at_work_in(work_tree, &others).starts_with("git commit (process "));
}

// It has read HEAD already and would fail once that has moved: it finds index and branch as they
// were, however late it began.
TEST_F(PublisherTest, ACommandThatBeginsUnderTheLocksIsNotDisturbed) {
  for (const int at : {1, 2}) {
    const std::string head = store.head();
    store.record(note_intent("meanwhile " + std::to_string(at)));
    const std::string index = read_text(store.work(".git/index"));
    OpeningPlatform<GitPlatform> platform(head_file(), at);
    platform.program = "git commit (process 7)";
    store.open_syncer(system_clock(), platform);
    store.expect_waiting("git commit (process 7) is running here");
    EXPECT_EQ(store.head(), head) << at;
    EXPECT_EQ(read_text(store.work(".git/index")), index) << at;
    EXPECT_EQ(store.status(), "?? " + store.note_path(store.last_seq)) << at;
    store.open_syncer();
    store.publish_all();
    expect_clean();
  }
}

// As others of the store do all the time.
TEST_F(PublisherTest, WhoOpensHeadAndIsNotGitIsNotWaitedFor) {
  for (const int at : {1, 2}) {
    store.record(note_intent("beside " + std::to_string(at)));
    OpeningPlatform<GitPlatform> platform(head_file(), at);
    store.open_syncer(system_clock(), platform);
    store.publish_all();
    EXPECT_EQ(platform.looks, 3) << "without locks, before them, and for who opened HEAD";
    expect_clean();
    store.open_syncer();
  }
}

TEST_F(PublisherTest, WhileNobodyOpensHeadProgramsAreNotLookedAtUnderTheLocks) {
  store.record(note_intent("alone"));
  OpeningPlatform<GitPlatform> platform(head_file(), 0);
  store.open_syncer(system_clock(), platform);
  store.publish_all();
  EXPECT_EQ(platform.looks, 2);
  store.open_syncer();
}

TEST(OpenWatchTest, WhoOpensOrReplacesTheFileIsSeen) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "HEAD";
  write_file(path, "one\n");
  const std::unique_ptr<OpenWatch> watch = make_open_watch(path);
  ASSERT_NE(watch, nullptr);
  EXPECT_FALSE(watch->is_quiet()) << "it has not begun";
  watch->begin();
  EXPECT_TRUE(watch->is_quiet());
  EXPECT_EQ(read_text(path), "one\n");
  EXPECT_FALSE(watch->is_quiet());
  EXPECT_FALSE(watch->is_quiet()) << "what was seen stays seen";
  watch->begin();
  EXPECT_TRUE(watch->is_quiet());
  write_file(directory.path() / "other", "two\n");
  fs::rename(directory.path() / "other", path);
  EXPECT_FALSE(watch->is_quiet());
  watch->begin();
  EXPECT_TRUE(watch->is_quiet());
  EXPECT_EQ(read_text(path), "two\n");
  EXPECT_FALSE(watch->is_quiet()) << "of the new one";
  fs::remove(path);
  watch->begin();
  EXPECT_FALSE(watch->is_quiet()) << "there is nothing that could be watched";
}

// Its command may not be seen: it may run in another container.
TEST_F(PublisherTest, AHookOfThisRepositoryWaitsAndOneOfAnotherDoesNot) {
  store.record(note_intent("one"));
  for (const auto& [name, value] :
       {std::pair("GIT_INDEX_FILE", ".git/index"),
        std::pair("GIT_INDEX_FILE", ".git/next-index-7.lock"), std::pair("GIT_DIR", ".git")}) {
    ::setenv(name, store.work(value).c_str(), 1);
    store.expect_waiting("a git hook of this repository");
    ::unsetenv(name);
  }
  const TemporaryDirectory other;
  ::setenv("GIT_DIR", other.path().c_str(), 1);
  const PublishReport report = store.publish();
  ::unsetenv("GIT_DIR");
  EXPECT_EQ(report.waiting, "");
  expect_clean();
}

// Who has just committed may be about to amend it, or to take it back.
TEST_F(PublisherTest, NothingIsDueRightAfterAPersonMovedHead) {
  store.record(note_intent("zero"));
  store.publish_all();
  store.record(note_intent("one"));
  EXPECT_TRUE(store.syncer->publisher().due()) << "our own move of it is no reason";
  commit_file("theirs.txt", "more\n");
  EXPECT_FALSE(store.syncer->publisher().due());
  EXPECT_FALSE(store.syncer->publisher().due(/*sections_wait=*/true));
  const std::optional<uint64_t> due_ms = store.syncer->publisher().due_in_ms(false);
  ASSERT_TRUE(due_ms);
  EXPECT_LE(*due_ms, static_cast<uint64_t>(kQuietAfterMoveMs));
  age("logs/HEAD", 1);
  EXPECT_FALSE(store.syncer->publisher().due());
  age("logs/HEAD", 3);
  EXPECT_TRUE(store.syncer->publisher().due());
  commit_file("theirs.txt", "and more\n");
  EXPECT_FALSE(store.syncer->publisher().due());
  store.publish_all();  // asked for
  expect_clean();
}

// Their commit was under way when it was found to be due.
TEST_F(PublisherTest, OneThatNobodyAskedForLeavesACommitAloneThatHasJustBeenMade) {
  store.record(note_intent("zero"));
  store.publish_all();
  store.record(note_intent("one"));
  time_passes();
  ASSERT_TRUE(store.syncer->publisher().due());
  const std::string theirs = commit_file("theirs.txt", "more\n");
  const auto report = store.syncer->publisher().publish(store.outcomes, {}, Pace::kQuiet);
  ASSERT_TRUE(ok(report));
  EXPECT_EQ(report->waiting, kJustMoved);
  EXPECT_EQ(store.head(), theirs);
  time_passes();
  const auto later = store.syncer->publisher().publish(store.outcomes, {}, Pace::kQuiet);
  ASSERT_TRUE(ok(later));
  EXPECT_EQ(later->waiting, "");
  EXPECT_NE(store.head(), theirs);
  expect_clean();
}

TEST_F(PublisherTest, SectionsThatWaitDoNotWaitForTheInterval) {
  store.options.publish_interval_ms = 60'000;
  store.open_syncer();
  store.record(note_intent("zero"));
  store.publish_all();
  EXPECT_FALSE(store.syncer->publisher().due_in_ms(false)) << "nothing to publish";
  EXPECT_FALSE(store.syncer->publisher().due_in_ms(true));
  store.record(note_intent("one"));
  EXPECT_GT(store.syncer->publisher().due_in_ms(false).value_or(0), 50'000u);
  EXPECT_EQ(store.syncer->publisher().due_in_ms(true), 0u);
}

class ShiftedClock final : public Clock {
 public:
  int64_t now_ms() override { return system_clock().now_ms() + shift_ms; }
  int64_t monotonic_ns() override { return system_clock().monotonic_ns(); }
  void pause_ns(int64_t duration_ns) override { system_clock().pause_ns(duration_ns); }
  int64_t shift_ms = 0;
};

// A script that commits every two seconds, for half a minute; and one that began a while ago.
TEST_F(PublisherTest, WhoCommitsWithoutAPauseDoesNotKeepEverythingWaiting) {
  store.record(note_intent("zero"));
  store.publish_all();
  store.record(note_intent("one"));
  commit_file("theirs.txt", "more\n");
  const std::string log = (store.repository.path() / ".git/logs/HEAD").string();
  const std::string before = read_text(log);
  const auto moves = [&](int from_s_ago, int to_s_ago) {
    std::string lines = before;
    for (int ago = from_s_ago; ago >= to_s_ago; ago -= 2) {
      lines += fmt::format("{0} {0} a person <p@x> {1} +0100\tcommit: {2}\n", std::string(40, 'a'),
                           system_clock().now_ms() / 1000 - ago, ago);
    }
    std::ofstream(log) << lines;
  };
  constexpr int kLongestS = static_cast<int>(kQuietLongestMs / 1000);
  moves(10, 0);
  EXPECT_FALSE(store.syncer->publisher().due()) << "for ten seconds";
  moves(120, 0);
  EXPECT_FALSE(store.syncer->publisher().due()) << "for two minutes, in sixty moves";
  moves(kLongestS + 1, 0);
  EXPECT_TRUE(store.syncer->publisher().due());
  moves(kLongestS + 20, 20);
  commit_file("theirs.txt", "and more\n");
  EXPECT_FALSE(store.syncer->publisher().due()) << "there was a pause";
}

TEST_F(PublisherTest, AfterALongPauseAndBeforeTheFirstACommitIsLeftAloneAsWell) {
  ShiftedClock clock;
  store.open_syncer(clock);
  store.record(note_intent("zero"));
  commit_file("theirs.txt", "some\n");
  EXPECT_FALSE(store.syncer->publisher().due()) << "nothing was ever published";
  clock.shift_ms = -60'000;
  store.publish_all();
  clock.shift_ms = 0;
  store.record(note_intent("one"));
  commit_file("theirs.txt", "more\n");
  EXPECT_FALSE(store.syncer->publisher().due());
  clock.shift_ms = -50'000;
  EXPECT_TRUE(store.syncer->publisher().due()) << "HEAD was moved in the future";
}

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
  const std::string index = read_text(store.work(".git/index"));
  write_file(store.work(".git/index"), "rubbish");
  store.expect_waiting("index is damaged");
  EXPECT_EQ(read_text(store.work(".git/index")), "rubbish");
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
  FILE* commit = popen(("cd " + quoted_for_shell(store.repository.path().string()) +
                        " && GIT_EDITOR=.git/editor git -c user.name=P -c user.email=p@x commit "
                        ">/dev/null 2>&1")
                           .c_str(),
                       "r");
  ASSERT_NE(commit, nullptr);
  EXPECT_EQ(read_text(store.work(".git/editor-ready")), "ready\n");
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

}  // namespace
}  // namespace syncline
