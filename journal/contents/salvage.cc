#include "journal/contents/salvage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/control_page.h"
#include "journal/log/recovery.h"
#include "journal/log/segment.h"
#include "journal/log/segment_scanner.h"
#include "journal/record/control_frame.h"

namespace syncline {
namespace {

// Beyond this, a flipped bit is not looked for: every bit costs a hash of the whole payload.
constexpr size_t kFlippedPayloadBytesMax = 64u << 10;

void flip(MutableByteSpan bytes, size_t bit) {
  bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
}

struct HeaderFound {
  FrameView frame;
  uint32_t payload_bytes = 0;
};

// The header, as it is or with one flipped bit undone.
std::optional<HeaderFound> header_at(ByteSpan bytes, const FrameContext& context, uint64_t offset) {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  ByteVector header(bytes.begin(), bytes.begin() + kFrameHeaderBytes);
  HeaderFound found;
  const auto holds = [&] {
    found.payload_bytes = load_le<uint32_t>(header.data() + kFramePayloadBytesAt);
    return decode_frame_header(header, context, offset, found.frame) == FrameFault::kNone;
  };
  if (holds()) return found;
  for (size_t bit = 0; bit < header.size() * 8; ++bit) {
    flip(header, bit);
    if (holds()) return found;
    flip(header, bit);
  }
  return std::nullopt;
}

// The payload that the header tells of, as it is or with one flipped bit undone.
std::optional<ByteVector> payload_at(ByteSpan bytes, size_t payload_bytes, uint64_t payload_hash) {
  if (bytes.size() < kFrameHeaderBytes + payload_bytes) return std::nullopt;
  const ByteSpan stands = bytes.subspan(kFrameHeaderBytes, payload_bytes);
  ByteVector payload(stands.begin(), stands.end());
  if (hash_payload(payload) == payload_hash) return payload;
  if (payload.size() > kFlippedPayloadBytesMax) return std::nullopt;
  for (size_t bit = 0; bit < payload.size() * 8; ++bit) {
    flip(payload, bit);
    if (hash_payload(payload) == payload_hash) return payload;
    flip(payload, bit);
  }
  return std::nullopt;
}

NewFrame to_write(const FoundFrame& found) {
  return {found.operation, found.id, found.time_ms, found.payload, hash_payload(found.payload)};
}

// One segment: the file as it stands, then the copy in which frames are put back.
class SegmentSalvage {
 public:
  SegmentSalvage(Directory& journal_directory, const StoreId& store, OpenSegment segment,
                 std::optional<OpenSegment> before, std::optional<SegmentHeader> next,
                 FrameSource& source, std::span<const DurableClaim> claims)
      : journal_directory_(journal_directory),
        segment_(std::move(segment)),
        before_(std::move(before)),
        next_(next),
        source_(source),
        claims_(claims),
        context_{store, segment_.id(), segment_.header.epoch} {}

  // Mends frame after frame. False when one is left; `report` says which.
  Result<bool> run(SalvageReport& report) {
    start_ = scan_start(segment_.header);
    while (true) {
      TRY_ASSIGN(const std::optional<Damage> damage, look());
      if (!damage) return true;
      if (damage->unreadable && copied_) {
        report.left = damage->what;
        return false;
      }
      TRY(make_copy());
      if (damage->unreadable) continue;  // what cannot be read is zero in the copy
      TRY_ASSIGN(const bool put, put_back(*damage, report));
      if (!put) {
        report.left = damage->what;
        return false;
      }
    }
  }

  bool changed() const { return copied_; }

  Status keep_and_replace(Directory& directory, const std::string& kept) {
    TRY(segment_.file->sync_data());
    TRY(directory.make_directories(kept, /*private_mode=*/true));
    const std::string aside = kept + "/" + segment_name(segment_.id());
    if (Status done = directory.create_whole_synced(aside, original_);
        !done && done.error().code != Code::kExists) {
      return done;
    }
    for (std::string_view made = kept; !made.empty();) {
      TRY(directory.sync_directory(made));
      const size_t slash = made.rfind('/');
      made = made.substr(0, slash == std::string_view::npos ? 0 : slash);
    }
    TRY(directory.sync_directory("."));
    TRY(journal_directory_.rename(unborn_segment_name(segment_.id()), segment_name(segment_.id())));
    return journal_directory_.sync_directory(".");
  }

  Status discard() {
    if (!copied_) return {};
    segment_.file.reset();
    return journal_directory_.remove_file(unborn_segment_name(segment_.id()));
  }

 private:
  struct Damage {
    uint64_t offset = 0;
    uint64_t seq = 0;  // of the record before it
    bool unreadable = false;
    std::string what;
  };

  Result<std::optional<Damage>> look() { return next_ ? look_closed() : look_last(); }

