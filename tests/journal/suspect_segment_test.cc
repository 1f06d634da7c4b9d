// A segment whose flush failed is never synced again and believed, whatever else is to be put right
// in it. Found by tests/model (mutant CUT_BELIEVES_SUSPECT).
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/journal/journal_testing.h"
#include "tests/support/simulated_disk.h"

namespace syncline {
namespace {

// One process dies within its append, another's flush fails: who mends finds both.
TEST(SuspectSegment, IsNotSyncedAgainToCutADeadAppend) {
  for (uint64_t seed = 1; seed <= 64; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimulatedDisk disk(seed);
    const auto root = disk.open();
    StillClock clock;
    ASSERT_OK(Journal::create(*root, test_store(), clock, small_options()));
    auto survivor = open_journal(*root, clock, small_options());
    ASSERT_OK(survivor);
    auto victim = open_journal(*root, clock, small_options());
    ASSERT_OK(victim);

    const auto appended = append_text(**survivor, "kept");
    ASSERT_OK(appended);
    disk.crash_at(1);
    EXPECT_THROW((void)append_text(**victim, "cut short " + std::string(9000, 'x')),
                 SimulatedCrash);
    victim->reset();

    disk.fail_at(1, EIO, false, SimulatedDisk::Kind::kSync);
    const Status flushed = (*survivor)->flush(*appended);
    survivor->reset();
    disk.power_cut();

    const auto again = open_journal(*root, clock, small_options());
    ASSERT_OK(again);
    const auto found = contents(*root, **again);
    // Success promises it; the dead process's own record may have come out whole behind it.
    if (flushed) EXPECT_TRUE(!found.empty() && found.front() == "kept");
  }
}

}  // namespace
}  // namespace syncline
