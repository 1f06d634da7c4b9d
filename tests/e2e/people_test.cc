// Beside a person's git: recording and folding go on, publishing waits and says why, nothing of
// theirs is swallowed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Person : public ::testing::Test {
 protected:
  Person() : store_("notes", directory_ / "store") {
    write_whole(store_.root() / "mine.txt", "one\n");
    store_.git({"add", "mine.txt"});
    store_.git({"commit", "-qm", "mine"});
    record();
    store_.json({"sync"});
    main_ = store_.git({"symbolic-ref", "HEAD"});
  }

  void record() { store_.json({"record", "note", "--title", "n " + std::to_string(++records_)}); }

  // Publishing waits, with this word in its reason; recording and folding do not.
  void expect_waits(const std::string& word) {
    const std::string branch_before = store_.git({"rev-parse", main_});
    const std::string head_before = store_.git({"rev-parse", "HEAD"});
    record();
    const Json report = store_.json({"sync", "--timeout", "1"}, 11);
    EXPECT_EQ(report.value("committed", 0U), records_) << report.dump();
    const std::string reason = report.value("waiting", std::string());
    EXPECT_NE(reason.find(word), std::string::npos) << reason;
    const Json status = store_.json({"status"});
    EXPECT_EQ(status["committed"], records_) << status.dump();
    EXPECT_LT(status["published"].get<uint64_t>(), records_);
    EXPECT_NE(status["git"], "ok");
    EXPECT_EQ(status["git"].get<std::string>().find('\n'), std::string::npos) << "one line";
    EXPECT_EQ(store_.git({"rev-parse", main_}), branch_before);
    EXPECT_EQ(store_.git({"rev-parse", "HEAD"}), head_before);
  }

  void expect_publishes() {
    store_.json({"sync"});
    expect_agreement_but({});
  }

  // All is published; `git status` shows these lines of the person's and no others.
  void expect_agreement_but(const std::string& status_lines) {
    EXPECT_EQ(store_.git({"status", "--porcelain", "--untracked-files=all"}), status_lines);
    EXPECT_EQ(store_.row_count(), records_);
    EXPECT_EQ(store_.json({"status"})["published"], records_);
    const auto own = store_.tree(store_.own_ref());
    const auto head = store_.tree("HEAD");
    EXPECT_EQ(own.size(), records_);
    for (const auto& [path, blob] : own) {
      EXPECT_TRUE(head.contains(path)) << path;
    }
    EXPECT_TRUE(store_.try_git({"fsck", "--strict", "--no-dangling"}).ok());
    EXPECT_EQ(store_.sql("PRAGMA integrity_check")[0]["integrity_check"], "ok");
  }

  // Two branches that change the same line; HEAD on `main_`.
  void make_conflict() {
    store_.git({"checkout", "-qb", "topic"});
    write_whole(store_.root() / "mine.txt", "theirs\n");
    store_.git({"commit", "-qam", "theirs"});
    store_.git({"checkout", "-q", "-"});
    write_whole(store_.root() / "mine.txt", "ours\n");
    store_.git({"commit", "-qam", "ours"});
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
  std::string main_;
  uint64_t records_ = 0;
};

// The hook's records are applied and folded; the commit that called it is not disturbed.
TEST_F(Person, AHookOfTheirsMayRecord) {
  write_whole(store_.root() / "mine.txt", "two\n");
  std::string call;
  for (const std::string& word : store_.command({"record", "note", "--title", "from the hook"})) {
    call += "'" + word + "' ";
  }
  for (const char* name : {"pre-commit", "commit-msg", "post-commit"}) {
    const fs::path hook = store_.root() / ".git/hooks" / name;
    write_whole(hook, "#!/bin/sh\n" + call + "\n");
    fs::permissions(hook, fs::perms::owner_all);
  }
  const ProcessResult commit = store_.try_git({"commit", "-qam", "work"});
  EXPECT_TRUE(commit.ok()) << commit.err;
  records_ += 3;
  EXPECT_EQ(store_.row_count(), records_);
  EXPECT_EQ(store_.git({"log", "-1", "--format=%s", main_}), "work");
  EXPECT_EQ(store_.git({"show", "--format=", "--name-status", main_}), "M\tmine.txt");
  expect_publishes();
}

