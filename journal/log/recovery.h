// What stands at the end of the log, and what to do about it.
//
// Recovery walks the last segment until no next frame decodes, gathers evidence about that place,
// and lets the decision table judge. The table is a pure function; a test enumerates its inputs and
// shows that each hits exactly one row. Nothing here writes.
//
// The rule behind the rows: damage is a torn tail if and only if nothing claims that what stood
// there was durable. Claims are made by later frames (each carries what its writer knew to be
// durable, as a seq and as an offset), by the segment's header (what was carried over into it), by
// the control page's durable mark, and by the layers above (watermarks, trailers). Two writers may
// have appended A and B, unflushed, and a power cut may keep B alone: then B is valid, A is not,
// and B does not claim A.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "journal/log/control_page.h"
#include "journal/log/frame.h"
#include "journal/log/journal.h"
#include "journal/log/segment.h"

namespace syncline {

// What stands at the first place where no next frame decodes.
enum class TailFound : uint8_t {
  kZero,        // zeros
  kEndOfFile,   // nothing: the file ends here
  kDamaged,     // bytes that are no frame, or a frame that does not hold
  kStale,       // a whole header of another segment or epoch
  kGap,         // a whole frame, but not the next in sequence
  kUnreadable,  // the disk refuses to give the bytes
};
inline constexpr size_t kTailFoundCount = 6;

struct TailEvidence {
  TailFound found = TailFound::kZero;
  bool aligned = false;         // the place is on a block boundary, so the group before is whole
  bool rest_blank = false;      // from there to the end of the file all is zero
  bool later_frame = false;     // a frame header of this segment and epoch stands further on
  bool later_claim = false;     // header or later frame: this place was durable
  bool external_claim = false;  // a claim from outside the segment says so
};

enum class TailVerdict : uint8_t {
  kCleanEnd,    // append here
  kTornTail,    // void everything from here on: new segment, new epoch
  kDamage,      // refuse: something durable does not hold
  kGap,         // refuse: frames are missing between whole ones
  kLostData,    // refuse: the log ends below what was durable
  kUnreadable,  // refuse: nothing can be said
};

// A row of the table: kAny matches both.
enum class Tri : uint8_t { kNo, kYes, kAny };
struct TailRow {
  std::string_view name;
  uint8_t found;  // bit set over TailFound
  Tri aligned;
  Tri rest_blank;
  Tri later_frame;
  Tri later_claim;
  Tri external_claim;
  TailVerdict verdict;
  bool matches(const TailEvidence& evidence) const;
};
std::span<const TailRow> tail_rows();
// The one row that matches.
const TailRow& judge_tail(const TailEvidence& evidence);

// Where a scan may begin: a frame boundary, and what is known of the frames before it.
struct ScanStart {
  uint64_t offset = kSegmentHeaderBytes;
  uint64_t seq = 0;
  int64_t last_time_ms = 0;
  uint64_t last_frame = 0;  // offset of the frame that ends at `offset`; 0 where none does
};
ScanStart scan_start(const SegmentHeader& header);

// The end of a segment as scanned.
struct TailScan {
  Position end;              // the first place where no next frame decodes
  uint64_t seq = 0;          // of the last record before it
  int64_t last_time_ms = 0;  // highest time before it
  uint64_t last_frame = 0;   // offset of the last frame before it; 0 for none
  uint64_t frames = 0;       // decoded by this scan
  uint64_t size_bytes = 0;   // of the file
  uint64_t void_bytes = 0;   // from `end` to the last byte that is not zero
  TailEvidence evidence;
  TailVerdict verdict = TailVerdict::kCleanEnd;
  int read_errno = 0;  // kUnreadable: of the call that failed
  std::string detail;  // what was found, in words: "segment 3 offset 8192: …"
};
// Zeros that were prepared ahead are most of what stands behind the end. Where `rest` still holds
// of the file, and the log ends where it says, they need not be looked at again.
TailScan scan_tail(File& file, const SegmentHeader& header, const ScanStart& start,
                   std::span<const DurableClaim> claims,
                   const std::optional<BlankRest>& rest = std::nullopt);

// Does the claim name something that a log ending at `end`, with record `end.seq`, does not hold?
bool reaches_beyond(const DurableClaim& claim, const Mark& end);
// "record 7 and segment 1 offset 8192 by the applied watermark of syncline.db"
std::string describe(const DurableClaim& claim);

// Is the frame that ends at `start.offset` there and whole? Then the log reaches that far.
bool start_holds(File& file, const SegmentHeader& header, const ScanStart& start,
                 uint64_t size_bytes);

// The error that a verdict other than kCleanEnd and kTornTail is reported by.
Error refusal(const TailScan& scan);

}  // namespace syncline
