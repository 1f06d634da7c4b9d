// A segment whose flush failed is never synced again and believed, whatever else is to be put right
// in it. Found by tests/model (mutant CUT_BELIEVES_SUSPECT).
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/journal/log/journal_testing.h"
#include "tests/simulation/test_machine.h"

namespace syncline::simulation {
namespace {

// One process dies within its append, another's flush fails: who mends finds both.
TEST(SuspectSegment, IsNotSyncedAgainToCutADeadAppend) {
  for (uint64_t seed = 1; seed <= 64; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimulatedRandom random(seed);
    TestMachine machine;
    auto root = machine.open();
    StillClock clock;
    ASSERT_OK(Journal::create(*root, test_store(), clock, small_options()));
    auto survivor = open_journal(*root, clock, small_options());
    ASSERT_OK(survivor);
    const ProcessId dying = machine.disk().start_process();
    auto victims_root = machine.open(dying);
    auto victim = open_journal(*victims_root, clock, small_options());
    ASSERT_OK(victim);

    const auto appended = append_text(**survivor, "kept");
    ASSERT_OK(appended);
    machine.plan.crash_at(1, /*landed_bytes=*/512 * random.below(20));
    EXPECT_THROW((void)append_text(**victim, "cut short " + std::string(9000, 'x')),
                 SimulatedCrash);
    victim->reset();
    victims_root.reset();
    machine.disk().reap(dying);

    machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
    const Status flushed = (*survivor)->flush(*appended);
    survivor->reset();
    root.reset();
    machine.power_cut(random);

    root = machine.open();
    const auto again = open_journal(*root, clock, small_options());
    ASSERT_OK(again);
    const auto found = contents(*root, **again);
    // Success promises it; the dead process's own record may have come out whole behind it.
    if (flushed) {
      EXPECT_TRUE(!found.empty() && found.front() == "kept");
    }
  }
}

}  // namespace
}  // namespace syncline::simulation