  // Of a segment that ends where the next one says, every frame must hold.
  Result<std::optional<Damage>> look_closed() {
    SegmentScanner scanner(*segment_.file, context_, start_.offset, next_->previous_end);
    scanner.read_through();
    while (scanner.offset() < next_->previous_end) {
      FrameView frame;
      const auto fault = scanner.next(frame);
      const bool sound = fault && *fault == FrameFault::kNone &&
                         (!is_record(frame.operation) || frame.seq == start_.seq + 1);
      if (!sound) {
        return Damage{scanner_offset(scanner, frame, fault), start_.seq, !fault,
                      describe_at(scanner_offset(scanner, frame, fault),
                                  fault ? frame_fault_name(*fault) : fault.error().message)};
      }
      if (is_record(frame.operation)) {
        start_.seq = frame.seq;
        start_.last_time_ms = std::max(start_.last_time_ms, frame.time_ms);
      }
      start_.last_frame = frame.position.offset;
      start_.offset = frame.end().offset;
    }
    return std::optional<Damage>{};
  }

  static uint64_t scanner_offset(const SegmentScanner& scanner, const FrameView& frame,
                                 const Result<FrameFault>& fault) {
    return fault && *fault == FrameFault::kNone ? frame.position.offset : scanner.offset();
  }

  Result<std::optional<Damage>> look_last() {
    const TailScan scan = scan_tail(*segment_.file, segment_.header, start_, claims_);
    start_ = {scan.end.offset, scan.seq, scan.last_time_ms, scan.last_frame};
    if (scan.verdict == TailVerdict::kCleanEnd || scan.verdict == TailVerdict::kTornTail) {
      return std::optional<Damage>{};
    }
    if (scan.verdict == TailVerdict::kUnreadable && scan.read_errno != EIO) return refusal(scan);
    return Damage{scan.end.offset, scan.seq, scan.verdict == TailVerdict::kUnreadable, scan.detail};
  }

  std::string describe_at(uint64_t offset, std::string_view what) const {
    return fmt::format("segment {} offset {}: {}", segment_.id(), offset, what);
  }

  // The segment, block by block, into a file that has no name yet; what the disk refuses is zero.
  Status make_copy() {
    if (copied_) return {};
    TRY_ASSIGN(const FileInfo info, segment_.file->info());
    original_.assign(info.size_bytes, std::byte{0});
    for (uint64_t at = 0; at < original_.size(); at += kBlockBytes) {
      const MutableByteSpan block = MutableByteSpan(original_).subspan(
          at, std::min<uint64_t>(kBlockBytes, original_.size() - at));
      const auto read = segment_.file->read_at(at, block);
      if (!read && read.error().sys_errno != EIO) return read.error();
    }
    const std::string name = unborn_segment_name(segment_.id());
    if (Status removed = journal_directory_.remove_file(name);
        !removed && removed.error().code != Code::kNotFound) {
      return removed;
    }
    TRY_ASSIGN(auto file, journal_directory_.open_file(
                              name, {.write = true, .create = true, .exclusive = true}));
    TRY(file->write_at(0, original_));
    segment_.file = std::move(file);
    copied_ = true;
    return {};
  }

  // What lies between the damage and the next place that is known to be a frame's.
  struct Room {
    uint64_t end = 0;  // 0: nothing says where it ends
    std::optional<uint64_t>
        seq_after;  // of the first record behind it, or one past the last claimed
  };

  Result<Room> find_room(uint64_t offset) {
    Room room;
    TRY_ASSIGN(const FileInfo info, segment_.file->info());
    const uint64_t limit = next_ ? next_->previous_end : info.size_bytes;
    SegmentScanner scanner(*segment_.file, context_, offset, limit);
    uint64_t at = offset + kFrameAlignBytes;
    while (at < limit) {
      TRY_ASSIGN(const ByteSpan bytes, scanner.view(at, kFrameHeaderBytes));
      FrameView frame;
      if (bytes.size() < kFrameHeaderBytes ||
          decode_frame_header(bytes, context_, at, frame) != FrameFault::kNone) {
        at += kFrameAlignBytes;
        continue;
      }
      if (room.end == 0) room.end = at;
      if (is_record(frame.operation)) {
        room.seq_after = frame.seq;
        return room;
      }
      at += frame.frame_bytes;
    }
    if (next_) {
      if (room.end == 0) room.end = next_->previous_end;
      room.seq_after = next_->first_seq;
      return room;
    }
    // The last frames of the log: the claims alone tell how far it went.
    uint64_t seq = segment_.header.durable_seq;
    uint64_t end = segment_.header.durable_end;
    for (const DurableClaim& claim : claims_) {
      seq = std::max(seq, claim.mark.seq);
      if (claim.mark.position.segment == segment_.id()) {
        end = std::max(end, claim.mark.position.offset);
      }
    }
    if (room.end == 0 && end > offset) room.end = end;
    room.seq_after = seq + 1;
    return room;
  }

