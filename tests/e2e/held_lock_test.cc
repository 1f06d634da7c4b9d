// A process that is stopped while it has one of the store's locks: who reads goes on, and who
// writes says for whom it waits.
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

// `flock` with the lock, stopped.
class StoppedHolder {
 public:
  explicit StoppedHolder(const std::string& lock)
      : process_({"flock", "--no-fork", "--exclusive", lock, "sleep", "1000"}) {
    while (
        run_process({"flock", "--nonblock", "--conflict-exit-code", "7", lock, "true"}).exit_code !=
        7) {
      if (process_.ended_within(std::chrono::milliseconds(0))) {
        ADD_FAILURE() << process_.wait().describe();
        return;
      }
    }
    // Not before it is the sleep that it ends as: `flock` has the lock a moment earlier.
    while (read_whole("/proc/" + std::to_string(process_.pid()) + "/comm") != "sleep\n") {
      if (process_.ended_within(std::chrono::milliseconds(1))) {
        ADD_FAILURE() << process_.wait().describe();
        return;
      }
    }
    process_.send(SIGSTOP);
    siginfo_t info{};
    while (waitid(P_PID, static_cast<id_t>(process_.pid()), &info, WSTOPPED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
  }
  std::string name() const { return "process " + std::to_string(process_.pid()); }

 private:
  Process process_;
};

class HeldLock : public ::testing::TestWithParam<const char*> {
 protected:
  HeldLock() {
    store_.json({"record", "note", "--title", "one", "--key", "first"});
    store_.json({"record", "note", "--title", "two"});
    store_.json({"sync"});
  }
  std::string lock() const { return (store_.root() / ".git/syncline" / GetParam()).string(); }

  TemporaryDirectory directory_;
  StoreUnderTest store_{"notes", directory_ / "store"};
};

TEST_P(HeldLock, ByAStoppedProcessKeepsNobodyFromReading) {
  const StoppedHolder holder(lock());
  const Json status = store_.json({"status"});
  for (const char* stage : {"journaled", "applied", "committed", "published"}) {
    EXPECT_EQ(status[stage], 2) << stage;
  }
  EXPECT_EQ(store_.json({"show", "--key", "first"})["stage"], "published");
  const ProcessResult log = store_.syncline({"log"});
  EXPECT_TRUE(log.ok()) << log.describe();
  EXPECT_EQ(std::count(log.out.begin(), log.out.end(), '\n'), 2) << log.describe();
  const ProcessResult exported = store_.syncline({"export"});
  EXPECT_TRUE(exported.ok()) << exported.describe();
  EXPECT_EQ(std::count(exported.out.begin(), exported.out.end(), '\n'), 2);
  const Json verified = store_.json({"verify"});
  EXPECT_TRUE(verified["ok"].get<bool>()) << verified.dump(1);
  EXPECT_EQ(verified["checked"], 2);
}

TEST_P(HeldLock, ByAStoppedProcessIsNamedToWhoWaits) {
  std::vector<std::string> call{"record", "note", "--title", "late", "--key", "late"};
  if (lock().ends_with("sync.lock")) call.insert(call.end(), {"--wait", "committed"});
  {
    const StoppedHolder holder(lock());
    std::vector<std::string> bounded = call;
    bounded.insert(bounded.end(), {"--timeout", "2.5"});
    const ProcessResult waited = store_.syncline(bounded);
    EXPECT_TRUE(waited.exit_code == 11 || waited.exit_code == 74) << waited.describe();
    EXPECT_NE(
        waited.err.find("waiting: " + holder.name() + " (sleep, which is stopped) has " + lock()),
        std::string::npos)
        << waited.describe();
  }
  EXPECT_TRUE(store_.syncline(call).ok());
  store_.json({"sync"});
  expect_agreement(store_, 3);
}

TEST(HeldLocks, StatusAndVerifyNameWhoKeepsRecordsWaiting) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(1);
  store.json({"sync"});
  const auto says = [&](const std::vector<std::string>& call, const std::string& why) {
    const ProcessResult told = store.syncline(call);
    EXPECT_TRUE(told.ok()) << told.describe();
    EXPECT_NE(told.out.find(why), std::string::npos) << why << '\n' << told.describe();
  };
  const std::string locks = (store.root() / ".git/syncline/").string();
  {
    const StoppedHolder holder(locks + "apply.lock");
    const std::string why =
        holder.name() + " (sleep, which is stopped) has " + locks + "apply.lock";
    store.json({"record", "note", "--title", "unapplied", "--timeout", "0.2"}, 11);
    says({"status"}, "applying waits: " + why);
    says({"verify"}, "1 record is not applied yet: " + why);
    says({"verify"}, "1 record is not committed yet: what is not applied cannot be committed");
  }
  const StoppedHolder holder(locks + "sync.lock");
  const std::string why = holder.name() + " (sleep, which is stopped) has " + locks + "sync.lock";
  store.json({"record", "note", "--title", "uncommitted"});
  says({"status"}, "committing waits: " + why);
  says({"verify"}, "not committed yet: " + why);
}

// Sections wait for their publish, which needs the apply lock beside the sync lock.
TEST(HeldLocks, WhatOthersLeftIsNotWaitedForByWhoHasTheAnswer) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  const auto heuristic = [&](const std::string& rule) {
    return std::vector<std::string>{"record", "heuristic", "--domain", "waiting", "--rule", rule};
  };
  store.json(heuristic("published at once"));
  std::filesystem::create_directory(store.root() / ".git/rebase-merge");
  store.json(heuristic("waits for the rebase"));
  ASSERT_EQ(store.json({"status"})["files_waiting"], 1);
  const StoppedHolder holder((store.root() / ".git/syncline/apply.lock").string());
  const std::string held = holder.name() + " (sleep, which is stopped) has";
  std::vector<std::string> call = heuristic("journalled beside it");
  call.insert(call.end(), {"--wait", "journaled"});
  const ProcessResult recorded =
      store.syncline(call, {.time_limit = std::chrono::milliseconds(20'000)});
  EXPECT_TRUE(recorded.ok()) << recorded.describe();
  EXPECT_NE(recorded.err.find("what comes after waits: "), std::string::npos)
      << recorded.describe();
  EXPECT_NE(recorded.err.find(held), std::string::npos) << recorded.describe();
  const ProcessResult committed =
      store.syncline({"sync", "--timeout", "1"}, {.time_limit = std::chrono::milliseconds(5000)});
  EXPECT_EQ(committed.exit_code, 11) << committed.describe();
  EXPECT_NE((committed.out + committed.err).find(held), std::string::npos) << committed.describe();
}

INSTANTIATE_TEST_SUITE_P(Locks, HeldLock,
                         ::testing::Values("append.lock", "flush.lock", "open.lock", "apply.lock",
                                           "sync.lock"),
                         [](const auto& given) {
                           const std::string name = given.param;
                           return name.substr(0, name.find('.'));
                         });

// Frames that are written and not yet flushed are nobody's to tell.
TEST(HeldLocks, WhatIsReadBesideAWriterIsWhatIsDurable) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(3);
  const std::string locks = (store.root() / ".git/syncline/").string();
  const StoppedHolder flusher(locks + "flush.lock");
  EXPECT_NE(
      store.syncline({"record", "note", "--title", "unflushed", "--timeout", "1.5"}).exit_code, 0);
  const StoppedHolder appender(locks + "append.lock");
  const ProcessResult log = store.syncline({"log"});
  EXPECT_TRUE(log.ok()) << log.describe();
  EXPECT_EQ(std::count(log.out.begin(), log.out.end(), '\n'), 3) << log.describe();
  EXPECT_EQ(store.json({"status"})["journaled"], 3);
}

}  // namespace
}  // namespace syncline
