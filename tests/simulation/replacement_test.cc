// A database whose sync failed while the journal no longer holds all of its records: its content is
// carried over, whoever dies on the way.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "engine/projection/database_replacement.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/persistence.h"
#include "tests/simulation/undisturbed.h"

namespace syncline::simulation {
namespace {

// Opens the store, folds and publishes; dies at the nth change, where that is not 0.
Life live(const DiskImage& image, const SimulatedClock& clock, Ledger& ledger, uint64_t crash_at) {
  return live(image, clock, ledger, crash_at, [](Client& client, SimulatedPlatform& platform) {
    if (!client.open()) return;
    client.retry_unacknowledged();
    client.sync();
    if (!platform.dead()) client.verify();
    client.close();
  });
}

struct Trimmed {
  DiskImage image;
  SimulatedClock clock;
  Ledger ledger;
};

// A store that has trimmed its first records, with its database suspect.
Trimmed trimmed_and_suspect() {
  const Base& start = base({.retain_bytes_max = 65536, .lived_in = true});
  Ledger ledger = start.ledger;
  Life life =
      live(start.image, start.clock, ledger, 0, [](Client& client, SimulatedPlatform& platform) {
        EXPECT_TRUE(client.open().has_value());
        for (const Step step :
             {Step::kRotate, Step::kFold, Step::kRotate, Step::kTrim, Step::kCreate}) {
          client.run(step);
        }
        client.close();
        const auto store = platform.open_directory(kRoot + "/.git/syncline");
        EXPECT_TRUE(store.has_value());
        EXPECT_TRUE(replace_file(**store, kDatabaseSuspect, as_bytes("a sync failed")).has_value());
      });
  EXPECT_EQ(ledger.faults, std::vector<std::string>{});
  return {std::move(life.image), life.clock, std::move(ledger)};
}

TEST(DatabaseReplacement, CarriesOverWhatATrimmedJournalNoLongerHolds) {
  const Trimmed start = trimmed_and_suspect();
  ASSERT_GT(look_at(start.image).journal_begins_after, 0u);
  Ledger ledger = start.ledger;
  const Life life = live(start.image, start.clock, ledger, 0);
  EXPECT_EQ(judge(look_at(life.image), ledger.told()), std::vector<std::string>{});
  EXPECT_EQ(ledger.faults, std::vector<std::string>{});
}

TEST(DatabaseReplacement, IsFinishedByTheNextWhereverOneDies) {
  const Trimmed start = trimmed_and_suspect();
  uint64_t deaths = 0;
  for (uint64_t n = 1;; ++n) {
    Ledger ledger = start.ledger;
    const Life first = live(start.image, start.clock, ledger, n);
    if (!first.crashed) break;
    ++deaths;
    const DiskImage everything =
        PersistenceChoices(first.image, {.enumerate_max = 1, .sample = 1}).everything_kept();
    for (const DiskImage& image : {first.image, with_nothing_kept(first.image), everything}) {
      Ledger after = ledger;
      const Life second = live(image, start.clock, after, 0);
      EXPECT_EQ(judge(look_at(second.image), after.told()), std::vector<std::string>{})
          << "a death at change " << n;
      EXPECT_EQ(after.faults, std::vector<std::string>{}) << "a death at change " << n;
    }
  }
  EXPECT_GT(deaths, 30u);
}

// A page that the disk does not give today may be given tomorrow: the database is not moved aside
// for it.
TEST(DatabaseReplacement, NothingIsDamagedThatCouldNotBeRead) {
  const Base& start = base({.lived_in = true});
  FaultPlan plan;
  Machine machine(start.image, plan, start.clock, 7);
  plan = FaultPlan(&machine.clock);
  SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
  const DatabaseFile file(kRoot + "/syncline.db", platform.sqlite_vfs());
  ASSERT_TRUE(check_database(file));
  uint64_t of_pages = 0;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(fmt::format("read {} of a check fails", nth));
    plan.fail_at(nth, EIO, FaultPlan::kOnce, Call::kRead);
    const Status checked = check_database(file);
    plan.heal();
    if (checked) {
      EXPECT_GT(nth, 1u);
      break;
    }
    EXPECT_EQ(checked.error().code, Code::kIo) << checked.error().message;
    of_pages += checked.error().message.find("unable to get the page") != std::string::npos;
  }
  EXPECT_GT(of_pages, 0u) << "quick_check has other words for it now";
  machine.disk.kill(platform.process());
}

// Does it hold what a failed sync left unwritten?
bool is_given_up(const DiskImage& image, const std::string& path) {
  const auto& pending = image.node(image.find(path)).pending;
  return std::ranges::any_of(pending, [](const PendingPage& page) { return page.doomed != 0; });
}

// Who saw it is killed: what the sync was to write still reads well, and the next one must not
// believe it.
TEST(DatabaseReplacement, FollowsAFailedSyncThoughWhoSawItDied) {
  const Base& start = base({.lived_in = true});
  uint64_t failures = 0;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(fmt::format("sync {} of a checkpoint fails", nth));
    Ledger ledger = start.ledger;
    FaultPlan plan;
    Machine machine(start.image, plan, start.clock, 7);
    plan = FaultPlan(&machine.clock);
    {
      SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
      const Undisturbed fate(platform);
      Client client(platform, kRoot, ledger, fate);
      ASSERT_TRUE(client.open().has_value());
      client.run(Step::kIngest);
      plan.fail_at(nth, EIO, FaultPlan::kOnce, Call::kSync);
      const bool done = client.store()->checkpoint().has_value();
      plan.heal();
      machine.disk.kill(platform.process());
      if (done) break;
    }
    const bool given_up = is_given_up(machine.disk.image(), kRoot.substr(1) + "/syncline.db");
    failures += given_up ? 1 : 0;
    const Life next = live(machine.disk.image(), machine.clock, ledger, 0);
    EXPECT_TRUE(!given_up || next.image.exists(kRoot.substr(1) + "/.git/syncline/kept"));
    EXPECT_EQ(judge(look_at(next.image), ledger.told()), std::vector<std::string>{});
    EXPECT_EQ(ledger.faults, std::vector<std::string>{});
  }
  EXPECT_GT(failures, 0u);
}

}  // namespace
}  // namespace syncline::simulation
