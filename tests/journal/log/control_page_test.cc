#include "journal/log/control_page.h"

#include "tests/journal/log/journal_testing.h"
#include "tests/simulation/test_machine.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

struct ControlPageTest : testing::Test {
  TestMachine machine;
  std::unique_ptr<Directory> root = machine.open();
  ControlPage page{std::move(*root->map_page("control", kControlPageBytes))};
  MutableByteSpan bytes = machine.page("control");
};

TEST_F(ControlPageTest, ZeroOrForeignPageIsNotValid) {
  EXPECT_FALSE(page.valid(test_store()));
  EXPECT_FALSE(page.end());
  EXPECT_FALSE(page.pending_flush());
  page.format(test_store(), "boot 1");
  EXPECT_TRUE(page.valid(test_store()));
  EXPECT_FALSE(page.valid(test_store(2)));
  EXPECT_TRUE(page.same_cache("boot 1"));
  EXPECT_FALSE(page.same_cache("boot 2"));
}

TEST_F(ControlPageTest, UnknownCacheIsNeverTheSame) {
  page.format(test_store(), "");
  EXPECT_FALSE(page.same_cache(""));
}

TEST_F(ControlPageTest, AMemoIsBelievedInThePageCacheItWasWrittenInAndBesideADurableMark) {
  page.format(test_store(), "boot 1");
  const std::string text = "seventeen letters";
  page.remember(Memo::kGit, as_bytes(text));
  const auto recalled = [&](std::string_view token, Memo which = Memo::kGit) {
    return recall_from(bytes, test_store(), token)[std::to_underlying(which)];
  };
  EXPECT_FALSE(recalled("boot 1")) << "no durable mark speaks for the log";
  page.set_durable({1, 4096, 0, 1, 10, 0, 8192});
  ASSERT_TRUE(recalled("boot 1"));
  EXPECT_EQ(as_text(*recalled("boot 1")), text);
  EXPECT_FALSE(recalled("boot 1", Memo::kDatabase));
  EXPECT_FALSE(recalled("boot 2"));
  EXPECT_FALSE(recalled(""));
  EXPECT_EQ(recall_from(bytes, test_store(2), "boot 1"), Memos{});
  EXPECT_EQ(recall_from(bytes.first(2048), test_store(), "boot 1"), Memos{});
  page.adopt_cache("boot 2");
  EXPECT_FALSE(recalled("boot 2")) << "it is of the page cache that was lost";
}

TEST_F(ControlPageTest, AMemosWriterKilledAtAnyStoreLeavesOneOfTheTwoOrNone) {
  page.format(test_store(), "boot 1");
  page.set_durable({1, 4096, 0, 1, 10, 0, 8192});
  const std::string first = "what stood there before", second = "what comes after it";
  page.remember(Memo::kDatabase, as_bytes(first));
  const ByteVector before(bytes.begin(), bytes.end());
  page.remember(Memo::kDatabase, as_bytes(second));
  const ByteVector after(bytes.begin(), bytes.end());
  for (size_t stored = 0; stored <= before.size(); stored += 8) {
    ByteVector partly = before;
    std::copy_n(after.begin(), stored, partly.begin());
    const auto seen =
        recall_from(partly, test_store(), "boot 1")[std::to_underlying(Memo::kDatabase)];
    if (seen) {
      EXPECT_TRUE(as_text(*seen) == first || as_text(*seen) == second) << as_text(*seen);
    }
  }
}

TEST_F(ControlPageTest, WriterKilledAtAnyStoreLeavesTheOldMarkOrTheNew) {
  page.format(test_store(), "boot 1");
  const EpochMark first{1, 4096, 0, 1, 10, 0, 8192};
  const EpochMark second{2, 8192, 7, 2, 20, 4096, 16384};
  const EpochMark third{3, 12288, 9, 3, 30, 8192, 16384};
  page.set_durable(first);
  page.set_durable(second);
  const ByteVector before(bytes.begin(), bytes.end());
  page.set_durable(third);
  const ByteVector after(bytes.begin(), bytes.end());
  // The check word is emptied first, then fields are stored in order, then the check word.
  ByteVector partly = before;
  for (size_t i = 0; i < partly.size(); i += 8) {
    if (std::equal(&before[i], &before[i] + 8, &after[i])) continue;
    std::copy(&after[i], &after[i] + 8, &partly[i]);
    std::ranges::copy(partly, bytes.begin());
    const auto seen = page.durable();
    ASSERT_TRUE(seen);
    EXPECT_TRUE(*seen == second || *seen == third) << "word at " << i;
  }
  EXPECT_EQ(page.durable(), third);
}

