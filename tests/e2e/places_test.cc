// Where a store may live and who may use it: users, file systems, directory names, kernels.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tests/e2e/mount.h"
#include "tests/e2e/store_under_test.h"
#include "tests/support/corpus.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// A day in the life of a store, small: records at once, an ingest, the same again, a sync.
void exercise(const StoreUnderTest& store, const fs::path& scratch) {
  std::vector<std::pair<std::vector<std::string>, ProcessOptions>> commands;
  for (int call = 0; call < 8; ++call) {
    commands.emplace_back(
        store.command({"record", "package", "--name", "one-" + std::to_string(call)}),
        ProcessOptions{});
  }
  for (const ProcessResult& result : run_together(commands)) {
    ASSERT_EQ(result.exit_code, 0) << result.describe();
  }
  const fs::path file = scratch / "packages.ndjson";
  write_whole(file, package_corpus(150, 9));
  EXPECT_EQ(store.json({"ingest", file.string()})["accepted"], 150);
  EXPECT_EQ(store.json({"ingest", file.string()})["duplicates"], 150);
  store.json({"sync"});
  expect_agreement(store, 158);
}

TEST(Place, ADirectoryWithSpacesQuotesAndOtherScripts) {
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "my store's \"journal\" ünï 数据");
  exercise(store, directory.path());
}

TEST(Place, TheEmptyDirectoryOneStandsIn) {
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{}, {"."}, {"./"}, {"../here"}, {"../here/"}}) {
    TemporaryDirectory directory;
    fs::create_directory(directory / "here");
    const ProcessOptions inside{.directory = (directory / "here").string()};
    std::vector<std::string> command{syncline_binary(), "init"};
    command.insert(command.end(), names.begin(), names.end());
    const ProcessResult init = run_process(command, inside);
    ASSERT_EQ(init.exit_code, 0) << init.describe();
    const ProcessResult record =
        run_process({syncline_binary(), "record", "note", "--title", "here"}, inside);
    EXPECT_EQ(record.exit_code, 0) << record.describe();
  }
}

TEST(Place, APathThatIsRelativeAndAStoreFoundUpward) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  fs::create_directories(store.root() / "deep/er");
  ProcessOptions below{.directory = (store.root() / "deep/er").string()};
  EXPECT_EQ(run_process({syncline_binary(), "record", "note", "--title", "below"}, below).exit_code,
            0);
  ProcessOptions beside{.directory = directory.string()};
  EXPECT_EQ(
      run_process({syncline_binary(), "--store", "store", "record", "note", "--title", "r"}, beside)
          .exit_code,
      0);
  beside.environment = {"SYNCLINE_STORE=" + store.root().string()};
  EXPECT_EQ(run_process({syncline_binary(), "record", "note", "--title", "e"}, beside).exit_code,
            0);
  store.json({"sync"});
  expect_agreement(store, 3);
}

// ---- Shapes of repositories ----

void git_in(const fs::path& directory, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"git", "-c", "protocol.file.allow=always"});
  ProcessOptions options{.directory = directory.string()};
  options.environment = plain_git_environment();
  const ProcessResult result = run_process(arguments, options);
  ASSERT_TRUE(result.ok()) << result.describe();
}

void make_repository(const fs::path& top) {
  fs::create_directories(top);
  git_in(top, {"init", "-q", "-b", "main"});
  write_whole(top / "theirs.txt", "a person's\n");
  git_in(top, {"add", "theirs.txt"});
  git_in(top, {"commit", "-q", "-m", "theirs"});
}

TEST(Place, TheLinkedWorkTreeOfABareRepository) {
  TemporaryDirectory directory;
  make_repository(directory / "seed");
  git_in(directory.path(), {"clone", "-q", "--bare", "seed", "bare.git"});
  git_in(directory / "bare.git", {"worktree", "add", "-q", "-b", "work", "../store"});
  const StoreUnderTest store("packages", directory / "store");
  exercise(store, directory.path());
}

