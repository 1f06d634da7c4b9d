// Mapped files that the disk takes back, and limits of file sizes: the program answers by one of
// its exit codes, never by a signal, and what it acknowledged is there afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <set>

#include "tests/e2e/mount.h"
#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

const std::set<int> kPromisedCodes{0, 1, 3, 4, 5, 6, 10, 11, 12, 64, 74, 75};

void expect_answered(const ProcessResult& result) {
  EXPECT_EQ(result.signal, 0) << result.describe();
  EXPECT_TRUE(kPromisedCodes.contains(result.exit_code)) << result.describe();
  const Json answer = Json::parse(result.out, nullptr, false);
  EXPECT_TRUE(answer.is_object()) << result.describe();
}

// An ingest that waits for lines, while its store is done things to.
class RunningIngest {
 public:
  RunningIngest(const StoreUnderTest& store, const fs::path& pipe) : store_(store) {
    EXPECT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    // For reading as well, so that opening waits for nobody.
    lines_ = open(pipe.c_str(), O_RDWR | O_CLOEXEC);
    process_.emplace(store.command({"ingest", pipe.string(), "--json"}));
  }
  ~RunningIngest() { end(); }
  RunningIngest(const RunningIngest&) = delete;
  RunningIngest& operator=(const RunningIngest&) = delete;

  void give(const std::string& key) {
    const std::string line =
        R"({"kind":"note","key":")" + key + R"(","fields":{"title":")" + key + R"("}})" + "\n";
    EXPECT_EQ(write(lines_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  void give_and_await(const std::string& key) {
    give(key);
    for (;;) {
      const ProcessResult shown = store_.syncline({"show", "--key", key, "--json"});
      const Json receipt = Json::parse(shown.out, nullptr, false);
      if (shown.ok() && receipt.is_object() && receipt.value("stage", "") != "journaled") return;
      ASSERT_FALSE(process_->ended_within(std::chrono::milliseconds(0)));
    }
  }
  void end() {
    if (lines_ >= 0) close(lines_);
    lines_ = -1;
  }
  void send(int signal_number) { process_->send(signal_number); }
  ProcessResult wait() { return process_->wait(); }

 private:
  const StoreUnderTest& store_;
  int lines_ = -1;
  std::optional<Process> process_;
};

void cut_beneath_a_running_ingest(const fs::path& file_below_store) {
  TemporaryDirectory folder;
  const StoreUnderTest store("notes", folder / "store");
  store.json({"record", "note", "--title", "first"});
  RunningIngest ingest(store, folder / "lines");
  ASSERT_NO_FATAL_FAILURE(ingest.give_and_await("before"));
  fs::resize_file(store.root() / file_below_store, 0);
  ingest.give("after");
  const ProcessResult result = ingest.wait();
  expect_answered(result);
  EXPECT_EQ(result.exit_code, 74) << result.describe();
  EXPECT_NE(result.out.find(file_below_store.filename().string() + " is lost"), std::string::npos)
      << result.describe();
  // What was acknowledged is there, and the retry that the answer asks for is recorded once.
  store.json({"record", "note", "--title", "after", "--key", "after"});
  const Json before = store.json({"record", "note", "--title", "before", "--key", "before"});
  EXPECT_EQ(before.value("duplicate", false), true) << before.dump();
  store.json({"sync"});
  expect_agreement(store, 3);
}

TEST(LostPage, AControlPageCutBeneathARunningProcessIsAnswered) {
  cut_beneath_a_running_ingest(".git/syncline/control");
}

TEST(LostPage, ADatabasesSharedMemoryCutBeneathARunningProcessIsAnswered) {
  cut_beneath_a_running_ingest("syncline.db-shm");
}

TEST(LostPage, APersonsTextSaysWhatIsLostAndWhatToTry) {
  TemporaryDirectory folder;
  const StoreUnderTest store("notes", folder / "store");
  const fs::path pipe = folder / "body";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  // It has opened the store once it reads its body.
  Process process(store.command({"record", "note", "--title", "t", "--body-file", pipe.string()}));
  const int body = open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(body, 0);
  fs::resize_file(store.root() / ".git/syncline/control", 0);
  close(body);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.exit_code, 74) << result.describe();
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("control is lost"), std::string::npos) << result.describe();
  EXPECT_NE(result.err.find("  try:  "), std::string::npos) << result.describe();
}

TEST(LostPage, AnotherSignalOfTheSameNumberStillEndsTheProcess) {
  TemporaryDirectory folder;
  const StoreUnderTest store("notes", folder / "store");
  RunningIngest ingest(store, folder / "lines");
  ASSERT_NO_FATAL_FAILURE(ingest.give_and_await("before"));
  // Sent by somebody, not by the kernel for a page: no answer is made up for it.
  ingest.send(SIGBUS);
  EXPECT_EQ(ingest.wait().signal, SIGBUS);
}

struct Acknowledged {
  std::set<std::string> keys;
  void record(const StoreUnderTest& store, const std::string& key) {
    const ProcessResult result =
        store.syncline({"record", "note", "--title", key, "--key", key, "--json"});
    expect_answered(result);
    if (result.exit_code == 0 || result.exit_code == 11) keys.insert(key);
  }
  void expect_all_there(const StoreUnderTest& store) const {
    for (const std::string& key : keys) {
      const Json again = store.json({"record", "note", "--title", key, "--key", key});
      EXPECT_EQ(again.value("duplicate", false), true) << key;
    }
    store.json({"sync"});
    EXPECT_TRUE(store.json({"verify"}).value("ok", false));
  }
};

TEST(LostPage, AFullBtrfsIsAnsweredAndNothingAcknowledgedIsLost) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount an image";
  TemporaryDirectory folder;
  const Mount mount(folder, "btrfs", "160M");
  ASSERT_TRUE(mount.mounted()) << mount.reason();
  const StoreUnderTest store("notes", mount.point() / "store");
  Acknowledged acknowledged;
  acknowledged.record(store, "first");
  // A verb that has the store open while the disk fills, as well as those that come later.
  RunningIngest ingest(store, folder / "lines");
  ASSERT_NO_FATAL_FAILURE(ingest.give_and_await("before"));
  for (const char* block : {"64k", "4k"}) {
    const fs::path ballast = mount.point() / ("ballast-" + std::string(block));
    ASSERT_FALSE(
        run_process({"dd", "if=/dev/zero", "of=" + ballast.string(), "bs=" + std::string(block)})
            .ok());
    // Written back, a page needs space for its next change.
    ASSERT_TRUE(run_process({"sync", "-f", mount.point().string()}).ok());
  }
  ingest.give("after");
  for (int call = 0; call < 4; ++call) {
    acknowledged.record(store, "full-" + std::to_string(call));
    for (const char* verb : {"verify", "status"}) {
      expect_answered(store.syncline({verb, "--json"}));
    }
    ASSERT_TRUE(run_process({"sync", "-f", mount.point().string()}).ok());
  }
  fs::remove(mount.point() / "ballast-64k");
  fs::remove(mount.point() / "ballast-4k");
  ingest.end();
  expect_answered(ingest.wait());
  acknowledged.keys.insert("before");
  acknowledged.expect_all_there(store);
}

