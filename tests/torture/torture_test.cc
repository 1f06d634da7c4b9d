// kill -9 among many: at any time sixteen clients and more are at one store, and half of them are
// killed at a random moment. What the others and the dead were told must hold.
//
//   SYNCLINE_TORTURE_KILLS   kills of a run (default 500, times SYNCLINE_TEST_SCALE)
//   SYNCLINE_TEST_SEED       the choices of a run: who asks what, who dies and when
//
// Clients are one-shot records that wait for any stage or for none but the journal, records whose
// keys others ask for at the same moment, ingests of overlapping input, syncs, followers of the
// log, programs that embed the store with threads, sqlite3 programs that look for a doubled row
// while all this goes on, and clients under limits so tight that they may not get anywhere.
#include <gtest/gtest.h>

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>

#include "tests/e2e/claims.h"
#include "tests/e2e/client_calls.h"
#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kClients = 18;
constexpr uint64_t kKillsPerRound = 125;
constexpr milliseconds kClientLimit{120'000};

uint64_t kills_wanted() {
  const char* given = std::getenv("SYNCLINE_TORTURE_KILLS");
  return given == nullptr ? 500 * test_scale() : std::strtoull(given, nullptr, 10);
}

// It may fail, and may say so by any code; out of memory in one of its threads, it may also end as
// by a kill. Anything else is a fault of its own.
void expect_honest_under_limits(const ProcessResult& result, const std::string& what) {
  const bool out_of_memory =
      result.signal == SIGABRT && result.err.find("std::bad_alloc") != std::string::npos;
  EXPECT_TRUE(result.signal == 0 || out_of_memory) << what << ": " << result.describe();
}

// What cannot be done now is tried again and again until somebody's time limit: not for ever here.
const std::vector<std::string> kPatience{"--timeout", "5"};

enum class Role { kRecord, kIngest, kEmbedder, kLimited, kSync, kLook, kFollow, kReader };

struct Plan {
  Role role{};
  ClientCall call;
  std::vector<std::string> command;
};

struct Client {
  Plan plan;
  Process process;
  steady_clock::time_point started;
  std::optional<steady_clock::time_point> dies_at;
};

class TortureRun {
 public:
  explicit TortureRun(uint64_t seed)
      : seed_(seed),
        chance_(seed),
        store_("elf", directory_ / "store"),
        claims_(directory_ / "acknowledged") {}

  void run(uint64_t kills) {
    const auto started = steady_clock::now();
    while (kills_ < kills && !::testing::Test::HasFailure()) {
      SCOPED_TRACE("round " + std::to_string(++rounds_) +
                   ", SYNCLINE_TEST_SEED=" + std::to_string(seed_));
      disturb(std::min(kills, kills_ + kKillsPerRound));
      settle();
    }
    const double seconds = std::chrono::duration<double>(steady_clock::now() - started).count();
    if (::testing::Test::HasFailure()) {
      std::printf("again: SYNCLINE_TEST_SEED=%llu meson test -C build torture -v\n",
                  static_cast<unsigned long long>(seed_));
    }
    std::printf(
        "kill -9: %llu kills of %llu clients, %zu at once, outcome unknown %llu, %s; %.0f s, "
        "seed %llu\n",
        static_cast<unsigned long long>(kills_), static_cast<unsigned long long>(clients_),
        kClients, static_cast<unsigned long long>(unknown_), claims_.figures().c_str(), seconds,
        static_cast<unsigned long long>(seed_));
  }

 private:
  std::string fresh_key() {
    recent_.push_back("key-" + std::to_string(++keys_));
    if (recent_.size() > 40) recent_.erase(recent_.begin());
    return recent_.back();
  }

  Plan of_store(Role role, ClientCall call) const {
    std::vector<std::string> command = store_.command(call.arguments);
    return {role, std::move(call), std::move(command)};
  }

  Plan record_plan() {
    const bool raced = !recent_.empty() && chance_.one_in(3);
    const std::string key = raced ? chance_.of(recent_) : fresh_key();
    return of_store(Role::kRecord, record_call(key, chance_.stage()));
  }

  // Some of its lines are in another's input, too.
  Plan ingest_plan() {
    std::vector<std::string> keys;
    for (uint64_t line = chance_.between(2, 25); line > 0; --line) keys.push_back(fresh_key());
    for (uint64_t line = chance_.below(10); line > 0; --line) {
      const std::string& key = chance_.of(recent_);
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
    return of_store(Role::kIngest, ingest_call(keys));
  }

  Plan embedder_plan() {
    ClientCall call;
    std::vector<std::string> command{support_binary("embedder"), store_.root().string(), "4"};
    for (uint64_t record = chance_.between(1, 12); record > 0; --record) {
      call.keys.push_back(fresh_key());
    }
    command.insert(command.end(), call.keys.begin(), call.keys.end());
    return {Role::kEmbedder, std::move(call), std::move(command)};
  }

  // So few descriptors, or so little memory, that it fails at any step of what it does.
  Plan limited_plan() {
    Plan plan = chance_.one_in(3) ? ingest_plan() : record_plan();
    plan.role = Role::kLimited;
    plan.command.insert(plan.command.end(), kPatience.begin(), kPatience.end());
    std::vector<std::string> wrapped{"prlimit"};
    if (chance_.one_in(2)) {
      wrapped.push_back("--nofile=" + std::to_string(chance_.between(4, 30)));
    } else {
      wrapped.push_back("--as=" + std::to_string(chance_.between(14'000'000, 120'000'000)));
    }
    wrapped.insert(wrapped.end(), plan.command.begin(), plan.command.end());
    plan.command = std::move(wrapped);
    return plan;
  }

  // Read-only, as a second connection that checkpoints is a risk of SQLite's own (README).
  Plan reader_plan() const {
    return {Role::kReader,
            {},
            {"sqlite3", "-readonly", "-batch", "-cmd", ".timeout 60000", store_.database().string(),
             "SELECT title FROM learnings GROUP BY title HAVING count(*) > 1 UNION ALL "
             "SELECT rule FROM heuristics GROUP BY rule HAVING count(*) > 1 UNION ALL "
             "SELECT title FROM decisions GROUP BY title HAVING count(*) > 1 UNION ALL "
             "SELECT 'id ' || id FROM learnings WHERE id <= 0"}};
  }

  Plan plan() {
    const uint64_t choice = chance_.below(100);
    if (choice < 50) return record_plan();
    if (choice < 62) return ingest_plan();
    if (choice < 68) return embedder_plan();
    if (choice < 76) return limited_plan();
    if (choice < 82) return of_store(Role::kSync, {.arguments = {"sync", "--json"}});
    if (choice < 86) return of_store(Role::kLook, {.arguments = {"status", "--json"}});
    if (choice < 89) return of_store(Role::kLook, {.arguments = {"log", "--json"}});
    if (choice < 92) return of_store(Role::kFollow, {.arguments = {"log", "--follow", "--json"}});
    return reader_plan();
  }

  void start() {
    Plan next = plan();
    ++clients_;
    ProcessOptions options = next.call.options();
    options.time_limit = kClientLimit;
    options.own_group = chance_.one_in(2);  // a kill then takes the git it has started along
    for (const std::string& key : next.call.keys) claims_.ask(key);
    const bool dies = next.role == Role::kFollow || chance_.one_in(2);
    const auto now = steady_clock::now();
    std::optional<steady_clock::time_point> dies_at;
    if (dies) dies_at = now + microseconds(chance_.below(2 * typical_us_ + 1));
    Process process(next.command, options);
    running_.push_back({std::move(next), std::move(process), now, dies_at});
  }

  // Keeps all places taken until so many have been killed; the last ones end by themselves.
  void disturb(uint64_t kills_until) {
    while (kills_ < kills_until) {
      while (running_.size() < kClients) start();
      wait_for_an_end();
    }
    while (!running_.empty()) {
      for (Client& client : running_) {
        if (client.plan.role == Role::kFollow) client.dies_at = steady_clock::now();
      }
      wait_for_an_end();
    }
  }

  // Until somebody ends or has to be killed.
  void wait_for_an_end() {
    auto until = steady_clock::now() + kClientLimit;
    std::vector<pollfd> ends;
    for (const Client& client : running_) {
      until = std::min(until, client.dies_at.value_or(client.started + kClientLimit));
      ends.push_back({.fd = client.process.descriptor(), .events = POLLIN, .revents = 0});
    }
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
    poll(ends.data(), ends.size(), static_cast<int>(std::max<int64_t>(0, left)));
    std::vector<Client> still;
    for (Client& client : running_) {
      const auto now = steady_clock::now();
      const bool hangs = now >= client.started + kClientLimit;
      const bool dies = client.dies_at && now >= *client.dies_at;
      if (dies) client.process.send(SIGKILL);
      if (dies || hangs || client.process.ended_within(milliseconds(0))) {
        ended(client, dies);
      } else {
        still.push_back(std::move(client));
      }
    }
    running_ = std::move(still);
  }

  void ended(Client& client, bool was_to_die) {
    const ProcessResult result = client.process.wait();
    const bool killed = was_to_die && result.signal == SIGKILL;
    if (killed) ++kills_;
    if (!killed && client.plan.role == Role::kRecord) {
      // How long a client lives here now decides when the next are killed.
      typical_us_ = (7 * typical_us_ + static_cast<uint64_t>(result.seconds * 1e6)) / 8;
    }
    if (client.plan.role == Role::kEmbedder) {
      claims_.hear_lines(client.plan.call, result);
    } else if (client.plan.role != Role::kReader) {
      claims_.hear(client.plan.call, result);
    }
    if (!killed) expect_end(client.plan, result);
  }

  void expect_end(const Plan& plan, const ProcessResult& result) {
    EXPECT_FALSE(result.timed_out) << plan.command[0] << " hangs: " << result.describe();
    const std::string what = plan.call.arguments.empty() ? plan.command[0] : plan.call.arguments[0];
    if (plan.role == Role::kLimited) {
      expect_honest_under_limits(result, plan.command[1] + " " + what);
      return;
    }
    // Who was killed in the middle of a flush leaves others without an answer, and they say so: the
    // same key again, in settle(), is how they get one.
    const bool unknown = result.exit_code == 74 && !plan.call.keys.empty();
    if (unknown) ++unknown_;
    // Nor is a sync told more than that another is at it, once its ten seconds are over.
    const bool another_syncs = plan.role == Role::kSync && result.exit_code == 11;
    EXPECT_TRUE(result.ok() || unknown || another_syncs) << what << ": " << result.describe();
    if (plan.role == Role::kReader) {
      EXPECT_EQ(result.out, "") << "a reader saw twice, or with an id of no record";
      EXPECT_EQ(result.err, "");
    }
  }

  void settle() {
    Json synced = store_.json({"sync"});
    EXPECT_TRUE(synced["waiting"].is_null()) << synced.dump();
    claims_.expect_kept(store_);
    expect_agreement(store_, store_.row_count());
    const std::vector<std::string> unsettled = claims_.unsettled();
    const ClientCall again = ingest_call(unsettled);
    claims_.hear(again, store_.syncline(again.arguments, again.options()));
    EXPECT_TRUE(claims_.unsettled().empty());
  }

  TemporaryDirectory directory_;
  uint64_t seed_;
  Chance chance_;
  StoreUnderTest store_;
  Claims claims_;
  std::vector<Client> running_;
  std::vector<std::string> recent_;
  uint64_t typical_us_ = 20'000;
  uint64_t rounds_ = 0;
  uint64_t keys_ = 0;
  uint64_t kills_ = 0;
  uint64_t clients_ = 0;
  uint64_t unknown_ = 0;  // ends of the living with exit 74
};

TEST(Torture, ClientsKilledAmongManyLoseAndDoubleNothingAcknowledged) {
  if (!program_exists("prlimit")) GTEST_SKIP() << "prlimit is not installed";
  TortureRun(test_seed()).run(kills_wanted());
}

// Every limit from one that lets nothing happen to one that hardly matters, in turn.
TEST(Torture, UnderEveryLimitARecordIsInOrIsNotAndIsSaidSo) {
  if (!program_exists("prlimit")) GTEST_SKIP() << "prlimit is not installed";
  const TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  Claims claims(directory / "acknowledged");
  std::vector<std::string> limits;
  for (int files = 3; files < 32; ++files) limits.push_back("--nofile=" + std::to_string(files));
  // Below 14 MB the dynamic loader itself does not get through.
  for (int half_mb = 28; half_mb < 160; half_mb += 3) {
    limits.push_back("--as=" + std::to_string(half_mb * 500'000));
  }
  for (const std::string& limit : limits) {
    const std::string name = limit.substr(2);
    for (const ClientCall& call :
         {record_call("record-" + name, "published"), ingest_call({"a-" + name, "b-" + name})}) {
      std::vector<std::string> command = store.command(call.arguments);
      command.insert(command.end(), {"--timeout", "1"});
      command.insert(command.begin(), {"prlimit", limit});
      const ProcessResult result = run_process(command, call.options());
      expect_honest_under_limits(result, limit + " " + call.arguments[0]);
      claims.hear(call, result);
    }
  }
  store.json({"sync"});
  claims.expect_kept(store);
  expect_agreement(store, store.row_count());
  std::printf("under limits: %zu clients, %s\n", 2 * limits.size(), claims.figures().c_str());
}

}  // namespace
}  // namespace syncline
