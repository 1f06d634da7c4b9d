// One segment: a file of the journal's directory, named by its id, that begins with a header block.
//
// A segment is born by rename: it is written and synced under `%016x.new`, then renamed to
// `%016x.seg`, then the directory is synced. So a .seg file without a valid header is never the
// trace of a crash: it is damage. What stands under .new was never part of the journal.
//
// The headers form a chain: each names the segment before it and where that one ends; what lies in
// it behind that end is void for good. Byte table: journal/FORMAT.md, "Segment header".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// The hint of every error about a damaged journal; its message has already named the place.
inline constexpr const char* kDamageHint =
    "nothing was changed; `syncline repair --dry-run` says what is still had elsewhere";

struct SegmentHeader {
  StoreId store;
  uint64_t segment = 0;
  uint64_t epoch = 0;
  // The sequence that the next record gets: the first record of this segment has it, if there is
  // one.
  uint64_t first_seq = 0;
  uint64_t previous_segment = 0;  // 0 for none
  uint64_t previous_end = 0;      // where that one ends
  int64_t created_ms = 0;
  // No record at or after durable_end, here or in a later segment, has an earlier time, and no
  // record before it has a later one: appends continue from this time. A record carried over may
  // have an earlier time.
  int64_t last_time_ms = 0;
  // Frames before durable_end (and so records up to durable_seq) were durable when the segment got
  // its name: they were carried over from an abandoned one. Where none were, these are
  // kSegmentHeaderBytes and first_seq - 1.
  uint64_t durable_end = kSegmentHeaderBytes;
  uint64_t durable_seq = 0;
  uint64_t capacity_bytes = 0;  // near this size a new segment is begun; one group may exceed it
  uint64_t compatible_flags = 0;
  uint64_t incompatible_flags = 0;
  uint32_t format_version = kFormatVersion;

  // Where its first frame stands.
  Mark start() const { return {{segment, kSegmentHeaderBytes}, first_seq - 1}; }
  Position previous() const { return {previous_segment, previous_end}; }
};

// Writes kSegmentHeaderBytes.
void encode_segment_header(const SegmentHeader& header, std::byte* to);
// kCorrupt, kUnsupported (a newer format) or kDisagree (another store's). `segment` is what the
// file's name says.
Result<SegmentHeader> decode_segment_header(ByteSpan bytes, const StoreId& store, uint64_t segment);

std::string segment_name(uint64_t segment);         // 0000000000000001.seg
std::string unborn_segment_name(uint64_t segment);  // 0000000000000001.new
// The segment that a name of 16 hexadecimal digits and `suffix` stands for, or 0.
uint64_t segment_of_name(std::string_view name, std::string_view suffix);

struct SegmentEntry {
  uint64_t segment = 0;
  uint64_t size_bytes = 0;
};
// `journal_directory`: .git/syncline/journal. Oldest first. kCorrupt where one is missing: in the
// middle, or at the front or at the end without having been trimmed. Empty where there is no
// segment and none was ever trimmed: before a journal is made, or where all of it was lost.
// `unborn`, where given, is told whether a segment that never got its name lies there too.
Result<std::vector<SegmentEntry>> list_segments(Directory& journal_directory, const StoreId& store,
                                                bool* unborn = nullptr);

Result<SegmentHeader> read_segment_header(File& file, const StoreId& store, uint64_t segment);

struct OpenSegment {
  SegmentHeader header;
  std::shared_ptr<File> file;
  explicit operator bool() const { return file != nullptr; }
  uint64_t id() const { return header.segment; }
};
Result<OpenSegment> open_segment(Directory& journal_directory, const StoreId& store,
                                 uint64_t segment, OpenFlags flags);
// The segment that the journal begins with, even while another process trims. kCorrupt where there
// is none: once made, a journal has one at every moment.
Result<OpenSegment> open_first_segment(Directory& journal_directory, const StoreId& store);

// Does `next` continue `before`? kCorrupt says what does not hold.
Status check_chain(const SegmentHeader& before, const SegmentHeader& next);

// Writes header, `carried` (a block multiple, may be empty) and zeros up to `size_bytes` under the
// unborn name, synced. On failure nothing is left but an unborn file.
Status write_unborn_segment(Directory& journal_directory, const SegmentHeader& header,
                            ByteSpan carried, uint64_t size_bytes, bool direct);

// The first segment the journal still has to hold; 1 unless it was trimmed.
Result<uint64_t> read_base(Directory& journal_directory, const StoreId& store);
Status write_base(Directory& journal_directory, const StoreId& store, uint64_t segment);

}  // namespace syncline
