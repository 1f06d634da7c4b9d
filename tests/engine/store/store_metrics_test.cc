// What status and metrics measure: retries by their cause, backlog and ages, latencies, thresholds.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <map>

#include "engine/config/config.h"
#include "journal/base/clock.h"
#include "journal/base/posix_fd.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

class StoreMetricsTest : public StoreTest {
 protected:
  static StoreStatus status_of(Store& store) {
    auto status = store.status();
    EXPECT_TRUE(status) << status.error().message;
    return status ? *status : StoreStatus{};
  }
  static StoreMetrics metrics_of(Store& store) {
    auto metrics = store.metrics();
    EXPECT_TRUE(metrics) << metrics.error().message;
    return metrics ? *metrics : StoreMetrics{};
  }
  static uint64_t retries(const StoreStatus& status, const std::string& cause) {
    for (const auto& [name, count] : status.retries_by_cause) {
      if (name == cause) return count;
    }
    ADD_FAILURE() << "no cause " << cause;
    return 0;
  }
  static uint64_t sum(const StoreStatus& status) {
    uint64_t sum = 0;
    for (const auto& [name, count] : status.retries_by_cause) sum += count;
    return sum;
  }
  void add_settings(const std::string& text) const {
    std::ofstream(root() + "/syncline.toml", std::ios::app) << "\n" << text;
  }
};

TEST_F(StoreMetricsTest, LatenciesAreOfEachRecordOnceWhicheverProcessMadeIt) {
  must_record(root(), note("one"), Stage::kCommitted);
  {
    auto store = open();
    must_record(*store, note("two"), Stage::kCommitted);
    must_record(*store, note("three", "key"), Stage::kJournaled);
    EXPECT_TRUE(must_record(*store, note("three", "key"), Stage::kCommitted).duplicate);
  }
  auto store = open();
  const StoreMetrics metrics = metrics_of(*store);
  EXPECT_EQ(metrics.records, 3u);
  EXPECT_EQ(metrics.journaled.count(), 3u) << "the repetition waited for nothing";
  EXPECT_EQ(metrics.applied.count(), 3u);
  EXPECT_EQ(metrics.committed.count(), 3u);
  EXPECT_EQ(metrics.flush.count(), metrics.status.flushes);
  EXPECT_GT(metrics.journaled.sum_ns(), 0u);
}

TEST_F(StoreMetricsTest, ARebuildOfTheDatabaseIsNoLatency) {
  must_record(root(), note("one"), Stage::kPublished);
  must_record(root(), note("two"), Stage::kPublished);
  remove_database(root());
  auto store = open();
  must_record(*store, note("three"), Stage::kCommitted);
  EXPECT_EQ(notes(), 3);
  const StoreMetrics metrics = metrics_of(*store);
  EXPECT_EQ(metrics.applied.count(), 3u);
  EXPECT_EQ(metrics.committed.count(), 3u);
}

TEST_F(StoreMetricsTest, TriesBehindALockOfTheDatabaseAreItsRetries) {
  auto store = open();
  must_record(*store, note("before"));
  const auto other = Database::open({root() + "/syncline.db"}, Database::Access::kWrite);
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->execute("BEGIN IMMEDIATE"));
  must_record(*store, note("behind"), Stage::kJournaled);
  StoreStatus status = status_of(*store);  // it tries to apply, for a moment
  EXPECT_LT(status.applied, status.journaled);
  EXPECT_GT(retries(status, "sqlite_busy"), 0u);
  EXPECT_EQ(status.retries, sum(status));
  EXPECT_EQ(status.retries_last_minute, status.retries);
  ASSERT_TRUE((*other)->execute("COMMIT"));
  status = status_of(*store);
  EXPECT_EQ(status.applied, status.journaled) << "the lock is gone";
}

