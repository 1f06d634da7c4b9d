#include "journal/log/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "journal/log/segment_scanner.h"

namespace syncline {
namespace {

constexpr uint8_t bit(TailFound found) {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(found));
}
constexpr uint8_t kBlankish = bit(TailFound::kZero) | bit(TailFound::kEndOfFile);
constexpr uint8_t kEndLike = kBlankish | bit(TailFound::kStale);
constexpr uint8_t kJudged = kEndLike | bit(TailFound::kDamaged);

constexpr Tri N = Tri::kNo;
constexpr Tri Y = Tri::kYes;
constexpr Tri A = Tri::kAny;

// Columns: aligned, rest blank, later frame, later claim, external claim.
constexpr TailRow kRows[] = {
    // The disk answered EIO (or the like) for this place. It may hold a durable frame or nothing,
    // so no verdict but refusal is safe: cutting here could throw away what another read would
    // still give.
    {"unreadable", bit(TailFound::kUnreadable), A, A, A, A, A, TailVerdict::kUnreadable},
    // A whole frame stands where the next should, but frames are missing before it. A crash cannot
    // leave this: groups are written in order under one lock, and a whole frame names its
    // predecessor. So a block was lost, or bytes were copied in; what is missing may have been
    // durable.
    {"gap", bit(TailFound::kGap), A, A, A, A, A, TailVerdict::kGap},
    // A frame further on, or the segment's header, says that this place was durable when it was
    // written. Then no power cut can have undone it: the disk lost it since. Refused, whatever
    // stands here.
    {"durable by a later frame", kJudged, A, A, A, Y, A, TailVerdict::kDamage},
    // Nothing in the segment speaks for this place, but the control page, the database, sync.state
    // or a commit does: it was acknowledged, and has rotted. Refused; repair looks for the record
    // elsewhere.
    {"damaged, durable by a claim", bit(TailFound::kDamaged), A, A, A, N, Y, TailVerdict::kDamage},
    // The log simply ends, cleanly, below what a claim says it held: an older copy was put back, a
    // file was cut short, or blocks came back as zeros. Refused: the next sequence is in use
    // already.
    {"ends below a claim", kEndLike, A, A, A, N, Y, TailVerdict::kLostData},
    // Bytes that are no frame, and nobody claims that they were durable: the power went while a
    // group was being written and only some of its sectors arrived. Nothing in it was acknowledged,
    // for that needs a flush, and the next append behind a flush claims it. Cut.
    {"torn: damaged", bit(TailFound::kDamaged), A, A, A, N, N, TailVerdict::kTornTail},
    // Nothing here, yet a frame stands further on: two groups were in flight and the disk kept the
    // second alone. The second does not claim the first, so neither was flushed. Both are cut,
    // because what follows a hole cannot be reached by reading on.
    {"torn: lost before a later frame", kEndLike, A, A, Y, N, N, TailVerdict::kTornTail},
    // The place lies inside a group: its first frames are whole, the rest never arrived. A group is
    // acknowledged as a whole, so no frame of it was. Those that are whole stay, which is harmless:
    // a record may be there without having been acknowledged. The rest is cut.
    {"torn: group cut short", kEndLike, N, A, N, N, N, TailVerdict::kTornTail},
    // Zeros on a block boundary, and further on bytes that are no frame of ours: the middle of a
    // group arrived and its beginning did not. Nothing claims it. Cut, so that the bytes cannot be
    // taken for part of a later group.
    {"torn: remains of a group", bit(TailFound::kZero), Y, N, N, N, N, TailVerdict::kTornTail},
    // Blank up to the end of the file: the segment was allocated ahead, and the last group is
    // whole. The usual end. Append here.
    {"clean: zeros ahead", bit(TailFound::kZero), Y, Y, N, N, N, TailVerdict::kCleanEnd},
    // The file ends where the last group does: it was not allocated ahead, or the file system gave
    // the rest back after a cut. Append here.
    {"clean: end of file", bit(TailFound::kEndOfFile), Y, A, N, N, N, TailVerdict::kCleanEnd},
    // A header of another segment or epoch: the blocks held an older file, or a tail that was cut
    // before and voided. Its checksum is bound to where it was, so it can never be read as ours.
    // Append here.
    {"clean: stale bytes", bit(TailFound::kStale), Y, A, N, N, N, TailVerdict::kCleanEnd},
};

bool fits(Tri wanted, bool value) {
  return wanted == Tri::kAny || (wanted == Tri::kYes) == value;
}

std::string_view found_name(TailFound found) {
  switch (found) {
    case TailFound::kZero:
      return "zeros";
    case TailFound::kEndOfFile:
      return "the end of the file";
    case TailFound::kDamaged:
      return "damage";
    case TailFound::kStale:
      return "a stale frame";
    case TailFound::kGap:
      return "a frame out of sequence";
    case TailFound::kUnreadable:
      return "unreadable bytes";
  }
  return "unknown";
}

// What later frames claim, gathered from every place where one could stand.
struct Later {
  bool frame = false;
  uint64_t claimed_seq = 0;
  uint64_t claimed_offset = 0;
  uint64_t last_nonzero = 0;  // 1 past the last byte that is not zero; 0 when all are
};

Result<Later> look_later(SegmentScanner& scanner, uint64_t end) {
  Later later;
  const FrameContext context = scanner.context();
  for (uint64_t at = end;;) {
    TRY_ASSIGN(const ByteSpan bytes, scanner.view(at, kBlockBytes));
    if (bytes.empty()) break;
    for (size_t i = all_zero(bytes) ? bytes.size() : 0; i < bytes.size(); i += kFrameAlignBytes) {
      const ByteSpan slot = bytes.subspan(i, std::min<size_t>(kFrameAlignBytes, bytes.size() - i));
      if (all_zero(slot)) continue;
      const auto nonzero = std::ranges::find_if(
          slot.rbegin(), slot.rend(), [](std::byte byte) { return byte != std::byte{0}; });
      later.last_nonzero = at + i + static_cast<size_t>(slot.rend() - nonzero);
      // The header alone counts: what it says was durable is true however its payload fared.
      FrameView frame;
      if (at + i == end || decode_frame_header(slot, context, at + i, frame) != FrameFault::kNone) {
        continue;
      }
      later.frame = true;
      later.claimed_seq = std::max(later.claimed_seq, frame.durable_seq);
      later.claimed_offset = std::max(later.claimed_offset, frame.durable_offset);
    }
    at += bytes.size();
  }
  return later;
}

bool still_holds(const BlankRest& rest, const SegmentHeader& header, const FileInfo& info) {
  return rest.segment == header.segment && rest.size_bytes == info.size_bytes &&
         rest.offset % kBlockBytes == 0 && rest.offset < info.size_bytes &&
         info.size_bytes - rest.offset >= kBlockBytes && rest.ctime_s == info.ctime_s &&
         rest.ctime_ns == info.ctime_ns;
}

TailFound found_by(FrameFault fault, bool at_end_of_file) {
  switch (fault) {
    case FrameFault::kZero:
      return at_end_of_file ? TailFound::kEndOfFile : TailFound::kZero;
    case FrameFault::kForeign:
      return TailFound::kStale;
    default:
      return TailFound::kDamaged;
  }
}

}  // namespace