TEST(Place, TheWorkTreeOfASubmodule) {
  TemporaryDirectory directory;
  make_repository(directory / "seed");
  make_repository(directory / "super");
  git_in(directory / "super", {"submodule", "add", "-q", "../seed", "sub"});
  git_in(directory / "super", {"commit", "-q", "-m", "sub"});
  const StoreUnderTest store("packages", directory / "super/sub");
  exercise(store, directory.path());
  // From its own linked work tree, too, whose configuration names the submodule's.
  store.git({"worktree", "add", "-q", "-b", "aside", (directory / "aside").string()});
  const ProcessResult status =
      run_process({syncline_binary(), "status"}, {.directory = (directory / "super/sub").string()});
  EXPECT_TRUE(status.ok()) << status.describe();
}

TEST(Place, ARepositoryWhoseGitDirectoryIsElsewhere) {
  TemporaryDirectory directory;
  git_in(directory.path(),
         {"init", "-q", "-b", "main", "--separate-git-dir", "kept-away", "store"});
  const StoreUnderTest store("packages", directory / "store");
  exercise(store, directory.path());
  EXPECT_TRUE(fs::exists(directory / "kept-away/syncline/identity"));
}

// Rows and files are in one work tree, or two databases would claim to be the store's.
TEST(Place, AnotherWorkTreeOfTheRepositoryIsTheSameStore) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(1);
  store.json({"sync"});
  const fs::path aside = directory / "aside";
  store.git({"worktree", "add", "-q", "-b", "other", aside.string()});
  const ProcessOptions there{.directory = aside.string()};
  const ProcessResult record =
      run_process({syncline_binary(), "record", "note", "--title", "from aside"}, there);
  EXPECT_TRUE(record.ok()) << record.describe();
  EXPECT_NE(record.err.find("are in " + store.root().string()), std::string::npos)
      << record.describe();
  EXPECT_FALSE(fs::exists(aside / "syncline.db"));
  git_in(aside, {"diff", "--exit-code", "--stat", "HEAD"});
  const Json status =
      Json::parse(run_process({syncline_binary(), "status", "--json"}, there).out, nullptr, false);
  EXPECT_EQ(status["root"], store.root().string()) << status.dump();
  EXPECT_TRUE(run_process({syncline_binary(), "sync"}, there).ok());
  expect_agreement(store, 2);
  const Json again =
      Json::parse(run_process({syncline_binary(), "init", "--json"}, there).out, nullptr, false);
  EXPECT_EQ(again["root"], store.root().string()) << again.dump();
  EXPECT_EQ(again["existed"], true);
}

TEST(Place, AWorkTreeThatIsGoneGivesTheStoreToAnother) {
  TemporaryDirectory directory;
  make_repository(directory / "seed");
  git_in(directory.path(), {"clone", "-q", "--bare", "seed", "bare.git"});
  git_in(directory / "bare.git", {"worktree", "add", "-q", "-b", "one", "../one"});
  git_in(directory / "bare.git", {"worktree", "add", "-q", "-b", "two", "../two"});
  {
    const StoreUnderTest first("notes", directory / "one");
    first.record_notes(2);
    first.json({"sync"});
  }
  git_in(directory / "bare.git", {"worktree", "remove", "--force", "../one"});
  const StoreUnderTest second = StoreUnderTest::existing("notes", directory / "two");
  const ProcessResult refused = second.syncline({"status"});
  EXPECT_EQ(refused.exit_code, 10) << refused.describe();
  EXPECT_NE(refused.err.find("init --moved"), std::string::npos) << refused.describe();
  const ProcessResult moved =
      run_process({syncline_binary(), "init", "--moved", second.root().string()});
  ASSERT_TRUE(moved.ok()) << moved.describe();
  EXPECT_EQ(second.json({"status"})["journaled"], 2);
  second.record_notes(1);
  EXPECT_EQ(second.row_count(), 3U);
}