// The role's lock is held by somebody who does nothing: each look at it takes longer to come.
TEST_F(StoreMetricsTest, WhoWaitsForARoleLooksLessAndLessOften) {
  auto store = open();
  must_record(*store, note("before"));
  const PosixFd held(::open((root() + "/.git/syncline/apply.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(held.get(), LOCK_EX), 0);
  const auto waited = store->record(note("behind"), Stage::kApplied, system_clock().after_ms(2000));
  ASSERT_TRUE(waited) << waited.error().message;
  EXPECT_TRUE(waited->timed_out);
  ASSERT_EQ(flock(held.get(), LOCK_UN), 0);
  const uint64_t looks = retries(status_of(*store), "lock_wait");
  EXPECT_GT(looks, 0u);
  EXPECT_LT(looks, 35u) << "every 20 ms would be a hundred";
}

TEST_F(StoreMetricsTest, APersonsGitIsACauseOfItsOwn) {
  auto store = open();
  std::ofstream(root() + "/.git/index.lock").put('x');
  must_record(*store, note("behind"), Stage::kCommitted);
  StoreStatus status = status_of(*store);
  // A time limit that is over after the first try leaves none to be made again.
  for (int calls = 0; calls < 20 && retries(status, "git_state") == 0; ++calls) {
    const auto synced = store->sync(/*push=*/false, system_clock().after_ms(300));
    ASSERT_TRUE(synced) << synced.error().message;
    EXPECT_FALSE(synced->waiting.empty());
    status = status_of(*store);
  }
  EXPECT_GT(retries(status, "git_state"), 0u);
  EXPECT_EQ(retries(status, "sqlite_busy"), 0u);
  EXPECT_EQ(status.backlog_records, 0u);
  EXPECT_TRUE(status.unpublished_age_ms) << "it waits";
  EXPECT_FALSE(status.uncommitted_age_ms);
}

TEST_F(StoreMetricsTest, WhatWaitsIsABacklogWithAnAge) {
  auto store = open();
  must_record(*store, note("there"), Stage::kPublished);
  StoreStatus status = status_of(*store);
  EXPECT_EQ(status.backlog_records, 0u);
  EXPECT_EQ(status.backlog_bytes, 0u);
  EXPECT_FALSE(status.uncommitted_age_ms);
  EXPECT_FALSE(status.unpublished_age_ms);
  EXPECT_GT(status.disk_free_bytes.value_or(0), 0u);
  must_record(*store, note("waits"), Stage::kApplied);
  must_record(*store, note("waits too"), Stage::kApplied);
  status = status_of(*store);
  EXPECT_EQ(status.backlog_records, 2u);
  EXPECT_GT(status.backlog_bytes, 0u);
  EXPECT_FALSE(status.unapplied_age_ms);
  ASSERT_TRUE(status.uncommitted_age_ms);
  EXPECT_LT(*status.uncommitted_age_ms, 3'600'000u) << "it has just come";
}

TEST_F(StoreMetricsTest, ABreachedThresholdIsInTheStatusByItsName) {
  add_settings("[alert]\nbacklog_records_max = 1\nset_aside_max = 0\n");
  auto store = open();
  must_record(*store, note("one"), Stage::kApplied);
  EXPECT_FALSE(status_of(*store).is_breached());
  must_record(*store, note("two"), Stage::kApplied);
  const StoreStatus status = status_of(*store);
  EXPECT_TRUE(status.is_breached());
  ASSERT_EQ(status.thresholds.size(), 2u);
  EXPECT_EQ(status.thresholds[0].name, "backlog_records_max");
  EXPECT_TRUE(status.thresholds[0].breached);
  EXPECT_EQ(status.thresholds[0].value, 2u);
  EXPECT_FALSE(status.thresholds[1].breached);
  must_sync(*store);
  EXPECT_FALSE(status_of(*store).is_breached());
}

TEST_F(StoreMetricsTest, ThresholdsAreJournalledWithTheConfigurationAndReplayed) {
  must_record(root(), note("before"));
  add_settings("[alert]\nset_aside_max = 0\n");
  must_record(root(), note("after"), Stage::kPublished);
  auto store = open();
  const std::string copy = directory_.path().string() + "/replayed";
  const Status replayed = store->replay_into(copy, std::nullopt, {});
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(count_notes(copy), 2);
  auto reading = Store::open(copy, {.read_only = true});
  ASSERT_TRUE(reading) << reading.error().message;
  EXPECT_EQ((*reading)->config().alert.set_aside_max, 0u);
  EXPECT_EQ(metrics_of(**reading).status.applied, 2u);
  EXPECT_EQ(metrics_of(*store).applied.count(), 2u) << "a replay is no latency of this store";
}

}  // namespace
}  // namespace syncline