// `git alias` waits for what it stands for, which may be a verb of ours.
TEST_F(Person, AnAliasOfTheirsMayStandForAVerb) {
  std::string call = "!";
  for (const std::string& word : store_.command({"record", "note", "--title", "by an alias",
                                                 "--wait", "published", "--timeout", "60"})) {
    call += "'" + word + "' ";
  }
  const ProcessResult recorded = store_.try_git({"-c", "alias.rec=" + call, "rec"});
  EXPECT_TRUE(recorded.ok()) << recorded.describe();
  ++records_;
  expect_agreement_but({});
}

// A merge has left its marks in syncline.toml, or it cannot be read at all: what was recorded with
// last holds, and every verb says so.
TEST_F(Person, AConfigurationThatCannotBeFollowedDoesNotStopRecording) {
  const fs::path config = store_.root() / "syncline.toml";
  const std::string sound = read_whole(config);
  const auto expect_told = [&] {
    for (const std::vector<std::string>& call :
         {std::vector<std::string>{"record", "note", "--title", "x"},
          {"sync"},
          {"verify"},
          {"status"},
          {"log"}}) {
      const ProcessResult result = store_.syncline(call);
      EXPECT_TRUE(result.ok()) << result.describe();
      EXPECT_NE((result.out + result.err).find("syncline.toml is not followed"), std::string::npos)
          << call.front() << ": " << result.describe();
    }
    ++records_;
  };
  write_whole(config, "<<<<<<< HEAD\n" + sound);
  expect_told();
  EXPECT_EQ(store_.syncline({"config", "check"}).exit_code, 64);
  fs::remove(config);
  fs::create_directory(config);
  expect_told();
  fs::remove(config);
  write_whole(config, sound);
  record();
  expect_publishes();
}

TEST_F(Person, ABranchThatTheyRenameIsFollowed) {
  store_.git({"branch", "-m", "trunk"});
  EXPECT_EQ(store_.json({"verify"})["findings"].size(), 0U) << "before anything is published there";
  main_ = "refs/heads/trunk";
  for (const bool first : {true, false}) {
    record();
    EXPECT_EQ(store_.json({"status"})["files_waiting"], 0) << "nobody is on another branch";
    const ProcessResult sync = store_.syncline({"sync"});
    EXPECT_TRUE(sync.ok()) << sync.describe();
    EXPECT_EQ(sync.out.find("put back"), std::string::npos) << sync.out;
    EXPECT_EQ(sync.err.find("was renamed to trunk") != std::string::npos, first) << sync.err;
    EXPECT_EQ(store_.json({"verify"})["findings"].size(), 0U);
    expect_agreement_but({});
  }
  // Its old name is another branch from here on.
  store_.git({"branch", "main"});
  store_.git({"branch", "-m", "trunk", "elsewhere"});
  record();
  const Json report = store_.json({"sync", "--timeout", "1"}, 11);
  EXPECT_NE(report.value("waiting", std::string()).find("branch elsewhere"), std::string::npos);
}

TEST_F(Person, ABranchThatDoesNotHoldWhatWasPublishedIsNotTakenForARenamedOne) {
  store_.git({"checkout", "-q", "--orphan", "other"});
  store_.git({"commit", "-qm", "from the first"});
  store_.git({"reset", "-q", "--hard"});
  const std::string published = store_.git({"rev-parse", main_});
  store_.git({"branch", "-q", "-D", "main"});
  record();
  const Json report = store_.json({"sync", "--timeout", "1"}, 11);
  EXPECT_NE(report.value("waiting", std::string()).find("branch other"), std::string::npos)
      << report.dump();
  store_.git({"branch", "main", published});
  store_.git({"checkout", "-q", "main"});
  expect_publishes();
}

TEST(Renamed, BeforeAnythingWasPublished) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  store.git({"branch", "-m", "trunk"});
  store.json({"record", "heuristic", "--domain", "d", "--rule", "one"});
  store.json({"sync"});
  store.json({"record", "heuristic", "--domain", "d", "--rule", "two"});
  store.json({"sync"});
  expect_agreement(store, 2);
}

