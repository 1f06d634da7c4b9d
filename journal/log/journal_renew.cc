// Changing to a new segment, and putting right what a dead process left half done.
#include <fmt/format.h>

#include <algorithm>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/log/journal_impl.h"
#include "journal/log/segment_scanner.h"

namespace syncline {
namespace {

// Frames carried over into a new segment, encoded for it.
struct Carried {
  AlignedBuffer buffer;
  size_t bytes = 0;
  uint64_t seq = 0;
  int64_t last_time_ms = 0;
  uint64_t last_frame = 0;

  ByteSpan span() { return {buffer.data(), bytes}; }
};

struct Placed {
  FrameView frame;
  ByteVector payload;
};

// Reads the frames of `from` in [durable.offset, end.offset) and encodes them for `to`. The first
// frame that no longer decodes, and everything after it, was never acknowledged and is left behind:
// a process that waits for it does not find it in the new segment, and reports that.
Result<Carried> carry(const OpenSegment& from, const EpochMark& durable, const EpochMark& end,
                      const SegmentHeader& to) {
  Carried carried;
  carried.seq = durable.seq;
  carried.last_time_ms = to.last_time_ms;
  const FrameContext old_context{to.store, from.id(), from.header.epoch};
  const FrameContext new_context{to.store, to.segment, to.epoch};
  std::vector<Placed> kept;
  SegmentScanner scanner(*from.file, old_context, durable.offset, end.offset);
  while (scanner.offset() < end.offset) {
    FrameView frame;
    const auto fault = scanner.next(frame);
    if (!fault || *fault != FrameFault::kNone) break;
    if (is_record(frame.operation)) {
      if (frame.seq != carried.seq + 1) break;
      carried.seq = frame.seq;
      carried.last_time_ms = std::max(carried.last_time_ms, frame.time_ms);
    }
    ByteVector payload(frame.payload.begin(), frame.payload.end());
    kept.push_back({frame, std::move(payload)});
  }
  uint64_t total = 0;
  for (const Placed& each : kept) total += frame_bytes_for(each.payload.size());
  std::byte* const base = carried.buffer.reserve(round_up_to_block(total));
  for (size_t i = 0; i < kept.size(); ++i) {
    const FrameView& frame = kept[i].frame;
    uint32_t frame_bytes = frame_bytes_for(kept[i].payload.size());
    if (i + 1 == kept.size()) {
      frame_bytes += static_cast<uint32_t>(round_up_to_block(total) - total);
    }
    carried.last_frame = kSegmentHeaderBytes + carried.bytes;
    encode_frame({frame.operation, frame.id, frame.time_ms, kept[i].payload, frame.payload_hash},
                 new_context,
                 {.offset = carried.last_frame,
                  .seq = frame.seq,
                  .durable_seq = durable.seq,
                  .durable_offset = 0,
                  .frame_bytes = frame_bytes},
                 base + carried.bytes);
    carried.bytes += frame_bytes;
  }
  return carried;
}

}  // namespace

EpochMark mark_at_birth(const SegmentHeader& header, uint64_t prepared_bytes) {
  return {header.segment, header.durable_end,  header.durable_seq,
          header.epoch,   header.last_time_ms, 0,
          prepared_bytes};
}

uint64_t first_size_bytes(const JournalOptions& options, uint64_t carried_bytes) {
  const uint64_t first =
      std::min(kFirstPrepareBytes, round_up_to_block(options.segment_bytes_max)) +
      round_up_to_block(options.control_reserve_bytes);
  return kSegmentHeaderBytes + carried_bytes + first;
}

Status Journal::Impl::lock_both(Deadline deadline) {
  TRY_ASSIGN(const bool held, lock_flush(nullptr, deadline));
  SYNCLINE_ASSERT(held);
  Status locked = lock_append(deadline);
  if (!locked) unlock_flush();
  return locked;
}

Result<EpochMark> Journal::Impl::current_end() const {
  const std::optional<EpochMark> end = page->end();
  if (end && page->valid(store)) return *end;
  return make_error(Code::kCorrupt, "the control page was overwritten while the store was open",
                    "stop every process that uses this store, then try again");
}

Result<OpenSegment> Journal::Impl::open_for_reading(uint64_t segment) const {
  return open_segment(*journal_directory, store, segment, {});
}

EpochMark Journal::Impl::durable_in(const SegmentHeader& header) const {
  const std::optional<EpochMark> durable = page->durable();
  if (durable && durable->segment == header.segment && durable->epoch == header.epoch &&
      durable->offset >= header.durable_end) {
    return *durable;
  }
  // Not published yet: the header itself says what was durable when the segment got its name.
  return mark_at_birth(header, 0);
}

// With both locks held, anything found half done was left by a dead process or by an earlier
// failure.
Status Journal::Impl::mend(bool rotate) {
  if (const uint64_t born = page->pending_birth(); born != 0) TRY(finish_birth(born));
  TRY_ASSIGN(EpochMark end, current_end());
  switch (page->pending_append()) {
    case PendingAppend::kNone:
      break;
    case PendingAppend::kUnderWay:
      TRY(adopt_dead_append(end));
      break;
    case PendingAppend::kVoid:
      TRY(renew(Renewal::kCut, end));
      break;
  }
  TRY_ASSIGN(end, current_end());
  if (flush_is_suspect(end)) {
    TRY(renew(Renewal::kAbandon, end));
  } else if (rotate && full(end)) {
    // If no new segment can be made (a full disk), the old one stays in use as long as nothing is
    // wrong with it and no newer one has got its name; the next turn tries again.
    if (Status renewed = renew(Renewal::kRotate, end);
        !renewed && (page->pending_birth() != 0 || flush_is_suspect(end))) {
      return renewed;
    }
  }
  return {};
}

// A segment may have got its name without having been adopted: its creator died, or the directory's
// sync failed. Nothing was appended since, to it or to the one before, so it is adopted now.
Status Journal::Impl::finish_birth(uint64_t segment) {
  TRY_ASSIGN(const EpochMark end, current_end());
  if (end.segment >= segment) {
    page->set_pending_birth(0);
    return {};
  }
  auto named = journal_directory->info(segment_name(segment));
  if (!named && named.error().code != Code::kNotFound) return std::move(named).error();
  if (!named) {
    page->set_pending_birth(0);
    return {};
  }
  TRY_ASSIGN(const OpenSegment before, open_for_reading(end.segment));
  TRY_ASSIGN(const OpenSegment born, open_for_reading(segment));
  TRY(check_chain(before.header, born.header));
  if (const EpochMark durable = durable_in(before.header); born.header.durable_seq < durable.seq) {
    return make_error(Code::kCorrupt,
                      fmt::format("segment {} offset 0: it begins after record {}, but record {} "
                                  "was durable before it",
                                  segment, born.header.durable_seq, durable.seq));
  }
  // After a failed sync of the directory, the next success proves nothing: the directory is changed
  // again first, so that there is something to write.
  const std::string touch = unborn_segment_name(segment);
  if (auto made = journal_directory->create_whole(touch, {});
      !made && made.error().code != Code::kExists) {
    return made;
  }
  TRY(journal_directory->remove_file(touch));
  TRY(journal_directory->sync_directory("."));
  publish(born.header, named->size_bytes / kBlockBytes * kBlockBytes);
  page->set_pending_birth(0);
  return {};
}

// The process that was appending died. Frames that it wrote whole are kept (nobody was told of
// them, and a retry with the same key finds them); a part of one is cut.
Status Journal::Impl::adopt_dead_append(const EpochMark& end) {
  TRY_ASSIGN(const OpenSegment segment, open_for_reading(end.segment));
  const ScanStart start{end.offset, end.seq, end.last_time_ms, end.last_frame};
  const DurableClaim claim{durable_in(segment.header).mark(), std::string(kPageClaim)};
  const TailScan scan = scan_tail(*segment.file, segment.header, start, {&claim, 1});
  EpochMark found = end;
  found.offset = scan.end.offset;
  found.seq = scan.seq;
  found.last_time_ms = scan.last_time_ms;
  found.last_frame = scan.last_frame;
  if (scan.verdict == TailVerdict::kTornTail) return renew(Renewal::kCut, found);
  if (scan.verdict != TailVerdict::kCleanEnd) return refusal(scan);
  found.prepared_bytes = scan.size_bytes / kBlockBytes * kBlockBytes;
  if (scan.evidence.found != TailFound::kZero || !scan.evidence.rest_blank) {
    page->set_blank_segment(0);
  }
  page->set_end(found);
  page->set_pending_append(PendingAppend::kNone);
  return {};
}

Status Journal::Impl::renew(Renewal kind, EpochMark end) {
  TRY_ASSIGN(OpenSegment old, open_for_reading(end.segment));
  EpochMark durable = durable_in(old.header);
  // A suspect segment is never synced again: its next sync may succeed and have written nothing.
  bool keep = kind != Renewal::kAbandon && !flush_is_suspect(end);
  if (keep && durable.offset < end.offset) {
    // Rewinding nothing: once this succeeds, everything before `end` is durable where it is.
    keep = sync_segment(old, end).has_value();
  }
  if (keep || durable.offset >= end.offset) {
    if (durable.offset > end.offset) end = durable;
    durable = end;
  }
  const bool same_epoch = kind == Renewal::kRotate && keep;

  SegmentHeader header;
  header.store = store;
  header.segment = old.id() + 1;
  header.epoch = old.header.epoch + (same_epoch ? 0 : 1);
  header.first_seq = durable.seq + 1;
  header.previous_segment = old.id();
  header.previous_end = durable.offset;
  header.created_ms = clock.now_ms();
  header.last_time_ms = std::max(end.last_time_ms, old.header.last_time_ms);
  header.capacity_bytes = options.segment_bytes_max;
  TRY_ASSIGN(Carried carried, carry(old, durable, end, header));
  header.last_time_ms = std::max(header.last_time_ms, carried.last_time_ms);
  header.durable_end = kSegmentHeaderBytes + carried.bytes;
  header.durable_seq = carried.seq;

  // A file of that name that nobody adopted would be overwritten by the rename below.
  if (auto there = journal_directory->info(segment_name(header.segment)); there) {
    page->set_pending_birth(header.segment);
    return finish_birth(header.segment);
  } else if (there.error().code != Code::kNotFound) {
    return std::move(there).error();
  }
  const uint64_t size_bytes = first_size_bytes(options, carried.bytes);
  if (Status written = write_unborn_segment(*journal_directory, header, carried.span(), size_bytes,
                                            options.direct_io);
      !written) {
    // It has no name, so it is not part of the journal; recovery removes what cannot be removed
    // here.
    static_cast<void>(journal_directory->remove_file(unborn_segment_name(header.segment)));
    return written;
  }
  page->set_pending_birth(header.segment);
  if (Status named = journal_directory->rename(unborn_segment_name(header.segment),
                                               segment_name(header.segment));
      !named) {
    // The pending birth stays: the next process looks whether the segment got its name.
    return named;
  }
  TRY(journal_directory->sync_directory("."));
  publish(header, size_bytes);
  page->set_pending_birth(0);
  return {};
}

// Called under a pending birth, so that nobody acts on a page that is half changed.
void Journal::Impl::publish(const SegmentHeader& header, uint64_t prepared_bytes) {
  const EpochMark born = mark_at_birth(header, prepared_bytes);
  page->set_durable(born);
  page->set_end(born);
  page->set_blank_segment(header.segment);
  page->set_pending_append(PendingAppend::kNone);
  page->clear_pending_flush();
}

}  // namespace syncline
