// Appending a group of frames, under the append lock.
#include <fmt/format.h>
#include <cerrno>

#include <algorithm>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/log/journal_impl.h"

namespace syncline {

Status Journal::Impl::lock_append(Deadline deadline) {
  if (append_gate.take(deadline) == Gate::Outcome::kTimeout) {
    return make_error(Code::kTimeout, "timed out waiting for another thread's append");
  }
  Status locked = lock_and_count(*append_lock, deadline);
  if (!locked) append_gate.leave(false);
  return locked;
}

// The page is not there yet while the journal is being opened.
Status Journal::Impl::lock_and_count(FileLock& lock, Deadline deadline) {
  const int64_t began_ns = clock.monotonic_ns();
  Status locked = lock_and_tell(lock, FileLock::Mode::kExclusive, deadline, clock, options.on_wait);
  const int64_t waited_ns = clock.monotonic_ns() - began_ns;
  if (waited_ns > kLongLockWaitNs && page) {
    page->count_retry(RetryCause::kLockWait, 1, clock.now_ms());
  }
  return locked;
}

void Journal::Impl::unlock_append() {
  append_lock->unlock();
  append_gate.leave(false);
}

bool Journal::Impl::full(const EpochMark& end) const {
  const uint64_t spare = std::min<uint64_t>(options.segment_bytes_max / 8, 1u << 20);
  return end.offset + spare >= options.segment_bytes_max && end.offset > kSegmentHeaderBytes;
}

bool Journal::Impl::wants_renewal() const {
  const std::optional<EpochMark> end = page->end();
  return !end || page->pending_append() != PendingAppend::kNone || page->pending_birth() != 0 ||
         full(*end);
}

// Takes over what others appended since this process last held the lock.
Status Journal::Impl::adopt_tail() {
  TRY_ASSIGN(tail, current_end());
  if (append_segment.id() == tail.segment && append_segment) return {};
  TRY_ASSIGN(append_segment, open_segment(*journal_directory, store, tail.segment,
                                          {.write = true, .direct = options.direct_io}));
  if (append_segment.header.epoch != tail.epoch) {
    const uint64_t epoch = append_segment.header.epoch;
    append_segment = {};
    return make_error(Code::kCorrupt, fmt::format("segment {} offset 0: it is of epoch {}, not {}",
                                                  tail.segment, epoch, tail.epoch));
  }
  return {};
}

Status Journal::Impl::begin_append(Deadline deadline) {
  if (page->is_private()) return errno_error(EROFS, "append to " + root.path());
  TRY(lock_append(deadline));
  if (wants_renewal()) {
    // The flush lock must be taken before the append lock, so the append lock is released here for
    // a moment. No caller notices: keys are looked up only once this has returned.
    unlock_append();
    TRY(lock_both(deadline));
    Status mended = or_out_of_memory([&] { return mend(true); });
    unlock_flush();
    if (!mended) {
      unlock_append();
      return mended;
    }
  }
  turn_over = false;
  Status adopted = or_out_of_memory([&] { return adopt_tail(); });
  if (!adopted) unlock_append();
  return adopted;
}

void Journal::Impl::end_append() {
  unlock_append();
}

// Room for the group, so that a full disk is met here, before anything is appended. A small group
// overwrites zeros that were written ahead, which is twice as fast to sync as a file that grows; of
// a large one they would cost what the group itself costs.
Status Journal::Impl::prepare(uint64_t group_bytes, uint64_t reserve_bytes) {
  const uint64_t needed = tail.offset + group_bytes;
  if (needed + reserve_bytes <= tail.prepared_bytes) return {};
  const uint64_t reserve = round_up_to_block(options.control_reserve_bytes);
  uint64_t target = needed + reserve;
  if (group_bytes >= kReservedGroupBytesMin) {
    TRY(append_segment.file->reserve(tail.prepared_bytes, target));
  } else {
    const uint64_t step_max = std::max<uint64_t>(options.prepare_bytes, kBlockBytes);
    const uint64_t step =
        std::clamp(tail.prepared_bytes, std::min(kFirstPrepareBytes, step_max), step_max);
    // Not beyond what the segment will hold, except for a group that is larger than that.
    const uint64_t ahead = std::min(tail.prepared_bytes + step,
                                    round_up_to_block(options.segment_bytes_max) + reserve);
    target = std::max(target, round_up_to_block(ahead));
    TRY(write_zeros(*append_segment.file, tail.prepared_bytes, target));
  }
  tail.prepared_bytes = target;
  page->set_end(tail);
  return {};
}

// Part of the group may be on disk. It must never become a frame, whatever happens next, so the
// segment is left at once; only if that fails too is the outcome unknown.
Error Journal::Impl::write_failed(const Error& error) {
  page->set_pending_append(PendingAppend::kVoid);
  turn_over = true;
  unlock_append();
  Status mended = lock_both(kForever);
  if (mended) {
    mended = or_out_of_memory([&] { return mend(false); });
    unlock_flush();
  } else {
    append_gate.take(kForever);
  }
  if (mended) mended = adopt_tail();
  if (mended) return error;
  return Error{
      Code::kOutcomeUnknown, error.sys_errno,
      fmt::format("the write to the journal failed ({}), and the segment could not be left "
                  "for a new one: {}",
                  error.message, mended.error().message),
      "retry with the same key: it is recorded once either way"};
}

Result<Appended> Journal::Impl::append(std::span<const NewFrame> frames,
                                       const AppendTurn::BeforeWrite& before_write) {
  SYNCLINE_ASSERT(!frames.empty());
  if (turn_over) {
    return make_error(Code::kIo, "an append of this turn failed; nothing was written",
                      "begin a new turn");
  }
  uint64_t group_bytes = 0;
  bool control_only = true;
  for (const NewFrame& frame : frames) {
    if (frame.payload.size() > kPayloadBytesMax) {
      return make_error(Code::kInvalid, fmt::format("a record of {} bytes is larger than the {} "
                                                    "that fit into a frame",
                                                    frame.payload.size(), kPayloadBytesMax));
    }
    control_only = control_only && !is_record(frame.operation);
    group_bytes += frame_bytes_for(frame.payload.size());
  }
  const uint64_t padding = round_up_to_block(group_bytes) - group_bytes;
  group_bytes += padding;
  TRY(prepare(group_bytes, control_only ? 0 : round_up_to_block(options.control_reserve_bytes)));

  const EpochMark durable = durable_in(append_segment.header);
  const FrameContext context{store, tail.segment, tail.epoch};
  std::byte* const group = staging.reserve(group_bytes);
  EpochMark after = tail;
  Appended appended;
  std::vector<Mark> ends;
  if (before_write) ends.reserve(frames.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    const NewFrame& frame = frames[i];
    const bool record = is_record(frame.operation);
    uint32_t frame_bytes = frame_bytes_for(frame.payload.size());
    if (i + 1 == frames.size()) frame_bytes += static_cast<uint32_t>(padding);
    if (record) {
      SYNCLINE_ASSERT(frame.time_ms >= after.last_time_ms);
      after.last_time_ms = frame.time_ms;
      ++after.seq;
      if (appended.first_seq == 0) appended.first_seq = after.seq;
    }
    encode_frame(frame, context,
                 {.offset = after.offset,
                  .seq = record ? after.seq : 0,
                  .durable_seq = durable.seq,
                  .durable_offset = durable.offset,
                  .frame_bytes = frame_bytes},
                 group + (after.offset - tail.offset));
    after.last_frame = after.offset;
    after.offset += frame_bytes;
    if (before_write) ends.push_back(after.mark());
  }
  appended.mark = after.mark();
  appended.epoch = after.epoch;
  appended.last_payload_hash = frames.back().payload_hash;

  page->note_append();
  if (before_write) before_write(ends);
  page->set_pending_append(PendingAppend::kUnderWay);
  if (Status written = ring->write(*append_segment.file, tail.offset, {group, group_bytes});
      !written) {
    return write_failed(written.error());
  }
  page->set_end(after);
  page->set_pending_append(PendingAppend::kNone);
  page->add_counter(Counter::kAppends, 1);
  page->add_counter(Counter::kRecords, after.seq - tail.seq);
  tail = after;
  return appended;
}

Result<AppendTurn> Journal::begin_append(Deadline deadline) {
  TRY(impl_->begin_append(deadline));
  return AppendTurn(this);
}

AppendTurn::AppendTurn(AppendTurn&& other) noexcept
    : journal_(std::exchange(other.journal_, nullptr)) {}
AppendTurn::~AppendTurn() {
  if (journal_ != nullptr) journal_->impl_->end_append();
}
Mark AppendTurn::end() const {
  return journal_->impl_->tail.mark();
}
int64_t AppendTurn::last_time_ms() const {
  return journal_->impl_->tail.last_time_ms;
}
uint64_t AppendTurn::epoch() const {
  return journal_->impl_->tail.epoch;
}
uint32_t AppendTurn::word() const {
  return journal_->impl_->page->append_word();
}
Result<Appended> AppendTurn::append(std::span<const NewFrame> frames,
                                    const BeforeWrite& before_write) {
  return journal_->impl_->append(frames, before_write);
}

Result<Appended> Journal::append_control(Operation operation, ByteSpan payload, int64_t now_ms) {
  const NewFrame frame{.operation = operation,
                       .id = 0,
                       .time_ms = now_ms,
                       .payload = payload,
                       .payload_hash = hash_payload(payload)};
  return commit({&frame, 1});
}

}  // namespace syncline