  Result<bool> put_back(const Damage& damage, SalvageReport& report) {
    SegmentScanner scanner(*segment_.file, context_, damage.offset, UINT64_MAX);
    TRY_ASSIGN(const ByteSpan stands, scanner.view(damage.offset, kFrameHeaderBytes));
    const auto header = header_at(stands, context_, damage.offset);
    const bool next = header && (header->frame.seq == 0 || header->frame.seq == damage.seq + 1);
    if (!next) return put_unknown(damage, report);
    TRY_ASSIGN(const ByteSpan frame,
               scanner.view(damage.offset, kFrameHeaderBytes + header->payload_bytes));
    return put_known(frame, damage, *header, report);
  }

  // The header holds, so that all but the payload is known, and of that its length and hash.
  Result<bool> put_known(ByteSpan bytes, const Damage& damage, const HeaderFound& known,
                         SalvageReport& report) {
    const FrameView& header = known.frame;
    std::optional<FoundFrame> found;
    if (auto payload = payload_at(bytes, known.payload_bytes, header.payload_hash)) {
      found = FoundFrame{header.operation, header.id, header.time_ms, std::move(*payload),
                         "the frame itself"};
    }
    const LostFrame lost{{segment_.id(), damage.offset}, header.seq, header};
    TRY(ask_others(lost, found));
    if (!found) return false;
    return write({&*found, 1}, damage, &header, damage.offset + header.frame_bytes, report);
  }

  Result<bool> put_unknown(const Damage& damage, SalvageReport& report) {
    TRY_ASSIGN(const Room room, find_room(damage.offset));
    if (!room.seq_after || *room.seq_after <= damage.seq) return false;
    const uint64_t records = *room.seq_after - damage.seq - 1;
    std::vector<FoundFrame> frames;
    for (uint64_t i = 0; i < std::max<uint64_t>(records, 1); ++i) {
      const LostFrame lost{
          {segment_.id(), damage.offset}, records == 0 ? 0 : damage.seq + 1 + i, {}};
      std::optional<FoundFrame> found;
      TRY(ask_others(lost, found));
      if (!found) return false;
      frames.push_back(std::move(*found));
    }
    return write(frames, damage, nullptr, room.end, report);
  }

  Status ask_others(const LostFrame& lost, std::optional<FoundFrame>& found) {
    if (!found) {
      TRY_ASSIGN(found, copy_in_segment_before(lost));
    }
    if (!found) {
      TRY_ASSIGN(found, source_.find(lost));
    }
    return {};
  }

  // A segment whose flush failed was left, and what stood behind its end copied into this one.
  Result<std::optional<FoundFrame>> copy_in_segment_before(const LostFrame& lost) {
    if (!before_ || lost.position.offset >= segment_.header.durable_end) {
      return std::optional<FoundFrame>{};
    }
    TRY_ASSIGN(const FileInfo info, before_->file->info());
    const FrameContext context{context_.store, before_->id(), before_->header.epoch};
    SegmentScanner scanner(*before_->file, context, segment_.header.previous_end, info.size_bytes);
    while (scanner.offset() < info.size_bytes) {
      FrameView frame;
      const auto fault = scanner.next(frame);
      if (!fault || *fault != FrameFault::kNone) break;
      const bool same = lost.header ? frame.operation == lost.header->operation &&
                                          frame.payload_hash == lost.header->payload_hash
                                    : lost.seq != 0;
      if (!same || frame.seq != lost.seq) continue;
      return std::optional(FoundFrame{frame.operation, frame.id, frame.time_ms,
                                      ByteVector(frame.payload.begin(), frame.payload.end()),
                                      fmt::format("segment {}", before_->id())});
    }
    return std::optional<FoundFrame>{};
  }

  // The frames, and frames that say nothing behind them, so that the room is filled. False where
  // they do not fit. `room_end` 0: nothing stands behind, and a block boundary ends it.
  Result<bool> write(std::span<const FoundFrame> frames, const Damage& damage,
                     const FrameView* header, uint64_t room_end, SalvageReport& report) {
    const ByteVector nothing = encode(CheckpointFrame{});
    std::vector<NewFrame> writing;
    uint64_t bytes = 0;
    for (const FoundFrame& frame : frames) {
      writing.push_back(to_write(frame));
      bytes += frame_bytes_for(frame.payload.size());
    }
    if (room_end == 0) {
      room_end = damage.offset + bytes + kBlockBytes - 1;
      room_end -= room_end % kBlockBytes;
    }
    const uint64_t room = room_end - damage.offset;
    if (bytes > room) return false;
    const uint32_t filler_bytes = frame_bytes_for(nothing.size());
    while (room - bytes >= kBlockBytes) {
      writing.push_back(
          {Operation::kCheckpoint, 0, start_.last_time_ms, nothing, hash_payload(nothing)});
      bytes += std::min<uint64_t>(filler_bytes, room - bytes);
    }
    TRY_ASSIGN(const bool written, encode_and_write(writing, damage, header, room));
    if (!written) return false;
    uint64_t seq = damage.seq + 1;
    for (const FoundFrame& frame : frames) {
      const bool record = is_record(frame.operation);
      report.put_back.push_back({{segment_.id(), damage.offset}, record ? seq : 0, frame.source});
      if (record) ++seq;
    }
    return true;
  }