TEST(Place, TooFewOpenFilesAreNotCalledNoStore) {
  if (!program_exists("prlimit")) GTEST_SKIP() << "prlimit is not installed";
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  for (int limit = 5; limit < 12; ++limit) {
    const ProcessResult refused =
        run_process({"prlimit", "--nofile=" + std::to_string(limit), syncline_binary(), "status"},
                    {.directory = store.root().string()});
    if (refused.exit_code == 127 || refused.ok()) continue;  // the loader's, or enough
    EXPECT_EQ(refused.exit_code, 1) << limit << ": " << refused.describe();
    EXPECT_NE(refused.err.find("Too many open files"), std::string::npos) << refused.describe();
    EXPECT_NE(refused.err.find("ulimit -n"), std::string::npos) << refused.describe();
  }
}

// ---- Users, file systems, kernels ----

// A record waits: `record`, `status` and `verify` say the same of it.
void expect_reason_in_the_same_words(const StoreUnderTest& store) {
  const ProcessResult late = store.syncline({"record", "note", "--title", "late", "--json"});
  ASSERT_FALSE(late.ok()) << late.describe();
  const Json error = Json::parse(late.out)["error"];
  const std::string why =
      error["message"].get<std::string>() + "; " + error["hint"].get<std::string>();
  const ProcessResult status = store.syncline({"status"});
  EXPECT_NE(status.out.find("applying waits: " + why + "\n"), std::string::npos)
      << why << '\n'
      << status.describe();
  const ProcessResult verified = store.syncline({"verify"});
  EXPECT_TRUE(verified.ok()) << verified.describe();
  EXPECT_NE(verified.out.find("1 record is not applied yet: " + why + "\n"), std::string::npos)
      << why << '\n'
      << verified.describe();
}

TEST(Place, WhatKeepsRecordsWaitingIsSaidInTheSameWords) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(1);
  store.json({"sync"});
  store.sql("ALTER TABLE notes DROP COLUMN tags");
  expect_reason_in_the_same_words(store);
  store.sql("ALTER TABLE notes ADD COLUMN tags TEXT");
  store.json({"sync"});
  EXPECT_EQ(store.json({"status"})["published"], 2);
}

// Only the kind of such a fault tells what to do about it.
TEST(Place, AFolderThatTakesNoFilesIsSaidInTheSameWords) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(1);
  store.json({"sync"});
  const std::string folder = (store.root() / "notes/0000").string();
  if (!program_exists("chattr") || !run_process({"chattr", "+i", folder}).ok()) {
    GTEST_SKIP() << "chattr cannot be used here";
  }
  expect_reason_in_the_same_words(store);
  EXPECT_TRUE(run_process({"chattr", "-i", folder}).ok());
  store.json({"sync"});
  EXPECT_EQ(store.json({"status"})["published"], 2);
}

TEST(Place, AnOrdinaryUsersStore) {
  TemporaryDirectory directory;
  if (geteuid() != 0) {
    const StoreUnderTest store("packages", directory / "store");
    exercise(store, directory.path());
    return;
  }
  if (!program_exists("setpriv")) GTEST_SKIP() << "setpriv is not installed";
  // The user `nobody`, with a home and a copy of the program that it can reach.
  fs::permissions(directory.path(), fs::perms::all);
  const fs::path program = directory / "syncline";
  fs::copy_file(syncline_binary(), program);
  const fs::path home = directory / "home";
  fs::create_directory(home);
  fs::permissions(home, fs::perms::all);
  const std::vector<std::string> as_nobody{"setpriv",       "--reuid=65534",
                                           "--regid=65534", "--clear-groups",
                                           "env",           "HOME=" + home.string()};
  const StoreUnderTest store("packages", home / "store", as_nobody);
  struct stat info{};
  ASSERT_EQ(stat((store.root() / "syncline.toml").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 65534U);
  exercise(store, directory.path());
}

TEST(Place, AnotherUsersStoreIsNotWrittenByAStranger) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become two users";
  if (!program_exists("setpriv")) GTEST_SKIP() << "setpriv is not installed";
  TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::all);
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "mine"});
  const ProcessResult stranger =
      run_process({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", syncline_binary(),
                   "--store", store.root().string(), "record", "note", "--title", "theirs"});
  EXPECT_NE(stranger.exit_code, 0);
  EXPECT_GT(stranger.err.size(), 20U) << stranger.describe();
  store.json({"sync"});
  expect_agreement(store, 1);
}

