// The next process sees what a dead one had done, whether it is durable or not: it makes it so
// before it trims the journal behind it.
#include <gtest/gtest.h>

#include "tests/simulation/machine.h"
#include "tests/simulation/persistence.h"
#include "tests/simulation/undisturbed.h"

namespace syncline::simulation {
namespace {

// Opens the store and does the steps; dies at the nth change, where that is not 0.
Life live(const DiskImage& image, SimulatedClock& clock, Ledger& ledger,
          const std::vector<Step>& steps, uint64_t crash_at) {
  Life life = live(image, clock, ledger, crash_at, [&](Client& client, SimulatedPlatform&) {
    bool good = client.open().has_value();
    for (const Step step : steps) good = good && client.run(step);
    client.close();
  });
  clock = life.clock;
  return life;
}

TEST(Trim, LosesNothingThatADeadProcessDidNotMakeDurable) {
  const Base& start = base({.retain_bytes_max = 65536, .lived_in = true});
  SimulatedClock clock = start.clock;
  Ledger ledger = start.ledger;
  DiskImage image = start.image;
  // The sync of the work tree's files must not be what makes the refs durable.
  image.mount = image.find(kRoot.substr(1) + "/.git");
  ASSERT_NE(image.mount, 0u);
  const Life before = live(image, clock, ledger, {Step::kRotate, Step::kRotate}, 0);
  uint64_t trimmed = 0;
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE("a death at change " + std::to_string(n));
    Ledger told = ledger;
    SimulatedClock then = clock;
    const Life first = live(before.image, then, told, {Step::kTrim}, n);
    if (!first.crashed) break;
    const Life second = live(first.image, then, told, {Step::kTrim}, 0);
    trimmed += look_at(second.image).journal_begins_after > 0;
    const Life third = live(with_nothing_kept(second.image), then, told, {Step::kTrim}, 0);
    ASSERT_EQ(judge(look_at(third.image), told.told()), std::vector<std::string>{});
    ASSERT_EQ(told.faults, std::vector<std::string>{});
  }
  EXPECT_GT(trimmed, 30u);
}

// The next process finds no database, and hands over again whatever was handed over before.
void lose_the_database_and_retry(const DiskImage& image, const SimulatedClock& clock,
                                 Ledger& ledger) {
  live(image, clock, ledger, 0, [](Client& client, SimulatedPlatform& platform) {
    const auto work_tree = platform.open_directory(kRoot);
    ASSERT_TRUE(work_tree.has_value());
    for (const char* name : {"syncline.db", "syncline.db-wal", "syncline.db-shm"}) {
      const Status removed = (*work_tree)->remove_file(name);
      ASSERT_TRUE(removed || removed.error().code == Code::kNotFound);
    }
    ASSERT_TRUE(client.open().has_value());
    client.retry_all();
    client.close();
  });
}

TEST(Trim, KeepsTheKeysOfWhatItTakesAwayWhereverOneDies) {
  const Base& start = base({.retain_bytes_max = 65536, .lived_in = true});
  SimulatedClock clock = start.clock;
  Ledger ledger = start.ledger;
  const Life before = live(start.image, clock, ledger, {Step::kRotate, Step::kRotate}, 0);
  uint64_t trimmed = 0;
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE("a death at change " + std::to_string(n));
    Ledger told = ledger;
    SimulatedClock then = clock;
    const Life first = live(before.image, then, told, {Step::kTrim}, n);
    for (const DiskImage& image : {first.image, with_nothing_kept(first.image)}) {
      Ledger after = told;
      trimmed += look_at(image).journal_begins_after > 0;
      lose_the_database_and_retry(image, then, after);
      ASSERT_EQ(after.faults, std::vector<std::string>{});
    }
    if (!first.crashed) break;
  }
  EXPECT_GT(trimmed, 5u);
}

}  // namespace
}  // namespace syncline::simulation
