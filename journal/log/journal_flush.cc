// Making the log durable: one fdatasync for everyone who appended before it.
#include <fmt/format.h>

#include <algorithm>

#include "journal/base/try.h"
#include "journal/log/journal_impl.h"
#include "journal/log/segment_scanner.h"

namespace syncline {
namespace {

Error unknown_outcome(std::string message, int sys_errno = 0) {
  return Error{Code::kOutcomeUnknown, sys_errno, std::move(message),
               "retry with the same key: it is recorded once either way"};
}

// Does the frame complete what was appended? Copies keep seq and payload; a control frame has no
// seq, and stands behind the record that it stood behind before.
bool is_last_of(const Appended& appended, uint64_t seq_so_far, const FrameView& frame) {
  return seq_so_far == appended.mark.seq && frame.payload_hash == appended.last_payload_hash;
}

}  // namespace

bool Journal::Impl::flush_is_suspect(const EpochMark& end) const {
  return page->pending_flush() == PendingFlush{end.segment, end.epoch};
}

std::optional<Status> Journal::Impl::covered(const Appended& appended) const {
  const std::optional<EpochMark> durable = page->durable();
  if (!durable || durable->epoch < appended.epoch) return std::nullopt;
  if (durable->epoch > appended.epoch) return find_carried(appended, durable->epoch);
  if (durable->position() >= appended.mark.position) return Status{};
  return std::nullopt;
}

// The epoch has changed since the append: either the frames stand before the place where their
// epoch ended, or they were carried over, or they are lost. Headers and carried frames were durable
// before anybody could see the new epoch.
Status Journal::Impl::find_carried(const Appended& appended, uint64_t epoch) const {
  for (uint64_t segment = appended.mark.position.segment + 1;; ++segment) {
    auto opened = open_for_reading(segment);
    if (!opened) {
      return unknown_outcome(fmt::format("the journal moved on to epoch {}, and segment {} cannot "
                                         "be looked at: {}",
                                         epoch, segment, opened.error().message),
                             opened.error().sys_errno);
    }
    const SegmentHeader& header = opened->header;
    if (header.epoch <= appended.epoch) continue;
    if (appended.mark.position <= header.previous()) return {};
    // With no frame of its own it asks for the records up to its mark alone.
    if (appended.last_payload_hash == 0 && header.durable_seq >= appended.mark.seq) return {};
    SegmentScanner scanner(*opened->file, {store, segment, header.epoch}, kSegmentHeaderBytes,
                           header.durable_end);
    uint64_t seq = header.first_seq - 1;
    while (scanner.offset() < header.durable_end) {
      FrameView frame;
      const auto fault = scanner.next(frame);
      if (!fault || *fault != FrameFault::kNone) break;
      if (is_record(frame.operation)) seq = frame.seq;
      if (is_last_of(appended, seq, frame)) return {};
    }
    return unknown_outcome(
        fmt::format("a flush of segment {} failed, and what was appended up to record {} is not "
                    "among what could be carried over into segment {}",
                    header.previous_segment, appended.mark.seq, segment));
  }
}

Result<bool> Journal::Impl::lock_flush(const Appended* appended, Deadline deadline) {
  if (options.beside) return errno_error(EROFS, "flush " + root.path());
  const auto not_needed = [&] { return appended != nullptr && covered(*appended).has_value(); };
  switch (flush_gate.take(deadline, not_needed)) {
    case Gate::Outcome::kNotNeeded:
      return false;
    case Gate::Outcome::kTimeout:
      return make_error(Code::kTimeout, "timed out waiting for another thread's flush");
    case Gate::Outcome::kTaken:
      break;
  }
  if (Status locked = lock_and_count(*flush_lock, deadline); !locked) {
    flush_gate.leave(true);
    return std::move(locked).error();
  }
  return true;
}

void Journal::Impl::unlock_flush() {
  flush_lock->unlock();
  flush_gate.leave(true);
}

Status Journal::Impl::sync_segment(OpenSegment& segment, const EpochMark& end) {
  page->set_pending_flush({end.segment, end.epoch});
  page->add_counter(Counter::kFlushes, 1);
  const int64_t began_ns = clock.monotonic_ns();
  Status synced = segment.file->sync_data();
  Histogram took;
  took.observe_ns(clock.monotonic_ns() - began_ns);
  page->add_latencies(Latency::kFlush, took);
  if (synced) {
    // Durable bytes that no name leads to are lost all the same.
    const auto links = segment.file->links();
    if (!links) {
      synced = links.error();
    } else if (*links == 0) {
      synced = make_error(Code::kIo,
                          fmt::format("segment {} was removed while it was in use", segment.id()));
    }
  }
  if (!synced) {
    page->add_counter(Counter::kFlushFailures, 1);
    return synced;
  }
  page->set_durable(end);
  page->clear_pending_flush();
  return {};
}

// With the flush lock held. Everything now in the log becomes durable, or its segment is abandoned.
Status Journal::Impl::flush_locked(Deadline deadline) {
  TRY_ASSIGN(const EpochMark end, current_end());
  Status synced;
  if (page->pending_birth() == 0 && !flush_is_suspect(end)) {
    const std::optional<EpochMark> durable = page->durable();
    if (durable && durable->segment == end.segment && durable->epoch == end.epoch &&
        durable->offset >= end.offset) {
      return {};
    }
    if (flush_segment.id() != end.segment) {
      TRY_ASSIGN(flush_segment, open_for_reading(end.segment));
    }
    synced = sync_segment(flush_segment, end);
    if (synced) return {};
  }
  // This flush failed, or an earlier one did, or its process died before it could report: whatever
  // is not known to be durable is written again in a new segment, and never synced here again.
  page->count_retry(RetryCause::kFlush, 1, clock.now_ms());
  Status mended = lock_append(deadline);
  if (mended) {
    mended = or_out_of_memory([&] { return mend(false); });
    unlock_append();
  }
  if (mended) return {};
  const Error& why = synced ? mended.error() : synced.error();
  return unknown_outcome(
      fmt::format("the flush of segment {} failed ({}), and it could not be left "
                  "for a new one: {}",
                  end.segment, why.message, mended.error().message),
      why.sys_errno);
}

Status Journal::Impl::flush_as_waiter(const Appended& appended, Deadline deadline) {
  // Twice: the first may have been spent on mending what a dead process left.
  for (int tries = 0; tries < 2; ++tries) {
    if (const auto done = covered(appended)) return *done;
    TRY_ASSIGN(const bool held, lock_flush(&appended, deadline));
    if (!held) continue;
    Status flushed;
    // Another process may have flushed for us while we waited for its lock.
    if (!covered(appended)) {
      flushed = or_out_of_memory([&] { return flush_locked(deadline); });
    }
    unlock_flush();
    TRY(flushed);
  }
  if (const auto done = covered(appended)) return *done;
  return unknown_outcome(fmt::format(
      "what was appended up to record {} at segment {} offset {} is "
      "not in the log",
      appended.mark.seq, appended.mark.position.segment, appended.mark.position.offset));
}

Status Journal::flush(const Appended& appended, Deadline deadline) {
  return or_out_of_memory([&] { return impl_->flush_as_waiter(appended, deadline); });
}

Status Journal::flush_all(Deadline deadline) {
  TRY_ASSIGN(const EpochMark end, impl_->current_end());
  Appended all;
  all.mark = end.mark();
  all.epoch = end.epoch;
  // If the epoch changes meanwhile, the change has already made durable everything that could be
  // kept.
  if (Status flushed = flush(all, deadline);
      !flushed && impl_->page->durable().value_or(EpochMark{}).epoch == end.epoch) {
    return flushed;
  }
  return {};
}

}  // namespace syncline