TEST(Place, MemoryFileSystem) {
  // From linux/magic.h, which clashes with nothing but is not always there.
  constexpr long kTmpfsMagic = 0x01021994;
  struct statfs info{};
  if (statfs("/dev/shm", &info) != 0 || info.f_type != kTmpfsMagic ||
      access("/dev/shm", W_OK) != 0) {
    GTEST_SKIP() << "/dev/shm is no tmpfs we may write to";
  }
  const TemporaryDirectory directory("syncline-test", "/dev/shm");
  const StoreUnderTest store("packages", directory / "store");
  exercise(store, directory.path());
}

void exercise_on(const std::string& type, const std::string& size) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount an image";
  if (!program_exists("mkfs." + type)) GTEST_SKIP() << "mkfs." << type << " is not installed";
  TemporaryDirectory directory;
  const Mount mount(directory, type, size);
  if (!mount.mounted()) GTEST_SKIP() << "cannot mount " << type << ": " << mount.reason();
  const StoreUnderTest store("packages", mount.point() / "store");
  exercise(store, directory.path());
}

TEST(Place, Ext4) {
  exercise_on("ext4", "256M");
}
TEST(Place, Xfs) {
  exercise_on("xfs", "320M");
}

TEST(Place, AKernelThatForbidsIoUring) {
  const std::string refuse = support_binary("refuse_io_uring");
  if (run_process({refuse, "true"}).exit_code == 125) {
    GTEST_SKIP() << "seccomp filters cannot be set here";
  }
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "store", {refuse});
  EXPECT_EQ(store.json({"status"})["io"], "pwrite");
  exercise(store, directory.path());
}

TEST(Place, PlainWritesOnRequestBesideWritersThatUseIoUring) {
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "store");
  ProcessOptions plain;
  plain.environment = {"SYNCLINE_IO=pwrite"};
  EXPECT_EQ(store.json({"status"}, 0, plain)["io"], "pwrite");
  std::vector<std::pair<std::vector<std::string>, ProcessOptions>> commands;
  for (int call = 0; call < 10; ++call) {
    commands.emplace_back(
        store.command({"record", "package", "--name", "p-" + std::to_string(call)}),
        call % 2 == 0 ? plain : ProcessOptions{});
  }
  for (const ProcessResult& result : run_together(commands)) {
    ASSERT_EQ(result.exit_code, 0) << result.describe();
  }
  store.json({"sync"});
  expect_agreement(store, 10);
}

TEST(Place, AFullDiskIsRetryLaterAndNothingIsHalfDone) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  TemporaryDirectory directory;
  const fs::path point = directory / "small";
  fs::create_directory(point);
  if (!run_process({"mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", point.string()}).ok()) {
    GTEST_SKIP() << "cannot mount tmpfs";
  }
  {
    const StoreUnderTest store("notes", point / "store");
    ASSERT_TRUE(store.syncline({"record", "note", "--title", "first"}).ok());
    // Fill it to the last block.
    const ProcessResult fill =
        run_process({"dd", "if=/dev/zero", "of=" + (point / "ballast").string(), "bs=4k"});
    ASSERT_FALSE(fill.ok());
    uint64_t accepted = 1;
    bool refused = false;
    const std::string body(60'000, 'b');
    for (int call = 0; call < 200 && !refused; ++call) {
      ProcessOptions options{.input = body};
      options.time_limit = std::chrono::seconds(60);
      const ProcessResult result = store.syncline(
          {"record", "note", "--title", "n", "--body-file", "-", "--wait", "journaled"}, options);
      if (result.exit_code == 0) {
        ++accepted;
      } else {
        refused = true;
        EXPECT_EQ(result.exit_code, 75) << result.describe();
      }
    }
    EXPECT_TRUE(refused);
    fs::remove(point / "ballast");
    EXPECT_EQ(store.json({"sync"})["waiting"], nullptr);
    expect_agreement(store, accepted);
  }
  EXPECT_TRUE(run_process({"umount", point.string()}).ok());
}

}  // namespace
}  // namespace syncline
