// The threads of a Store that was opened with StoreOptions::background: one writes, one applies,
// one syncs. Each sleeps until there is work for it. When one of them fails it tries again, backing
// off. Whoever waits for a stage meanwhile tries it as well, and is told why it fails
// (ApplyRole::until, SyncRole::fold_until).
#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/store/named_thread.h"
#include "engine/store/store_impl.h"
#include "journal/base/backoff.h"
#include "journal/base/try.h"

namespace syncline {

namespace {
constexpr BackoffLimits kRetryLimits = {.first_ns = 10'000'000, .longest_ns = 5'000'000'000};
// A caller who is told of each record that it is durable shares disk and processor with the thread
// that applies them. That one waits until there are so many, or for so long. Who waits for a record
// to be applied does it, and does not wait for the thread.
constexpr uint64_t kGatherRecords = 64;
constexpr int64_t kGatherMs = 2;
// So long a turn waits for another process that applies: a store that is closed waits for the
// thread.
constexpr int64_t kApplyPatienceMs = 1000;
}  // namespace

// A record that was submitted is journalled, even if nobody ever waited for it. What is not applied
// or not durable costs the next start some work, nothing else.
Store::Impl::~Impl() {
  static_cast<void>(close(kForever));
}

Status Store::Impl::start_background() {
  try {
    writer = named_thread("syncline-write", [this] { queue->run(); });
    apply_worker = named_thread("syncline-apply", [this] { apply_loop(); });
    sync_worker = named_thread("syncline-sync", [this] { sync_loop(); });
  } catch (const std::system_error& error) {
    return make_error(Code::kRetryLater, fmt::format("cannot start a thread: {}", error.what()),
                      "memory or threads are used up: try again when there are more");
  }
  return {};
}

// The threads end in the order of the data: what was submitted is flushed, then applied, then
// folded, as far as that is done in time. A checkpoint makes the next start a clean one.
Status Store::Impl::stop_background(Deadline deadline) {
  queue->stop();
  writer.join();
  roles->end_by(deadline);
  {
    MutexLock lock(work_mutex);
    stopping = true;
    apply_work.notify_all();
    sync_work.notify_all();
  }
  // A thread that could not be started has nothing to join.
  if (apply_worker.joinable()) apply_worker.join();
  if (sync_worker.joinable()) sync_worker.join();
  TRY(roles->apply.checkpoint(deadline));
  const uint64_t left = unapplied();
  if (left == 0) return {};
  return make_error(Code::kTimeout, fmt::format("{} records are journalled and not applied", left),
                    "whoever opens the store next applies them");
}

Status Store::Impl::close(Deadline deadline) {
  if (closed.exchange(true)) return {};
  end_followers();
  Status done;
  if (writer.joinable()) {
    done = stop_background(deadline);
  } else if (queue != nullptr) {
    queue->stop();
    queue->run();
  }
  tellers.end();
  return done;
}

void Store::Impl::wake_apply() {
  MutexLock lock(work_mutex);
  apply_wanted = true;
  if (!apply_gathers || unapplied() >= kGatherRecords) apply_work.notify_one();
}

uint64_t Store::Impl::unapplied() const {
  const uint64_t durable = journal->durable().seq;
  return durable - std::min(durable, journal->watermark(Watermark::kApplied));
}

void Store::Impl::apply_loop() {
  Backoff backoff(platform.random(), kRetryLimits);
  while (true) {
    {
      MutexLock lock(work_mutex);
      while (!apply_wanted && !stopping) apply_work.wait(work_mutex);
      if (!apply_wanted && stopping) return;
      apply_gathers = true;
      const Deadline due = clock.after_ms(kGatherMs);
      while (!stopping && unapplied() < kGatherRecords) {
        if (!apply_work.wait_until(work_mutex, due)) break;
      }
      apply_gathers = false;
      apply_wanted = false;
    }
    const Status applied =
        roles->apply.until(journal->durable().seq, clock.after_ms(kApplyPatienceMs));
    {
      MutexLock lock(work_mutex);
      sync_work.notify_one();
      if (!applied && stopping) return;  // the journal holds it; the next process applies it
      if (!applied) apply_wanted = true;
    }
    if (applied) {
      backoff.reset();
    } else if (applied.error().code != Code::kTimeout) {
      journal->count_retry(RetryCause::kOther);
      clock.pause_ns(backoff.next_delay_ns());
    }
  }
}

void Store::Impl::sync_loop() {
  Backoff backoff(platform.random(), kRetryLimits);
  while (true) {
    const auto pending = [&] {
      return journal->watermark(Watermark::kApplied) - journal->watermark(Watermark::kCommitted);
    };
    bool last = false;
    {
      MutexLock lock(work_mutex);
      const int64_t age_ms = config->sync.batch_age_ms_max;
      // Waits for something to fold, then for a full batch or for its age. The publisher keeps its
      // own interval.
      while (!stopping && pending() == 0 &&
             journal->watermark(Watermark::kPublished) >=
                 journal->watermark(Watermark::kCommitted)) {
        sync_work.wait(work_mutex);
      }
      const Deadline due = clock.after_ms(age_ms);
      while (!stopping && pending() < config->sync.batch_records_max) {
        if (!sync_work.wait_until(work_mutex, due)) break;
      }
      last = stopping;
    }
    const Result<bool> synced =
        roles->sync.try_turns(/*publish_now=*/false, clock.after_ms(kApplyPatienceMs));
    if (last) return;
    if (synced) {
      backoff.reset();
    } else {
      journal->count_retry(RetryCause::kOther);
      clock.pause_ns(backoff.next_delay_ns());
    }
  }
}

}  // namespace syncline
