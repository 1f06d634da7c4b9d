// Mapped files that the disk takes back, and limits of file sizes: the program answers by one of
// its exit codes, never by a signal, and what it acknowledged is there afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "tests/e2e/running_ingest.h"
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

std::string line_of(const std::string& key) {
  return R"({"kind":"note","key":")" + key + R"(","fields":{"title":")" + key + R"("}})" + "\n";
}

void cut_beneath_a_running_ingest(const fs::path& file_below_store) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "first"});
  RunningIngest ingest(store, directory / "lines");
  ASSERT_NO_FATAL_FAILURE(ingest.give_and_await(line_of("before"), "before"));
  fs::resize_file(store.root() / file_below_store, 0);
  ingest.give(line_of("after"));
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
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  const fs::path pipe = directory / "body";
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

// Its caller is told that the record is in, and so does not record it again.
TEST(LostPage, BehindADurableRecordTheAnswerNamesIt) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  const fs::path apply_lock = store.root() / ".git/syncline/apply.lock";
  const int lock = open(apply_lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  Process process(store.command({"record", "note", "--title", "t", "--key", "k", "--json"}));
  while (!store.syncline({"show", "--key", "k", "--json"}).ok()) {
    ASSERT_FALSE(process.ended_within(std::chrono::milliseconds(0)));
  }
  fs::resize_file(store.root() / ".git/syncline/control", 0);
  close(lock);
  const ProcessResult result = process.wait();
  expect_answered(result);
  EXPECT_EQ(result.exit_code, 11) << result.describe();
  const Json answer = Json::parse(result.out, nullptr, false);
  EXPECT_EQ(answer.value("seq", 0), 1) << result.describe();
  EXPECT_EQ(answer.value("stage", ""), "journaled") << result.describe();
  store.json({"sync"});
  expect_agreement(store, 1);
}

TEST(LostPage, AnotherSignalOfTheSameNumberStillEndsTheProcess) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  RunningIngest ingest(store, directory / "lines");
  ASSERT_NO_FATAL_FAILURE(ingest.give_and_await(line_of("before"), "before"));
  // Sent by somebody, not by the kernel for a page: no answer is made up for it.
  ingest.send(SIGBUS);
  EXPECT_EQ(ingest.wait().signal, SIGBUS);
}

TEST(LostPage, ALimitOfFileSizesIsAnsweredAndNothingAcknowledgedIsLost) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  std::set<std::string> acknowledged;
  std::set<int> codes;
  for (const int kilobytes : {2, 4, 16, 40, 64, 100, 200, 300}) {
    const auto limited = [&](const std::vector<std::string>& arguments, const std::string& input) {
      std::vector<std::string> command{
          "bash", "-c", "ulimit -f " + std::to_string(kilobytes) + " && exec \"$@\"", "limited"};
      for (const std::string& argument : store.command(arguments)) command.push_back(argument);
      const ProcessResult result = run_process(command, {.input = input});
      expect_answered(result);
      codes.insert(result.exit_code);
      return result;
    };
    const std::string key = "limit-" + std::to_string(kilobytes);
    const ProcessResult recorded =
        limited({"record", "note", "--title", key, "--key", key, "--json"}, "");
    if (recorded.exit_code == 0 || recorded.exit_code == 11) acknowledged.insert(key);
    if (recorded.exit_code == 75) {
      const Json after = store.json({"record", "note", "--title", key, "--key", key});
      EXPECT_EQ(after.value("duplicate", true), false) << "75 says that nothing was written";
    }
    const std::string line = "line-" + std::to_string(kilobytes);
    const ProcessResult ingested =
        limited({"ingest", "-", "--json", "--timeout", "1"}, line_of(line));
    if (ingested.exit_code == 0) acknowledged.insert(line);
    for (const char* verb : {"verify", "status", "sync"}) limited({verb, "--json"}, "");
  }
  EXPECT_TRUE(codes.contains(75)) << "none was refused";
  for (const std::string& key : acknowledged) {
    const Json again = store.json({"record", "note", "--title", key, "--key", key});
    EXPECT_EQ(again.value("duplicate", false), true) << key;
  }
  store.json({"sync"});
  EXPECT_TRUE(store.json({"verify"}).value("ok", false));
}

}  // namespace
}  // namespace syncline