TEST(LostPage, AFileSystemThatShutsDownIsAnsweredAndNothingAcknowledgedIsLost) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount an image";
  constexpr unsigned long kShutdown = _IOR('X', 125, uint32_t);
  for (const char* type : {"ext4", "xfs"}) {
    SCOPED_TRACE(type);
    TemporaryDirectory folder;
    Mount mount(folder, type, "320M");
    ASSERT_TRUE(mount.mounted()) << mount.reason();
    const StoreUnderTest store("notes", mount.point() / "store");
    Acknowledged acknowledged;
    acknowledged.record(store, "first");
    {
      RunningIngest ingest(store, folder / "lines");
      ASSERT_NO_FATAL_FAILURE(ingest.give_and_await("before"));
      acknowledged.keys.insert("before");
      const int root = open(mount.point().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      uint32_t without_log_flush = 2;
      ASSERT_EQ(ioctl(root, kShutdown, &without_log_flush), 0);
      close(root);
      ingest.give("after");
      ingest.end();
      expect_answered(ingest.wait());
      for (const char* verb : {"record", "verify", "status"}) {
        std::vector<std::string> command{verb, "--json"};
        if (command[0] == "record") {
          command.insert(command.end(), {"note", "--title", "refused"});
        }
        const ProcessResult result = store.syncline(command);
        expect_answered(result);
        EXPECT_NE(result.exit_code, 0) << result.describe();
      }
    }
    mount.remount(folder);
    acknowledged.expect_all_there(store);
  }
}

TEST(LostPage, ALimitOfFileSizesIsAnsweredAndNothingAcknowledgedIsLost) {
  TemporaryDirectory folder;
  const StoreUnderTest store("notes", folder / "store");
  Acknowledged acknowledged;
  std::set<int> codes;
  for (const int kilobytes : {2, 4, 16, 40, 64, 100, 200, 300}) {
    const std::string key = "limit-" + std::to_string(kilobytes);
    std::vector<std::string> command{
        "bash", "-c", "ulimit -f " + std::to_string(kilobytes) + " && exec \"$@\"", "limited"};
    for (const std::string& argument :
         store.command({"record", "note", "--title", key, "--key", key, "--json"})) {
      command.push_back(argument);
    }
    const ProcessResult result = run_process(command);
    expect_answered(result);
    codes.insert(result.exit_code);
    if (result.exit_code == 0 || result.exit_code == 11) acknowledged.keys.insert(key);
    if (result.exit_code == 75) {
      const Json after = store.json({"record", "note", "--title", key, "--key", key});
      EXPECT_EQ(after.value("duplicate", true), false) << "75 says that nothing was written";
    }
  }
  EXPECT_TRUE(codes.contains(75)) << "none was refused";
  acknowledged.expect_all_there(store);
}

}  // namespace
}  // namespace syncline
