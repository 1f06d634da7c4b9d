#include "syncline/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "journal/base/elapsed.h"

namespace syncline {
namespace {

TEST(Histogram, ADurationBelongsToTheFirstRangeWhoseBoundItDoesNotExceed) {
  EXPECT_EQ(Histogram::range_of(0), 0u);
  EXPECT_EQ(Histogram::range_of(100'000), 0u);
  EXPECT_EQ(Histogram::range_of(100'001), 1u);
  EXPECT_EQ(Histogram::range_of(50'000'000'000), Histogram::kRanges - 2);
  EXPECT_EQ(Histogram::range_of(50'000'000'001), Histogram::kRanges - 1);
  EXPECT_TRUE(std::ranges::is_sorted(Histogram::kBoundsUs));
}

TEST(Histogram, CountsAndSumsAndTakesNoNegativeTime) {
  Histogram seen;
  seen.observe_ns(-5'000'000);
  seen.observe_ns(3'000'000);
  EXPECT_EQ(seen.count(), 2u);
  EXPECT_EQ(seen.counts()[0], 1u);
  EXPECT_EQ(seen.sum_ns(), 3'000'000u);
}

TEST(Elapsed, IsWithinBoundsWhateverTheTimes) {
  EXPECT_EQ(elapsed_ns(1'000, 1'500), 500'000'000);
  EXPECT_EQ(elapsed_ns(1'500, 1'000), 0);
  EXPECT_EQ(elapsed_ns(INT64_MAX, INT64_MIN), 0);
  EXPECT_EQ(elapsed_ns(INT64_MIN, INT64_MAX), INT64_MAX / 1'000'000 * 1'000'000);
}

}  // namespace
}  // namespace syncline
