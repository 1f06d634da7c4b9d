// Store::retract, as a program calls it.
#include <latch>
#include <set>
#include <thread>
#include <vector>

#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

TEST_F(StoreTest, ByManyThreadsAtOnceARecordIsRetractedOnce) {
  const auto store = open();
  const Receipt first = must_record(*store, note("first"), Stage::kCommitted);
  constexpr int kThreads = 6;
  std::latch start(kThreads);
  std::vector<Result<RetractReport>> reports(kThreads, RetractReport{});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        reports[static_cast<size_t>(i)] = store->retract(first.seq);
      });
    }
  }
  std::set<uint64_t> seqs;
  for (const auto& report : reports) {
    ASSERT_TRUE(report) << report.error().message;
    seqs.insert(report->receipt.seq);
    EXPECT_EQ(report->receipt.retracts, first.seq);
  }
  EXPECT_EQ(seqs, std::set<uint64_t>{first.seq + 1});
  EXPECT_EQ(notes(), 0);
  must_sync(*store);
  expect_sound(*store);
}

TEST_F(StoreTest, OnlyWhatIsCommittedIsRetracted) {
  const auto store = open();
  const Receipt first = must_record(*store, note("first"), Stage::kJournaled);
  fs::rename(root() + "/.git/HEAD", root() + "/.git/HEAD.away");
  const auto refused = store->retract(first.seq, Stage::kApplied, kForever);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRetryLater);
  fs::rename(root() + "/.git/HEAD.away", root() + "/.git/HEAD");
  EXPECT_EQ(store->status()->journaled, first.seq) << "nothing was written";
  const auto done = store->retract(first.seq, Stage::kPublished, kForever);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->receipt.stage, Stage::kPublished);
  EXPECT_FALSE(fs::exists(root() + "/" + first.path));
  EXPECT_EQ(store->show(first.seq)->retracted_by, done->receipt.seq);
  expect_sound(*store);
}

}  // namespace
}  // namespace syncline
