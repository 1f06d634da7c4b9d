// Every crash point of append, flush, rotation, cut, renewal, recovery and trim, on a simulated
// disk: killed, with the power cut, and with the power cut as soon as a killed process's log was
// opened again. The clock jumps back and forth all the while.
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "tests/journal/log/journal_testing.h"
#include "tests/simulation/test_machine.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

// Runs a workload against a journal and remembers what was promised.
struct World {
  explicit World(uint64_t seed) : random(seed) {}

  SimulatedRandom random;
  TestMachine machine;
  std::unique_ptr<Directory> root = machine.open();
  StillClock clock;
  JournalOptions options = small_options();
  std::unique_ptr<Journal> journal;
  std::vector<std::string> acknowledged;  // in order
  std::vector<std::string> attempted;
  std::set<std::string> refused;  // an error said that it is not in the log
  int counter = 0;

  Status create() { return Journal::create(*root, test_store(), clock, options); }
  Status open(std::span<const DurableClaim> claims = {}) {
    journal.reset();
    TRY_ASSIGN(journal, open_journal(*root, clock, options, claims));
    return {};
  }
  std::string next_payload() {
    ++counter;
    clock.wall_ms += static_cast<int64_t>(random.below(20'000)) - 10'000;
    // Sizes from some bytes to several blocks.
    return "record " + std::to_string(counter) +
           std::string(random.one_in(5) ? random.below(9000) : random.below(300), 'x');
  }
  // Appends `records` in one group and flushes it.
  Status work(int records) { return work(*journal, records); }
  Status work(Journal& through, int records) {
    std::vector<std::string> texts;
    for (int i = 0; i < records; ++i) texts.push_back(next_payload());
    std::vector<NewFrame> frames;
    for (const std::string& text : texts) frames.push_back(record_frame(text, 1, clock.now_ms()));
    attempted.insert(attempted.end(), texts.begin(), texts.end());
    const auto appended = append(through, frames);
    if (!appended) {
      if (appended.error().code != Code::kOutcomeUnknown) {
        refused.insert(texts.begin(), texts.end());
      }
      return appended.error();
    }
    TRY(through.flush(*appended));
    acknowledged.insert(acknowledged.end(), texts.begin(), texts.end());
    return {};
  }
  // Appends one that nobody waits for.
  Result<Appended> append_unflushed(std::string text) {
    attempted.push_back(text);
    return append(*journal, {record_frame(text, 1, clock.now_ms())});
  }
  // What is durable may be answered for from now on: to who repeats a key, by apply, by fold.
  void settle() {
    const auto entries = read_entries(*root, journal->durable());
    ASSERT_TRUE(entries) << error_of(entries);
    acknowledged = payloads(*entries);
  }
  // Everything acknowledged is there in order and once, nothing is there that was never attempted,
  // sequences have no gaps, and times never run backward.
  void check(const std::string& when) {
    const auto entries = read_entries(*root, journal->end());
    ASSERT_TRUE(entries) << when << ": " << error_of(entries);
    size_t next = 0;
    std::set<std::string> seen;
    uint64_t seq = 0;
    int64_t time_ms = 0;
    for (const Entry& entry : *entries) {
      ASSERT_EQ(entry.seq, ++seq) << when;
      ASSERT_GE(entry.time_ms, time_ms) << when;
      time_ms = entry.time_ms;
      ASSERT_TRUE(seen.insert(entry.payload).second) << when << ": twice: " << entry.payload;
      ASSERT_NE(std::ranges::find(attempted, entry.payload), attempted.end()) << when;
      ASSERT_FALSE(refused.contains(entry.payload)) << when << ": refused, and there";
      if (next < acknowledged.size() && entry.payload == acknowledged[next]) ++next;
    }
    ASSERT_EQ(next, acknowledged.size())
        << when << ": lost " << acknowledged[next].substr(0, 20) << " of " << entries->size();
    ASSERT_GE(journal->durable().seq, acknowledged.size()) << when;
  }
};

// What a workload does, until it crashes or ends.
using Workload = void (*)(World&);

void append_and_flush(World& world) {
  for (int i = 0; i < 14; ++i) static_cast<void>(world.work(1 + i % 3));
}
// Some appends go unflushed for a while, as when several producers share a flush.
void append_lazily(World& world) {
  for (int i = 0; i < 8; ++i) {
    static_cast<void>(world.append_unflushed(world.next_payload()));
    if (i % 3 == 2) static_cast<void>(world.work(2));
  }
}
// Rotations meet frames that nobody has flushed.
void rotate_lazily(World& world) {
  for (int i = 0; i < 12; ++i) {
    static_cast<void>(world.append_unflushed(world.next_payload() + std::string(9000, 'y')));
    if (i % 8 == 7) static_cast<void>(world.work(1));
  }
}
// Rotations whose new segment does not get its name, or gets it and is not known to keep it.
void failing_rotations(World& world) {
  for (int i = 0; i < 18; ++i) {
    if (i % 6 == 4) world.machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSyncDirectory);
    if (i % 6 == 1) world.machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kRename);
    static_cast<void>(world.append_unflushed(world.next_payload() + std::string(9000, 'y')));
    if (i % 4 == 3) static_cast<void>(world.work(1));
  }
}
void failing_flushes(World& world) {
  for (int i = 0; i < 8; ++i) {
    if (i % 3 == 1) world.machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
    static_cast<void>(world.work(2));
  }
}
void failing_writes(World& world) {
  for (int i = 0; i < 6; ++i) {
    if (i % 2 == 1) world.machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kWrite);
    static_cast<void>(world.work(2));
  }
}
void trimming(World& world) {
  // Trimming loses records by intent, so here only keeps what cannot be trimmed.
  for (int i = 0; i < 6; ++i) static_cast<void>(world.work(2));
  static_cast<void>(world.journal->trim(Mark{{0, 0}, 0}));
}