TEST_F(Person, WhoWaitsForThePublishIsToldForWhat) {
  store_.git({"checkout", "-qb", "other"});
  const ProcessResult waited = store_.syncline(
      {"record", "note", "--title", "waits", "--wait", "published", "--timeout", "3"});
  ++records_;
  EXPECT_EQ(waited.exit_code, 11) << waited.describe();
  const std::string told = "syncline: publishing waits: branch other is checked out";
  const size_t first = waited.err.find(told);
  EXPECT_NE(first, std::string::npos) << waited.err;
  EXPECT_EQ(waited.err.find(told, first + 1), std::string::npos) << "once: " << waited.err;
  store_.git({"checkout", "-q", "-"});
  expect_publishes();
}

// It could wait for ever: the commit goes on when the hook has ended.
TEST_F(Person, AHookThatWaitsForThePublishIsAnsweredThatItIsToCome) {
  std::string call;
  for (const std::string& word :
       store_.command({"record", "note", "--title", "hook", "--wait", "published"})) {
    call += "'" + word + "' ";
  }
  const fs::path told = directory_ / "told";
  for (const char* name : {"pre-commit", "post-checkout"}) {
    const fs::path hook = store_.root() / ".git/hooks" / name;
    write_whole(hook, "#!/bin/sh\n" + call + ">>'" + told.string() + "' 2>&1\necho $? >>'" +
                          told.string() + "'\n");
    fs::permissions(hook, fs::perms::owner_all);
  }
  write_whole(store_.root() / "mine.txt", "two\n");
  store_.git({"add", "mine.txt"});
  const ProcessResult commit = store_.try_git({"commit", "-qm", "work"});
  EXPECT_TRUE(commit.ok()) << commit.err;
  store_.git({"checkout", "-q", main_.substr(std::string("refs/heads/").size())});
  records_ += 2;
  const std::string said = read_whole(told);
  size_t answers = 0;
  for (size_t at = said.find("\n11\n"); at != std::string::npos; at = said.find("\n11\n", at + 1)) {
    ++answers;
  }
  EXPECT_EQ(answers, 2U) << said;
  expect_publishes();
}

TEST_F(Person, OnAnotherBranchMakesPublishWait) {
  store_.git({"checkout", "-qb", "other"});
  expect_waits("branch");
  store_.git({"checkout", "-q", "-"});
  expect_publishes();
  expect_agreement(store_, records_);
}

TEST_F(Person, OnAnOlderBranchKeepsItsFilesWhileRecordsStreamIn) {
  store_.git({"checkout", "-qb", "older", "HEAD~1"});
  expect_waits("branch");
  store_.git({"checkout", "-q", "-"});
  expect_publishes();
  EXPECT_TRUE(store_.json({"verify"}).value("ok", false));
}

// Not by a record, not by a repair, and not where the database is built anew: it would stand in the
// way of the checkout back, or go into a commit of theirs.
TEST_F(Person, OnAnotherBranchNothingOfOursComesIntoTheWorkTree) {
  record();
  store_.json({"sync"});
  store_.git({"checkout", "-qb", "older", "HEAD~1"});
  const auto untracked = [&] { return store_.git({"status", "--porcelain", "-uall"}); };
  record();
  EXPECT_EQ(untracked(), "");
  EXPECT_EQ(store_.json({"status"})["files_waiting"], 1);
  EXPECT_EQ(store_.json({"verify"})["findings"], Json::array()) << "its files went with main";
  store_.json({"repair"});
  store_.remove_database();
  record();
  EXPECT_EQ(untracked(), "");
  EXPECT_EQ(store_.row_count(), records_);
  const ProcessResult told = store_.syncline({"record", "note", "--title", "told"});
  ++records_;
  EXPECT_NE(told.err.find("branch older is checked out"), std::string::npos) << told.describe();
  write_whole(store_.root() / "mine.txt", "older\n");
  store_.git({"add", "-A"});
  store_.git({"commit", "-qm", "theirs"});
  EXPECT_EQ(store_.git({"show", "--format=", "--name-only", "HEAD"}), "mine.txt");

  store_.git({"checkout", "-q", "main"});
  const Json synced = store_.json({"sync"});
  EXPECT_EQ(synced["republished"], Json::array()) << synced.dump();
  expect_publishes();
  expect_agreement(store_, records_);
}