bool TailRow::matches(const TailEvidence& evidence) const {
  return (found & bit(evidence.found)) != 0 && fits(aligned, evidence.aligned) &&
         fits(rest_blank, evidence.rest_blank) && fits(later_frame, evidence.later_frame) &&
         fits(later_claim, evidence.later_claim) && fits(external_claim, evidence.external_claim);
}

std::span<const TailRow> tail_rows() {
  return kRows;
}

const TailRow& judge_tail(const TailEvidence& evidence) {
  const auto row = std::ranges::find_if(
      tail_rows(), [&](const TailRow& each) { return each.matches(evidence); });
  SYNCLINE_ASSERT(row != tail_rows().end());
  return *row;
}

ScanStart scan_start(const SegmentHeader& header) {
  return {kSegmentHeaderBytes, header.first_seq - 1, header.last_time_ms, 0};
}

bool reaches_beyond(const DurableClaim& claim, const Mark& end) {
  // What a claim says of an earlier segment holds as far as that one reached when it was left; what
  // stood behind that was carried over, and is found by its sequence.
  const bool placed = claim.mark.position.segment >= end.position.segment;
  return claim.mark.seq > end.seq || (placed && claim.mark.position > end.position);
}

std::string describe(const DurableClaim& claim) {
  if (claim.mark.position.segment == 0) {
    return fmt::format("record {} by the {}", claim.mark.seq, claim.source);
  }
  return fmt::format("record {} and segment {} offset {} by the {}", claim.mark.seq,
                     claim.mark.position.segment, claim.mark.position.offset, claim.source);
}