enum class Crash : uint8_t { kKill, kPowerCut, kKillThenPowerCut };

struct Case {
  const char* name;
  Workload workload;
  Crash crash;
};

class EveryCrashPoint : public testing::TestWithParam<Case> {};

void crash(World& world, Crash how) {
  world.journal.reset();
  world.root.reset();
  if (how == Crash::kPowerCut) {
    world.machine.power_cut(world.random);
  } else {
    world.machine.kill();
  }
  world.root = world.machine.open();
}

// At the nth operation from now; of a write, some sectors are done first.
void crash_at(World& world, uint64_t nth) {
  world.machine.plan.crash_at(nth, world.random.below(9) * kSectorBytes);
}

// Opens, crashing at the nth operation of recovery first (again and again), then for good.
void recover(World& world, Crash how, uint64_t crash_in_recovery) {
  for (uint64_t at = crash_in_recovery; at > 0; --at) {
    crash_at(world, at);
    try {
      const Status opened = world.open();
      ASSERT_TRUE(opened) << error_of(opened);
    } catch (const SimulatedCrash&) {
    }
    crash(world, how);
  }
  const Status opened = world.open();
  ASSERT_TRUE(opened) << error_of(opened);
}

TEST_P(EveryCrashPoint, KeepsWhatWasAcknowledged) {
  const auto [name, workload, how] = GetParam();
  for (uint64_t at = 1; at < 400; ++at) {
    bool crashed = false;
    for (uint64_t seed = 1; seed <= 6; ++seed) {
      SCOPED_TRACE(testing::Message() << name << " crash at " << at << " seed " << seed);
      World world(seed * 1000 + at);
      ASSERT_OK(world.create());
      ASSERT_OK(world.open());
      crash_at(world, at);
      try {
        workload(world);
      } catch (const SimulatedCrash&) {
        crashed = true;
      }
      crash(world, how);
      recover(world, how, seed % 4);
      if (HasFatalFailure()) return;
      world.check("after recovery");
      if (HasFatalFailure()) return;
      world.settle();
      if (how == Crash::kKillThenPowerCut) {
        crash(world, Crash::kPowerCut);
        recover(world, Crash::kPowerCut, 0);
        if (HasFatalFailure()) return;
        world.check("after the power cut that followed the kill");
        if (HasFatalFailure()) return;
      }
      // What recovery did is said once, and holds: go on, crash without a flush, and look again.
      ASSERT_OK(world.work(2));
      ASSERT_OK(world.append_unflushed(world.next_payload()));
      crash(world, how);
      recover(world, how, 0);
      if (HasFatalFailure()) return;
      world.check("after the second recovery");
      if (HasFatalFailure()) return;
    }
    if (!crashed) return;  // the workload has no such operation
  }
}

