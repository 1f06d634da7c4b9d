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
