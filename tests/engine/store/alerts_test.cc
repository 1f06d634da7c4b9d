#include "engine/store/alerts.h"

#include <gtest/gtest.h>

#include <string>

namespace syncline {
namespace {

const Alert* find(const std::vector<Alert>& alerts, const std::string& name) {
  for (const Alert& alert : alerts) {
    if (alert.name == name) return &alert;
  }
  return nullptr;
}

TEST(Alerts, NothingSetIsNothingWatched) {
  StoreStatus status;
  status.set_aside = status.backlog_records = status.retries_last_minute = 1'000'000;
  EXPECT_TRUE(check_thresholds({}, status).empty());
}

TEST(Alerts, AThresholdThatIsReachedHoldsAndOneMoreBreachesIt) {
  const AlertLimits limits{.retries_per_minute_max = 10,
                           .backlog_records_max = 10,
                           .uncommitted_age_s_max = 10,
                           .unpublished_age_s_max = 10,
                           .set_aside_max = 10,
                           .disk_free_bytes_min = 10};
  StoreStatus status;
  status.git = "ok";
  status.retries_last_minute = status.backlog_records = status.set_aside = 10;
  status.uncommitted_age_ms = status.unpublished_age_ms = 10'999;
  status.disk_free_bytes = 10;
  auto alerts = check_thresholds(limits, status);
  ASSERT_EQ(alerts.size(), 6u);
  for (const Alert& alert : alerts) {
    EXPECT_FALSE(alert.breached) << alert.name;
    EXPECT_EQ(alert.value, 10u) << alert.name;
    EXPECT_EQ(alert.limit, 10u) << alert.name;
  }
  status.retries_last_minute = status.backlog_records = status.set_aside = 11;
  status.uncommitted_age_ms = status.unpublished_age_ms = 11'000;
  status.disk_free_bytes = 9;
  alerts = check_thresholds(limits, status);
  for (const Alert& alert : alerts) EXPECT_TRUE(alert.breached) << alert.name;
}

TEST(Alerts, WhatIsNotKnownBreachesNothing) {
  StoreStatus status;
  const auto alerts =
      check_thresholds({.uncommitted_age_s_max = 0, .disk_free_bytes_min = 1}, status);
  ASSERT_EQ(alerts.size(), 2u);
  EXPECT_FALSE(alerts[0].breached);
  EXPECT_FALSE(alerts[1].breached);
}

TEST(Alerts, EachSaysWhatToDo) {
  StoreStatus status;
  status.git = "a rebase is under way";
  status.backlog_records = 7;
  const auto alerts = check_thresholds({.backlog_records_max = 1, .set_aside_max = 0}, status);
  const Alert* const backlog = find(alerts, "backlog_records_max");
  ASSERT_NE(backlog, nullptr);
  EXPECT_NE(backlog->detail.find("7 records wait"), std::string::npos) << backlog->detail;
  EXPECT_NE(backlog->detail.find("a rebase is under way"), std::string::npos) << backlog->detail;
  EXPECT_NE(backlog->detail.find("syncline sync"), std::string::npos) << backlog->detail;
  EXPECT_NE(find(alerts, "set_aside_max"), nullptr);
}

}  // namespace
}  // namespace syncline
