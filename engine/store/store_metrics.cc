// What status() and metrics() measure: counters, backlog, ages, latencies, thresholds.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/store/alerts.h"
#include "engine/store/store_impl.h"
#include "journal/base/elapsed.h"
#include "journal/base/try.h"

namespace syncline {

namespace {

void add_counters(StoreStatus& status, const Journal& journal) {
  status.appends = journal.counter(Counter::kAppends);
  status.flushes = journal.counter(Counter::kFlushes);
  status.flush_failures = journal.counter(Counter::kFlushFailures);
  status.batches = journal.counter(Counter::kBatches);
  status.publishes = journal.counter(Counter::kPublishes);
  for (size_t i = 0; i < static_cast<size_t>(RetryCause::kCount); ++i) {
    const auto cause = static_cast<RetryCause>(i);
    const uint64_t count = journal.retries(cause);
    status.retries += count;
    status.retries_by_cause.emplace_back(retry_cause_name(cause), count);
  }
  status.retries_last_minute = journal.retries_last_minute();
}

// How long the record after `reached` has been waiting; nothing where there is none.
Result<std::optional<uint64_t>> age_after(uint64_t reached, uint64_t journaled,
                                          ReceiptLookup& records, int64_t now_ms) {
  if (reached >= journaled) return std::optional<uint64_t>();
  TRY_ASSIGN(const std::optional<int64_t> time_ms, records.time_of(reached + 1));
  if (!time_ms) return std::optional<uint64_t>();
  return std::optional(static_cast<uint64_t>(elapsed_ns(*time_ms, now_ms) / 1'000'000));
}

Status add_backlog(StoreStatus& status, ReceiptLookup& records, int64_t now_ms) {
  status.backlog_records = status.journaled - std::min(status.journaled, status.committed);
  if (status.backlog_records != 0) {
    TRY_ASSIGN(status.backlog_bytes, records.bytes_after(status.committed));
  }
  const auto age = [&](uint64_t reached) {
    return age_after(reached, status.journaled, records, now_ms);
  };
  TRY_ASSIGN(status.unapplied_age_ms, age(status.applied));
  TRY_ASSIGN(status.uncommitted_age_ms, age(status.committed));
  TRY_ASSIGN(status.unpublished_age_ms, age(status.published));
  return {};
}

}  // namespace

void Store::Impl::measure(StoreStatus& status, ReceiptLookup& records) {
  add_counters(status, *journal);
  if (const Status added = add_backlog(status, records, clock.now_ms()); !added) {
    status.notes.push_back(
        fmt::format("how old the backlog is cannot be told: {}; `syncline verify` looks at it all",
                    added.error().message));
  }
  // Where it cannot be asked, it is not shown.
  if (const auto free_bytes = store_directory->free_bytes()) status.disk_free_bytes = *free_bytes;
  status.thresholds = check_thresholds(config->alert, status);
}

Result<StoreMetrics> Store::metrics() {
  TRY(impl_->check_process());
  StoreMetrics metrics;
  TRY_ASSIGN(metrics.status, status());
  const Journal& journal = *impl_->journal;
  metrics.records = journal.counter(Counter::kRecords);
  metrics.journaled = journal.latencies(Latency::kJournaled);
  metrics.applied = journal.latencies(Latency::kApplied);
  metrics.committed = journal.latencies(Latency::kCommitted);
  metrics.flush = journal.latencies(Latency::kFlush);
  return metrics;
}

}  // namespace syncline