// One of two processes dies anywhere; the other, which has the store open all the while, finds what
// it left half done and goes on.
TEST_P(EveryCrashPoint, IsPutRightByAnotherProcess) {
  const auto [name, workload, how] = GetParam();
  for (uint64_t at = 1; at < 400; ++at) {
    bool crashed = false;
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE(testing::Message() << name << " crash at " << at << " seed " << seed);
      World world(seed * 1000 + at);
      ASSERT_OK(world.create());
      ASSERT_OK(world.open());
      const ProcessId process = world.machine.disk().start_process();
      auto other_root = world.machine.open(process);
      auto other = open_journal(*other_root, world.clock, world.options);
      ASSERT_OK(other);
      ASSERT_FALSE((*other)->recovery().alone);
      ASSERT_OK(world.work(**other, 1));
      crash_at(world, at);
      try {
        workload(world);
      } catch (const SimulatedCrash&) {
        crashed = true;
      }
      world.machine.plan.crash_at(0);
      world.machine.plan.heal();
      world.journal.reset();
      world.machine.disk().reap(0);
      world.journal = std::move(*other);  // the first is gone, its locks with it
      world.root = std::move(other_root);
      ASSERT_OK(world.work(1));
      ASSERT_OK(world.work(3));
      world.check("by the other");
      if (HasFatalFailure()) return;
      world.settle();
      crash(world, how == Crash::kKill ? Crash::kKill : Crash::kPowerCut);
      recover(world, how, 0);
      if (HasFatalFailure()) return;
      world.check("after recovery");
      if (HasFatalFailure()) return;
    }
    if (!crashed) return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Journal, EveryCrashPoint,
    testing::Values(Case{"AppendKill", append_and_flush, Crash::kKill},
                    Case{"AppendPower", append_and_flush, Crash::kPowerCut},
                    Case{"LazyKill", append_lazily, Crash::kKill},
                    Case{"LazyPower", append_lazily, Crash::kPowerCut},
                    Case{"RotateKill", rotate_lazily, Crash::kKill},
                    Case{"RotatePower", rotate_lazily, Crash::kPowerCut},
                    Case{"FlushFailsKill", failing_flushes, Crash::kKill},
                    Case{"FlushFailsPower", failing_flushes, Crash::kPowerCut},
                    Case{"WriteFailsKill", failing_writes, Crash::kKill},
                    Case{"WriteFailsPower", failing_writes, Crash::kPowerCut},
                    Case{"RotateFailsKill", failing_rotations, Crash::kKill},
                    Case{"RotateFailsPower", failing_rotations, Crash::kPowerCut},
                    Case{"LazyKillPower", append_lazily, Crash::kKillThenPowerCut},
                    Case{"RotateKillPower", rotate_lazily, Crash::kKillThenPowerCut},
                    Case{"FlushFailsKillPower", failing_flushes, Crash::kKillThenPowerCut},
                    Case{"TrimKill", trimming, Crash::kKill},
                    Case{"TrimPower", trimming, Crash::kPowerCut}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace syncline
