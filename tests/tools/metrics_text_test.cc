#include "tools/metrics_text.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/exposition.h"

namespace syncline {
namespace {

constexpr int64_t kMs = 1'000'000;

StoreMetrics some() {
  StoreMetrics metrics;
  StoreStatus& status = metrics.status;
  status.store_id = "ab12";
  status.git = "ok";
  status.journaled = 9;
  status.applied = 8;
  status.committed = 7;
  status.published = 5;
  status.backlog_records = 2;
  status.backlog_bytes = 8192;
  status.unpublished_age_ms = 2500;
  status.set_aside = 1;
  status.retries = 5;
  status.retries_by_cause = {{"sqlite_busy", 3}, {"git_lock", 2}};
  status.disk_free_bytes = 1'000'000;
  status.thresholds = {
      {.name = "set_aside_max", .value = 1, .limit = 0, .breached = true, .detail = "one"},
      {.name = "backlog_records_max", .value = 2, .limit = 5, .breached = false, .detail = "two"}};
  metrics.records = 9;
  metrics.journaled.observe_ns(3 * kMs);
  metrics.journaled.observe_ns(40 * kMs);
  metrics.committed.observe_ns(90'000 * kMs);
  return metrics;
}

void expect_sound(const ExpositionReader& read) {
  for (const std::string& fault : read.faults()) ADD_FAILURE() << fault;
}

TEST(MetricsText, IsTextThatAnotherReaderUnderstands) {
  const ExpositionReader read(metrics_text(some()));
  expect_sound(read);
  EXPECT_EQ(read.value("syncline_record_seq", {{"stage", "journaled"}}), 9);
  EXPECT_EQ(read.value("syncline_record_seq", {{"stage", "published"}}), 5);
  EXPECT_EQ(read.value("syncline_record_seq", {{"stage", "pushed"}}), std::nullopt)
      << "without a remote there is none";
  EXPECT_EQ(read.value("syncline_backlog_bytes"), 8192);
  EXPECT_EQ(read.value("syncline_oldest_record_age_seconds", {{"stage", "published"}}), 2.5);
  EXPECT_EQ(read.value("syncline_oldest_record_age_seconds", {{"stage", "applied"}}), 0);
  EXPECT_EQ(read.value("syncline_retries_total", {{"cause", "sqlite_busy"}}), 3);
  EXPECT_EQ(read.value("syncline_retries_total", {{"cause", "git_lock"}}), 2);
  EXPECT_EQ(read.value("syncline_disk_free_bytes"), 1'000'000);
  EXPECT_EQ(read.value("syncline_alert_breached", {{"alert", "set_aside_max"}}), 1);
  EXPECT_EQ(read.value("syncline_alert_breached", {{"alert", "backlog_records_max"}}), 0);
  for (const auto& [name, family] : read.families()) {
    EXPECT_TRUE(name.starts_with("syncline_")) << name;
  }
}

TEST(MetricsText, AnEmptyStoresIsSoundToo) {
  expect_sound(ExpositionReader(metrics_text({})));
}

TEST(MetricsText, ADurationCountsInTheRangesUpToWhichItReaches) {
  const ExpositionReader read(metrics_text(some()));
  const auto journaled = [&](const char* le) {
    return read.value("syncline_record_journaled_seconds_bucket", {{"le", le}});
  };
  EXPECT_EQ(journaled("0.002"), 0);
  EXPECT_EQ(journaled("0.005"), 1);
  EXPECT_EQ(journaled("0.02"), 1);
  EXPECT_EQ(journaled("0.05"), 2);
  EXPECT_EQ(journaled("+Inf"), 2);
  EXPECT_EQ(read.value("syncline_record_journaled_seconds_sum"), 0.043);
  EXPECT_EQ(read.value("syncline_record_committed_seconds_bucket", {{"le", "50"}}), 0);
  EXPECT_EQ(read.value("syncline_record_committed_seconds_count"), 1);
}

TEST(MetricsText, TextFromElsewhereStaysWithinItsLabel) {
  StoreMetrics metrics;
  metrics.status.store_id = "a\"} 1\nb\\";
  const ExpositionReader read(metrics_text(metrics));
  expect_sound(read);
  EXPECT_EQ(read.families().at("syncline_store_info").samples.size(), 1u);
}

}  // namespace
}  // namespace syncline