  // Each frame may be padded by less than a block; together they must come out at `room` bytes.
  Result<bool> encode_and_write(std::span<const NewFrame> writing, const Damage& damage,
                                const FrameView* header, uint64_t room) {
    uint64_t left = room;
    for (const NewFrame& frame : writing) left -= frame_bytes_for(frame.payload.size());
    ByteVector bytes;
    uint64_t seq = damage.seq + 1;
    for (const NewFrame& frame : writing) {
      const uint64_t padding = std::min<uint64_t>(left, kBlockBytes - kFrameAlignBytes);
      left -= padding;
      const bool record = is_record(frame.operation);
      encode_frame(
          frame, context_,
          {.offset = damage.offset + bytes.size(),
           .seq = record ? seq : 0,
           .durable_seq = header != nullptr ? header->durable_seq : damage.seq,
           .durable_offset = header != nullptr ? header->durable_offset : 0,
           .frame_bytes = static_cast<uint32_t>(frame_bytes_for(frame.payload.size()) + padding)},
          bytes);
      if (record) ++seq;
    }
    if (left != 0) return false;
    TRY_ASSIGN(const FileInfo info, segment_.file->info());
    TRY(segment_.file->write_at(damage.offset, bytes));
    const uint64_t end = damage.offset + bytes.size();
    if (end > info.size_bytes && end % kBlockBytes != 0) return false;
    return true;
  }

  Directory& journal_directory_;
  OpenSegment segment_;
  const std::optional<OpenSegment> before_;
  const std::optional<SegmentHeader> next_;
  FrameSource& source_;
  const std::span<const DurableClaim> claims_;
  const FrameContext context_;
  ScanStart start_;
  ByteVector original_;
  bool copied_ = false;
};

}  // namespace

Result<SalvageReport> salvage_journal(Directory& directory, const StoreId& store,
                                      FrameSource& source, std::span<const DurableClaim> claims,
                                      const std::string& kept, bool dry_run) {
  TRY_ASSIGN(const auto append_lock, directory.open_lock(kAppendLockName));
  TRY_ASSIGN(const auto open_lock, directory.open_lock(kOpenLockName));
  TRY_ASSIGN(const bool append_held, append_lock->try_lock(FileLock::Mode::kExclusive));
  TRY_ASSIGN(const bool alone, open_lock->try_lock(FileLock::Mode::kExclusive));
  if (!append_held || !alone) {
    return make_error(Code::kBusy, "another process has the store open",
                      "stop every process that uses this store, then try again");
  }
  std::vector<DurableClaim> all(claims.begin(), claims.end());
  TRY_ASSIGN(auto mapped, directory.map_page(kControlName, kControlPageBytes));
  const ControlPage page(std::move(mapped));
  if (const auto durable = page.durable(); page.valid(store) && durable) {
    all.push_back({durable->mark(), std::string(kPageClaim)});
  }
  TRY_ASSIGN(const auto journal_directory, directory.open_directory(kJournalDirectory));
  TRY_ASSIGN(const auto entries, list_segments(*journal_directory, store));
  SalvageReport report;
  std::optional<OpenSegment> before;
  for (size_t i = 0; i < entries.size(); ++i) {
    TRY_ASSIGN(OpenSegment segment,
               open_segment(*journal_directory, store, entries[i].segment, {}));
    if (before) TRY(check_chain(before->header, segment.header));
    std::optional<SegmentHeader> next;
    if (i + 1 < entries.size()) {
      TRY_ASSIGN(const OpenSegment following,
                 open_segment(*journal_directory, store, entries[i + 1].segment, {}));
      next = following.header;
    }
    SegmentSalvage salvage(*journal_directory, store, segment, before, next, source, all);
    const size_t put_back_before = report.put_back.size();
    TRY_ASSIGN(const bool whole, salvage.run(report));
    if (!whole || dry_run) {
      TRY(salvage.discard());
    } else if (salvage.changed()) {
      TRY(salvage.keep_and_replace(directory, kept));
    }
    if (!whole) {
      report.put_back.resize(put_back_before);  // this segment stays as it is
      return report;
    }
    before = std::move(segment);
  }
  return report;
}

}  // namespace syncline
