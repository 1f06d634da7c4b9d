// Whoever holds a role is stopped while it holds it: nobody breaks, nobody is told what is not so,
// and what does not need the role goes on. Then it is continued, or killed, and all is as it was.
//
// Who holds a lock is asked of the kernel (/proc/locks), so the test stops the holder in the very
// moment and not somebody who may have been it. SYNCLINE_TEST_SEED chooses the moments.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/e2e/claims.h"
#include "tests/e2e/client_calls.h"
#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// "7: FLOCK  ADVISORY  WRITE 4711 fe:00:10952929 0 EOF"; who waits has "->" after the number.
// Exclusive holders alone: every open store holds open.lock shared.
std::vector<pid_t> flock_holders(const fs::path& file) {
  struct stat info{};
  if (stat(file.c_str(), &info) != 0) return {};
  std::vector<pid_t> holders;
  std::ifstream locks("/proc/locks");
  std::string line;
  while (std::getline(locks, line)) {
    std::istringstream words(line);
    std::string number, type, advisory, mode, place;
    pid_t holder = 0;
    words >> number >> type >> advisory >> mode >> holder >> place;
    if (type != "FLOCK" || mode != "WRITE" || !words) continue;
    if (std::stoull(place.substr(place.rfind(':') + 1)) == info.st_ino) holders.push_back(holder);
  }
  return holders;
}

bool holds(pid_t process, const fs::path& lock) {
  return std::ranges::count(flock_holders(lock), process) != 0;
}

// Stops it and returns once it does not run any more.
void stop(Process& process) {
  process.send(SIGSTOP);
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(process.pid()), &info, WSTOPPED | WEXITED | WNOWAIT) !=
             0 &&
         errno == EINTR) {
  }
}

class RoleStop : public ::testing::TestWithParam<const char*> {
 protected:
  RoleStop()
      : seed_(test_seed()),
        chance_(seed_),
        store_("elf", directory_ / "store"),
        claims_(directory_ / "acknowledged"),
        lock_(store_.root() / ".git/syncline" / GetParam()),
        trace_(__FILE__, __LINE__, "SYNCLINE_TEST_SEED=" + std::to_string(seed_)) {}

  std::string fresh_key() { return "key-" + std::to_string(++keys_); }
  std::vector<std::string> fresh_keys(uint64_t count) {
    std::vector<std::string> keys;
    while (keys.size() < count) keys.push_back(fresh_key());
    return keys;
  }

  // An ingest that was stopped while it held the lock; nothing if it ended before that came about.
  std::optional<Process> stopped_holder(const ClientCall& ingest) {
    ProcessOptions options = ingest.options();
    options.own_group = true;
    Process process(store_.command(ingest.arguments), options);
    // Not always the first time that it is seen: the role is taken many times.
    uint64_t misses = chance_.below(4);
    while (!process.ended_within(milliseconds(0))) {
      if (!holds(process.pid(), lock_) || misses-- > 0) continue;
      stop(process);
      if (holds(process.pid(), lock_)) return process;
      process.send(SIGCONT);
      misses = 0;
    }
    claims_.hear(ingest, process.wait());
    return std::nullopt;
  }

  // Others meanwhile: what needs no lock that is held goes on; the rest waits, or says so. Opening
  // a store to write takes the append lock for a moment.
  void others_go_on_or_wait(pid_t holder) {
    const fs::path directory = lock_.parent_path();
    const bool all_wait = holds(holder, directory / "append.lock") ||
                          holds(holder, directory / "flush.lock") ||
                          holds(holder, directory / "open.lock");
    std::vector<ClientCall> calls;
    std::vector<std::pair<std::vector<std::string>, ProcessOptions>> commands;
    ProcessOptions patient;
    patient.time_limit = all_wait ? milliseconds(3000) : milliseconds(120'000);
    for (int client = 0; client < 6; ++client) {
      ClientCall call = record_call(fresh_key(), client % 2 == 0 ? "journaled" : "applied");
      call.arguments.insert(call.arguments.end(), {"--timeout", client % 2 == 0 ? "60" : "1"});
      commands.emplace_back(store_.command(call.arguments), patient);
      calls.push_back(std::move(call));
    }
    commands.emplace_back(store_.command({"status", "--json"}), ProcessOptions{});
    const std::vector<ProcessResult> results = run_together(commands);
    for (size_t client = 0; client < calls.size(); ++client) {
      const ProcessResult& result = results[client];
      claims_.hear(calls[client], result);
      const bool told_to_wait =
          result.exit_code == 11 || result.exit_code == 74 || result.exit_code == 75;
      const bool journal_alone = client % 2 == 0;
      EXPECT_TRUE(result.ok() || (!journal_alone && told_to_wait) ||
                  (all_wait && (told_to_wait || result.timed_out)))
          << calls[client].arguments[5] << ": " << result.describe();
    }
    EXPECT_TRUE(results.back().ok()) << "status: " << results.back().describe();
    if (all_wait) ++kept_all_waiting_;
  }

  void expect_all_is_well() {
    ClientCall rest = ingest_call(claims_.unsettled());
    claims_.hear(rest, store_.syncline(rest.arguments, rest.options()));
    EXPECT_TRUE(claims_.unsettled().empty());
    store_.json({"sync"});
    claims_.expect_kept(store_);
    expect_agreement(store_, store_.row_count());
  }

  TemporaryDirectory directory_;
  uint64_t seed_;
  Chance chance_;
  StoreUnderTest store_;
  Claims claims_;
  fs::path lock_;
  uint64_t keys_ = 0;
  uint64_t kept_all_waiting_ = 0;
  ::testing::ScopedTrace trace_;
};

TEST_P(RoleStop, WhoHoldsItIsStoppedThenContinuedOrKilled) {
  uint64_t stopped = 0;
  for (uint64_t attempt = 0; attempt < 6 * test_scale() && !HasFailure(); ++attempt) {
    const ClientCall ingest = ingest_call(fresh_keys(150));
    std::optional<Process> holder = stopped_holder(ingest);
    if (!holder) continue;
    ++stopped;
    others_go_on_or_wait(holder->pid());
    const bool killed = attempt % 2 == 1;
    holder->send(killed ? SIGKILL : SIGCONT);
    const ProcessResult result = holder->wait();
    claims_.hear(ingest, result);
    EXPECT_TRUE(killed || result.ok()) << result.describe();
    expect_all_is_well();
  }
  EXPECT_GT(stopped, 0U) << "nobody was ever seen to hold " << lock_;
  std::printf("stopped with %s: %llu holders (%llu kept all waiting), %s\n", GetParam(),
              static_cast<unsigned long long>(stopped),
              static_cast<unsigned long long>(kept_all_waiting_), claims_.figures().c_str());
}

INSTANTIATE_TEST_SUITE_P(Locks, RoleStop,
                         ::testing::Values("append.lock", "flush.lock", "apply.lock", "sync.lock"),
                         [](const auto& given) {
                           const std::string name = given.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace syncline
