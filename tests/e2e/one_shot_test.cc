// What one one-shot call costs, counted in system calls: a count is the same on every machine, near
// enough, where a time is not. The bounds stand a little above what was reached.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <fstream>
#include <sstream>

#include "journal/base/posix_fd.h"
#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

// The last line of strace's summary: "100.00 SECONDS USECS CALLS [ERRORS] total".
uint64_t calls_in(const std::filesystem::path& summary) {
  std::ifstream file(summary);
  std::string line, last;
  while (std::getline(file, line)) {
    if (line.ends_with("total")) last = line;
  }
  std::istringstream fields(last);
  std::string percent, seconds, each;
  uint64_t calls = 0;
  fields >> percent >> seconds >> each >> calls;
  return calls;
}

class OneShot : public testing::Test {
 protected:
  OneShot() {
    // Nothing is due for others but what the calls themselves bring.
    store_.set("batch_age_ms_max", "3600000");
    for (int i = 0; i < 200; ++i) {
      lines_ += R"({"kind":"note","fields":{"title":"before"}})"
                "\n";
    }
    write_whole(directory_ / "notes.ndjson", lines_);
    store_.json({"ingest", (directory_ / "notes.ndjson").string()});
    store_.json({"sync"});
    // The first turn notes what the next caller need not look up.
    store_.json({"record", "note", "--title", "first", "--wait", "committed"});
    store_.json({"record", "note", "--title", "second"});
    // While another caller is there, none of the calls is the last, who does what the others left.
    other_caller_ = PosixFd(
        ::open((store_.root() / ".git/syncline/callers.lock").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(flock(other_caller_.get(), LOCK_SH), 0);
  }

  uint64_t calls_of(const std::vector<std::string>& arguments) {
    const std::string summary = (directory_ / "summary").string();
    trace({"-c", "-o", summary}, arguments);
    return calls_in(summary);
  }
  // Runs the call under strace with these options.
  void trace(const std::vector<std::string>& options, const std::vector<std::string>& arguments) {
    std::vector<std::string> traced = {"strace", "-f"};
    traced.insert(traced.end(), options.begin(), options.end());
    const auto command = store_.command(arguments);
    traced.insert(traced.end(), command.begin(), command.end());
    const ProcessResult result = run_process(traced);
    EXPECT_TRUE(result.ok()) << result.describe();
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_{"notes", directory_ / "store"};
  std::string lines_;
  PosixFd other_caller_;
};

TEST_F(OneShot, ARecordJournaledTakesFewSystemCalls) {
  for (int call = 0; call < 3; ++call) {
    const uint64_t calls = calls_of({"record", "note", "--title", "x", "--wait", "journaled"});
    EXPECT_GT(calls, 20u);
    EXPECT_LE(calls, 210u);
  }
}

// libgit2 decodes all of them when it is initialised, unless the program has the function itself.
TEST_F(OneShot, AFoldReadsNoCertificates) {
  const std::string report = (directory_ / "report").string();
  trace({"-e", "trace=open,openat,openat2", "-o", report},
        {"record", "note", "--title", "x", "--wait", "committed"});
  const std::string calls = read_whole(report);
  EXPECT_NE(calls.find("libgit2.so"), std::string::npos);
  EXPECT_EQ(calls.find("ca-certificates"), std::string::npos);
}

TEST_F(OneShot, TheLastCallerFoldsWhatTheOthersLeft) {
  store_.json({"record", "note", "--title", "x", "--wait", "journaled"});
  Json status = store_.json({"status"});
  EXPECT_LT(status["committed"], status["journaled"]);
  other_caller_ = PosixFd();
  store_.json({"record", "note", "--title", "y", "--wait", "journaled"});
  status = store_.json({"status"});
  EXPECT_EQ(status["committed"], status["journaled"]);
}

TEST_F(OneShot, ARecordAppliedTakesFewSystemCalls) {
  for (int call = 0; call < 3; ++call) {
    const uint64_t calls = calls_of({"record", "note", "--title", "x", "--wait", "applied"});
    EXPECT_GT(calls, 20u);
    EXPECT_LE(calls, 510u);
  }
}

}  // namespace
}  // namespace syncline