TEST_F(Person, WhatTheyRemovedStaysAwayWhenTheDatabaseIsLost) {
  record();
  store_.json({"sync"});
  const std::string gone = "notes/0000/n-1-1.md";
  store_.git({"rm", "-q", gone});
  store_.git({"mv", "notes/0000/n-2-2.md", "moved.md"});
  store_.git({"commit", "-qm", "tidy"});
  store_.remove_database();
  record();
  store_.json({"sync"});
  EXPECT_FALSE(fs::exists(store_.root() / gone));
  EXPECT_FALSE(fs::exists(store_.root() / "notes/0000/n-2-2.md"));
  EXPECT_EQ(store_.git({"status", "--porcelain", "-uall"}), "");
  EXPECT_EQ(store_.row_count(), records_);
  EXPECT_EQ(store_.json({"verify"})["findings"], Json::array());
}

TEST_F(Person, WithDetachedHeadMakesPublishWait) {
  store_.git({"checkout", "-q", "--detach"});
  expect_waits("detached");
  store_.git({"checkout", "-q", "-"});
  expect_publishes();
}

TEST_F(Person, InAMergeMakesPublishWait) {
  make_conflict();
  EXPECT_FALSE(store_.try_git({"merge", "topic"}).ok());
  expect_waits("merge");
  write_whole(store_.root() / "mine.txt", "both\n");
  store_.git({"add", "mine.txt"});
  store_.git({"commit", "-qm", "merged"});
  expect_publishes();
  EXPECT_EQ(read_whole(store_.root() / "mine.txt"), "both\n");
}

TEST_F(Person, InARebaseMakesPublishWait) {
  make_conflict();
  EXPECT_FALSE(store_.try_git({"rebase", "topic"}).ok());
  expect_waits("rebase");
  write_whole(store_.root() / "mine.txt", "both\n");
  store_.git({"add", "mine.txt"});
  store_.git({"rebase", "--continue"});
  expect_publishes();
  EXPECT_EQ(read_whole(store_.root() / "mine.txt"), "both\n");
}

TEST_F(Person, InACherryPickMakesPublishWait) {
  make_conflict();
  EXPECT_FALSE(store_.try_git({"cherry-pick", "topic"}).ok());
  expect_waits("cherry-pick");
  store_.git({"cherry-pick", "--abort"});
  expect_publishes();
}

TEST_F(Person, HoldingIndexLockMakesPublishWaitAndKeepsTheLock) {
  const fs::path lock = store_.root() / ".git/index.lock";
  write_whole(lock, "");
  expect_waits("index.lock");
  EXPECT_TRUE(fs::exists(lock)) << "a lock that is not ours stays";
  fs::remove(lock);
  expect_publishes();
}