TailScan scan_tail(File& file, const SegmentHeader& header, const ScanStart& start,
                   std::span<const DurableClaim> claims, const std::optional<BlankRest>& rest) {
  TailScan scan;
  scan.end = {header.segment, start.offset};
  scan.seq = start.seq;
  scan.last_time_ms = std::max(start.last_time_ms, header.last_time_ms);
  scan.last_frame = start.last_frame;

  std::string what;
  const auto unreadable = [&](const Error& error) {
    scan.evidence.found = TailFound::kUnreadable;
    scan.read_errno = error.sys_errno;
    what = error.message;
  };
  Later later;
  if (auto info = file.info(); !info) {
    unreadable(info.error());
  } else {
    scan.size_bytes = info->size_bytes;
    const bool rest_holds = rest && still_holds(*rest, header, *info);
    const uint64_t limit = rest_holds ? rest->offset + kBlockBytes : scan.size_bytes;
    SegmentScanner scanner(file, {header.store, header.segment, header.epoch}, start.offset, limit);
    scanner.read_through();
    for (;;) {
      FrameView frame;
      const auto fault = scanner.next(frame);
      if (!fault) {
        unreadable(fault.error());
        break;
      }
      const bool in_sequence =
          *fault != FrameFault::kNone || !is_record(frame.operation) || frame.seq == scan.seq + 1;
      if (*fault != FrameFault::kNone || !in_sequence) {
        scan.evidence.found =
            in_sequence ? found_by(*fault, scanner.offset() >= scan.size_bytes) : TailFound::kGap;
        what = in_sequence ? std::string(frame_fault_name(*fault))
                           : fmt::format("record {} stands where record {} belongs", frame.seq,
                                         scan.seq + 1);
        break;
      }
      scan.last_frame = frame.position.offset;
      scan.end = frame.end();
      ++scan.frames;
      if (is_record(frame.operation)) {
        scan.seq = frame.seq;
        scan.last_time_ms = std::max(scan.last_time_ms, frame.time_ms);
      }
    }
    if (rest_holds &&
        (scan.evidence.found != TailFound::kZero || scan.end.offset != rest->offset)) {
      return scan_tail(file, header, start, claims);  // not as it was left: all is looked at
    }
    if (scan.evidence.found != TailFound::kUnreadable) {
      if (auto looked = look_later(scanner, scan.end.offset); looked) {
        later = *looked;
      } else {
        unreadable(looked.error());
      }
    }
  }

  TailEvidence& evidence = scan.evidence;
  evidence.aligned = scan.end.offset % kBlockBytes == 0;
  evidence.rest_blank = later.last_nonzero == 0;
  evidence.later_frame = later.frame;
  evidence.later_claim = later.claimed_seq > scan.seq || later.claimed_offset > scan.end.offset ||
                         header.durable_end > scan.end.offset || header.durable_seq > scan.seq;
  const auto claim = std::ranges::find_if(
      claims, [&](const DurableClaim& each) { return reaches_beyond(each, {scan.end, scan.seq}); });
  evidence.external_claim = claim != claims.end();
  scan.void_bytes = later.last_nonzero > scan.end.offset ? later.last_nonzero - scan.end.offset : 0;
  const TailRow& row = judge_tail(evidence);
  scan.verdict = row.verdict;
  scan.detail = fmt::format("segment {} offset {}: {} after record {} ({}; {})", header.segment,
                            scan.end.offset, found_name(evidence.found), scan.seq, what, row.name);
  if (evidence.later_claim) {
    scan.detail += fmt::format("; durable were record {} and offset {} by what stands later",
                               std::max(later.claimed_seq, header.durable_seq),
                               std::max(later.claimed_offset, header.durable_end));
  }
  if (evidence.external_claim) scan.detail += "; durable was " + describe(*claim);
  return scan;
}

bool start_holds(File& file, const SegmentHeader& header, const ScanStart& start,
                 uint64_t size_bytes) {
  if (start.offset % kBlockBytes != 0 || start.offset > size_bytes ||
      start.offset < header.durable_end || start.seq < header.durable_seq) {
    return false;
  }
  if (start.offset == header.durable_end) return start.seq == header.durable_seq;
  if (start.last_frame < kSegmentHeaderBytes || start.last_frame >= start.offset) return false;
  SegmentScanner scanner(file, {header.store, header.segment, header.epoch}, start.last_frame,
                         start.offset);
  FrameView frame;
  const auto fault = scanner.next(frame);
  return fault && *fault == FrameFault::kNone && frame.end().offset == start.offset &&
         (!is_record(frame.operation) || frame.seq == start.seq);
}

Error refusal(const TailScan& scan) {
  switch (scan.verdict) {
    case TailVerdict::kDamage:
      return make_error(Code::kCorrupt, "the journal is damaged: " + scan.detail, kDamageHint);
    case TailVerdict::kGap:
      return make_error(Code::kCorrupt, "the journal has a gap: " + scan.detail, kDamageHint);
    case TailVerdict::kLostData:
      return make_error(Code::kCorrupt,
                        "the journal has lost data that was durable: " + scan.detail, kDamageHint);
    case TailVerdict::kUnreadable: {
      const std::string message = "the journal cannot be read: " + scan.detail;
      // Only the medium's own word is damage; memory or rights may be there the next time.
      const bool is_medium = scan.read_errno == 0 || scan.read_errno == EIO;
      Error error =
          is_medium ? make_error(Code::kCorrupt, message) : errno_error(scan.read_errno, message);
      error.sys_errno = is_medium ? EIO : scan.read_errno;
      error.hint = is_medium ? "check the disk; nothing was changed" : "nothing was changed";
      return error;
    }
    case TailVerdict::kCleanEnd:
    case TailVerdict::kTornTail:
      break;
  }
  SYNCLINE_ASSERT(scan.verdict != TailVerdict::kCleanEnd && scan.verdict != TailVerdict::kTornTail);
  return make_error(Code::kInternal, scan.detail);
}

}  // namespace syncline
