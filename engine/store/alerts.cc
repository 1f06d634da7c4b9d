#include "engine/store/alerts.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "journal/base/assert.h"

namespace syncline {
namespace {

using Limit = std::optional<uint64_t> AlertLimits::*;

std::string_view name_of(Limit limit) {
  for (const AlertSetting& setting : kAlertSettings) {
    if (setting.limit == limit) return setting.name;
  }
  SYNCLINE_ASSERT(false);
  return {};
}

uint64_t whole_seconds(const std::optional<uint64_t>& age_ms) {
  return age_ms.value_or(0) / 1000;
}

// What is to be done about a backlog or an age.
std::string git_text(const StoreStatus& status) {
  if (status.git == "ok") return "run `syncline sync`";
  return fmt::format("git waits ({}): settle that, then run `syncline sync`", status.git);
}

}  // namespace

std::vector<Alert> check_thresholds(const AlertLimits& limits, const StoreStatus& status) {
  std::vector<Alert> thresholds;
  const auto watch = [&](Limit limit, uint64_t value, bool breached, std::string detail) {
    thresholds.push_back({.name = std::string(name_of(limit)),
                          .value = value,
                          .limit = *(limits.*limit),
                          .breached = breached,
                          .detail = std::move(detail)});
  };
  const auto at_most = [&](Limit limit, uint64_t value, std::string detail) {
    if (limits.*limit) watch(limit, value, value > *(limits.*limit), std::move(detail));
  };
  at_most(&AlertLimits::retries_per_minute_max, status.retries_last_minute,
          fmt::format("{} retries in the last minute; see which cause grows in `syncline metrics`, "
                      "and end the program that holds that lock for long",
                      status.retries_last_minute));
  at_most(
      &AlertLimits::backlog_records_max, status.backlog_records,
      fmt::format("{} records wait to be committed; {}", status.backlog_records, git_text(status)));
  const uint64_t uncommitted_s = whole_seconds(status.uncommitted_age_ms);
  at_most(&AlertLimits::uncommitted_age_s_max, uncommitted_s,
          fmt::format("the oldest record that is not committed is {} s old; {}", uncommitted_s,
                      git_text(status)));
  const uint64_t unpublished_s = whole_seconds(status.unpublished_age_ms);
  at_most(&AlertLimits::unpublished_age_s_max, unpublished_s,
          fmt::format("the oldest record that is not on the branch is {} s old; {}", unpublished_s,
                      git_text(status)));
  at_most(&AlertLimits::set_aside_max, status.set_aside,
          fmt::format("{} records are set aside; `syncline verify` lists them with "
                      "their reasons, and `syncline repair` tries them again",
                      status.set_aside));
  if (const auto& least = limits.disk_free_bytes_min) {
    const uint64_t free_bytes = status.disk_free_bytes.value_or(*least);
    watch(
        &AlertLimits::disk_free_bytes_min, free_bytes, free_bytes < *least,
        fmt::format("{} bytes are free on the disk of the journal; give it more room", free_bytes));
  }
  return thresholds;
}

}  // namespace syncline