// Nothing counts as published that is not on the branch.
TEST_F(Person, ASubmoduleOrALinkInTheWayIsWaitedFor) {
  const fs::path other = directory_ / "other";
  const ProcessOptions plain{.environment = plain_git_environment()};
  ASSERT_TRUE(run_process({"git", "init", "-q", other.string()}, plain).ok());
  ASSERT_TRUE(
      run_process({"git", "-C", other.string(), "commit", "-q", "--allow-empty", "-m", "o"}, plain)
          .ok());
  store_.git({"rm", "-qr", "notes"});
  store_.git(
      {"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.string(), "notes"});
  store_.git({"commit", "-qm", "a submodule"});
  expect_waits("stands in the way");
  store_.git({"rm", "-qrf", "notes"});
  fs::remove_all(store_.root() / "notes");
  store_.git({"commit", "-qm", "no more"});
  store_.json({"sync"});
  EXPECT_EQ(store_.json({"status"})["published"], records_);
  EXPECT_TRUE(store_.tree("HEAD").contains("notes/0000/n-2-2.md"));
}

// What made a publish fail is said by whoever is asked later, until one succeeds.
TEST_F(Person, AFaultOfTheRepositoryIsToldByStatusAndVerify) {
  const fs::path log = store_.root() / ".git/logs" / main_;
  const fs::path aside = directory_ / "log";
  fs::rename(log, aside);
  fs::create_directory(log);
  record();
  EXPECT_FALSE(store_.syncline({"sync", "--timeout", "1"}).ok());
  const std::string git = store_.json({"status"})["git"];
  EXPECT_NE(git.find("failed: "), std::string::npos) << git;
  EXPECT_NE(git.find(main_), std::string::npos) << git;
  EXPECT_NE(store_.syncline({"verify"}).out.find("failed: "), std::string::npos);
  fs::remove(log);
  fs::rename(aside, log);
  expect_publishes();
  EXPECT_EQ(store_.json({"status"})["git"], "ok");
}

// What a publish that is killed between index and branch leaves: its locks, and its files staged.
TEST_F(Person, APublishThatDiedIsMadeUpForByTheNextCall) {
  record();  // not yet due
  const fs::path git = store_.root() / ".git";
  const auto die = [&] {
    store_.git({"add", "notes"});
    const std::string own = store_.own_ref();
    const std::string text = "syncline lock of " + own.substr(own.rfind('/') + 1) + "\n";
    write_whole(git / "HEAD.lock", text);
    write_whole(git / "index.lock", text);
  };
  const auto expect_unlocked = [&] {
    EXPECT_FALSE(fs::exists(git / "index.lock"));
    EXPECT_FALSE(fs::exists(git / "HEAD.lock"));
  };
  die();
  record();
  expect_unlocked();
  expect_agreement_but("");

  // Where the person has to be waited for, the locks go, and the publish comes with the first call
  // afterwards.
  make_conflict();
  store_.git({"commit", "--allow-empty", "-qm", "just now"});
  record();
  die();
  const std::string tip = store_.git({"rev-parse", "HEAD"});
  write_whole(git / "MERGE_HEAD", store_.git({"rev-parse", "topic"}) + "\n");
  record();
  expect_unlocked();
  EXPECT_EQ(store_.git({"rev-parse", "HEAD"}), tip);
  fs::remove(git / "MERGE_HEAD");
  record();
  expect_agreement_but("");
  EXPECT_FALSE(fs::exists(git / "syncline/publish.cut"));
}

TEST_F(Person, StagedWorkIsNeitherSwallowedNorUnstaged) {
  write_whole(store_.root() / "mine.txt", "staged\n");
  write_whole(store_.root() / "new.txt", "new\n");
  store_.git({"add", "mine.txt", "new.txt"});
  write_whole(store_.root() / "mine.txt", "staged, then changed\n");
  write_whole(store_.root() / "untracked.txt", "untracked\n");
  record();
  store_.json({"sync"});
  expect_agreement_but("MM mine.txt\nA  new.txt\n?? untracked.txt");
  EXPECT_EQ(store_.git({"show", ":mine.txt"}), "staged");
  EXPECT_EQ(store_.git({"show", "HEAD:mine.txt"}), "one");
  EXPECT_EQ(read_whole(store_.root() / "mine.txt"), "staged, then changed\n");
}

TEST_F(Person, AStagedDeletionStaysStaged) {
  store_.git({"rm", "-q", "mine.txt"});
  record();
  store_.json({"sync"});
  expect_agreement_but("D  mine.txt");
}

TEST_F(Person, AHandEditOfARecordFileStaysAnUnstagedChange) {
  const std::string path = store_.sql("SELECT path FROM notes")[0]["path"];
  const std::string edited = read_whole(store_.root() / path) + "\nA person's line.\n";
  write_whole(store_.root() / path, edited);
  record();
  store_.json({"sync"});
  EXPECT_EQ(read_whole(store_.root() / path), edited);
  expect_agreement_but(" M " + path);
  store_.git({"commit", "-qam", "edit"});
  record();
  store_.json({"sync"});
  EXPECT_EQ(read_whole(store_.root() / path), edited);
  EXPECT_EQ(store_.git({"show", "HEAD:" + path}) + "\n", edited);
}

TEST_F(Person, CommitsBetweenOursAreKept) {
  for (int turn = 0; turn < 5; ++turn) {
    write_whole(store_.root() / "mine.txt", "turn " + std::to_string(turn) + "\n");
    store_.git({"commit", "-qam", "turn " + std::to_string(turn)});
    record();
    store_.json({"sync"});
  }
  expect_agreement(store_, records_);
  EXPECT_EQ(store_.git({"log", "--format=%s", "--grep=^turn"}).size(), 5 * 7 - 1U);
}

TEST_F(Person, WhatTheyRemoveOrMoveStaysSoAndIsANote) {
  for (int i = 0; i < 2; ++i) record();
  store_.json({"sync"});
  const auto path = [&](int id) {
    return store_.sql("SELECT path FROM notes WHERE id = " + std::to_string(id))[0]["path"]
        .get<std::string>();
  };
  const std::string removed = path(1), moved = path(2);
  store_.git({"rm", "-q", removed});
  fs::create_directory(store_.root() / "archive");
  store_.git({"mv", moved, "archive/"});
  store_.git({"commit", "-qm", "tidied"});
  for (int i = 0; i < 2; ++i) {
    record();
    const Json report = store_.json({"sync"});
    EXPECT_TRUE(report["republished"].empty()) << report.dump();
    EXPECT_FALSE(fs::exists(store_.root() / removed));
    EXPECT_FALSE(fs::exists(store_.root() / moved));
    EXPECT_EQ(store_.git({"status", "--porcelain", "--untracked-files=all"}), "");
    const Json verified = store_.json({"verify"});
    EXPECT_TRUE(verified["ok"]) << verified.dump();
    ASSERT_EQ(verified["notes"].size(), 2U) << verified.dump();
    EXPECT_EQ(verified["notes"][0]["detail"], "removed by a person, on the branch");
    EXPECT_EQ(store_.json({"verify", "--strict"}, 12)["ok"], false);
  }
  EXPECT_EQ(store_.row_count(), records_);
  const Json repair = store_.json({"repair"});
  EXPECT_TRUE(repair["healed"].empty()) << repair.dump();
  EXPECT_FALSE(fs::exists(store_.root() / removed));
}

TEST_F(Person, AResetThatTakesOurCommitAwayGetsItBackReported) {
  record();
  store_.json({"sync"});
  store_.git({"reset", "-q", "--hard", "HEAD~1"});
  record();
  const Json report = store_.json({"sync"});
  EXPECT_FALSE(report["republished"].empty()) << report.dump();
  expect_agreement_but({});
}

TEST_F(Person, OurCommitsHoldOurPathsAndTrailersOnly) {
  write_whole(store_.root() / "new.txt", "new\n");
  store_.git({"add", "new.txt"});
  record();
  store_.json({"sync"});
  const std::string message = store_.git({"log", "-1", "--format=%B"});
  EXPECT_NE(message.find("Syncline-Store: "), std::string::npos) << message;
  EXPECT_NE(message.find("Syncline-Range: "), std::string::npos) << message;
  EXPECT_EQ(
      store_.git({"show", "--format=", "--name-only", "HEAD"}),
      store_.sql("SELECT path FROM notes ORDER BY id DESC LIMIT 1")[0]["path"].get<std::string>());
  EXPECT_EQ(store_.git({"log", "-1", "--format=%an <%ae>"}), "Syncline <syncline@localhost>");
}

TEST_F(Person, ARealGitHeldOpenByAnEditorIsNotDisturbed) {
  // `git commit` waits in its editor while records stream in; the editor is a program that waits
  // for a file to appear.
  const fs::path go = directory_ / "go";
  ASSERT_TRUE(run_process({"mkfifo", go.string()}).ok());
  write_whole(store_.root() / "mine.txt", "in the editor\n");
  ProcessOptions options{.directory = store_.root().string()};
  options.environment = plain_git_environment();
  std::erase_if(options.environment,
                [](const std::string& entry) { return entry.starts_with("GIT_EDITOR="); });
  const fs::path editor = directory_ / "editor";
  write_whole(editor, "#!/bin/sh\nread line < '" + go.string() + "'\necho edited > \"$1\"\n");
  fs::permissions(editor, fs::perms::owner_all);
  options.environment.push_back("GIT_EDITOR=" + editor.string());
  // It is in the editor once the message file is another.
  const fs::path message = store_.root() / ".git/COMMIT_EDITMSG";
  const std::string before = fs::exists(message) ? read_whole(message) : std::string();
  Process commit({"git", "commit", "-a"}, options);
  while (read_whole(message) == before)
    ASSERT_FALSE(commit.ended_within(std::chrono::milliseconds(5)));
  record();
  store_.json({"sync", "--timeout", "1"}, 11);
  EXPECT_EQ(store_.json({"status"})["committed"], records_);
  // Opened both ways, so that neither side waits for the other to be there.
  const int pipe = ::open(go.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(pipe, 0);
  ASSERT_EQ(::write(pipe, "go\n", 3), 3);
  const ProcessResult committed = commit.wait();
  ::close(pipe);
  EXPECT_TRUE(committed.ok()) << committed.describe();
  store_.json({"sync"});
  expect_agreement_but({});
  EXPECT_EQ(store_.git({"show", "HEAD:mine.txt"}), "in the editor");
}

}  // namespace
}  // namespace syncline