TEST_F(ControlPageTest, EveryFlippedBitOfAMarkIsNoticed) {
  page.format(test_store(), "boot 1");
  page.set_end({1, 4096, 0, 1, 10, 0, 8192});
  const auto whole = page.end();
  ByteVector good(bytes.begin(), bytes.end());
  for (size_t bit = 256 * 8; bit < 512 * 8; ++bit) {
    std::ranges::copy(good, bytes.begin());
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    const auto seen = page.end();
    EXPECT_TRUE(!seen || *seen == *whole) << "bit " << bit;
  }
}

TEST_F(ControlPageTest, WatermarksOnlyRiseUnlessReset) {
  page.format(test_store(), "boot 1");
  page.raise_watermark(Watermark::kApplied, 9);
  page.raise_watermark(Watermark::kApplied, 5);
  EXPECT_EQ(page.watermark(Watermark::kApplied), 9u);
  page.put_watermark(Watermark::kApplied, 5);
  EXPECT_EQ(page.watermark(Watermark::kApplied), 5u);
  EXPECT_EQ(page.watermark(Watermark::kPushed), 0u);
  StillClock clock;
  EXPECT_TRUE(page.wait_watermark(Watermark::kApplied, 5, kForever, clock));
  EXPECT_FALSE(page.wait_watermark(Watermark::kApplied, 6, {clock.ticks + 50}, clock));
}

TEST_F(ControlPageTest, RetriesOfTheLastMinuteAreThoseOfThePeriodsThatItTouches) {
  page.format(test_store(), "boot 1");
  constexpr int64_t kStart = 1'700'000'000'000;
  EXPECT_EQ(page.retries_last_minute(kStart), 0u);
  page.count_retry(RetryCause::kSqliteBusy, 3, kStart);
  page.count_retry(RetryCause::kGitLock, 1, kStart + 4'999);
  page.count_retry(RetryCause::kGitLock, 2, kStart + 5'000);
  EXPECT_EQ(page.retries_last_minute(kStart + 5'000), 6u);
  EXPECT_EQ(page.retries_last_minute(kStart + 60'000), 6u);
  EXPECT_EQ(page.retries_last_minute(kStart + 65'000), 2u);
  EXPECT_EQ(page.retries_last_minute(kStart + 70'000), 0u);
  EXPECT_EQ(page.counter(counter_of(RetryCause::kSqliteBusy)), 3u);
  EXPECT_EQ(page.counter(counter_of(RetryCause::kGitLock)), 3u);
  EXPECT_EQ(page.counter(counter_of(RetryCause::kOther)), 0u);
}

TEST_F(ControlPageTest, APeriodOfLongAgoIsBegunAnew) {
  page.format(test_store(), "boot 1");
  constexpr int64_t kRoundMs = 16 * 5'000;  // then the ring comes back to the same word
  page.count_retry(RetryCause::kFlush, 7, 1'700'000'000'000);
  page.count_retry(RetryCause::kFlush, 1, 1'700'000'000'000 + kRoundMs);
  EXPECT_EQ(page.retries_last_minute(1'700'000'000'000 + kRoundMs), 1u);
}

TEST_F(ControlPageTest, AClockThatIsSetBackForgetsTheMinuteAndCountsOn) {
  page.format(test_store(), "boot 1");
  constexpr int64_t kNow = 1'700'000'000'000, kYearMs = int64_t{365} * 24 * 3600 * 1000;
  page.count_retry(RetryCause::kOther, 9, kNow);
  EXPECT_EQ(page.retries_last_minute(kNow - kYearMs), 0u);
  page.count_retry(RetryCause::kOther, 2, kNow - kYearMs);
  EXPECT_EQ(page.retries_last_minute(kNow - kYearMs), 2u);
  EXPECT_EQ(page.counter(counter_of(RetryCause::kOther)), 11u);
}

TEST_F(ControlPageTest, LatenciesAddUpEachInItsOwnPlace) {
  page.format(test_store(), "boot 1");
  Histogram some, more;
  some.observe_ns(150'000);
  some.observe_ns(600'000'000'000);
  more.observe_ns(150'000);
  const auto last = static_cast<size_t>(Latency::kCount) - 1;
  page.add_latencies(static_cast<Latency>(last), some);
  page.add_latencies(static_cast<Latency>(last), more);
  const Histogram seen = page.latencies(static_cast<Latency>(last));
  EXPECT_EQ(seen.count(), 3u);
  EXPECT_EQ(seen.counts()[Histogram::range_of(150'000)], 2u);
  EXPECT_EQ(seen.counts().back(), 1u);
  EXPECT_EQ(seen.sum_ns(), 600'000'300'000u);
  for (size_t i = 0; i < last; ++i) {
    EXPECT_EQ(page.latencies(static_cast<Latency>(i)).count(), 0u) << i;
  }
  EXPECT_EQ(page.live(), 0u) << "what stands behind them is untouched";
}

}  // namespace
}  // namespace syncline
