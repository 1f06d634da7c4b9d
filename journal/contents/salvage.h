// Salvage: a frame that was durable and no longer holds is put back where its content is still
// known.
//
//   segment, frame by frame ──► one that does not hold ──► its content: a flipped bit undone, a
//   copy in another segment, or what the caller's FrameSource knows ──► written into a copy of the
//   segment, at the same place ──► the copy is whole up to every claim ──► the damaged segment is
//   kept aside, the copy gets its name
//
// All places behind the frame stay what they were, so that marks and watermarks hold. A frame put
// back may be shorter than the room it has: frames that say nothing (checkpoints of zeros) fill the
// rest. A segment is replaced only when all of it can be: until then nothing is changed but a file
// that has no name yet.
//
// What is torn, and claimed by nobody, is left for the next open to cut.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "journal/log/frame.h"
#include "journal/log/journal.h"

namespace syncline {

// A place where a durable frame should stand.
struct LostFrame {
  Position position;
  uint64_t seq = 0;  // of the record that is missing; 0: a control frame is
  // The frame's own header, where that still holds: then only the payload, or padding, is damaged.
  std::optional<FrameView> header;
};

struct FoundFrame {
  Operation operation = Operation::kCreate;
  uint64_t id = 0;
  int64_t time_ms = 0;
  ByteVector payload;
  std::string source;  // "the row of notes and its file"
};

// Where else the content may be. Asked only when the journal itself does not have it.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // Nothing where it cannot be found. Given a header, the content found must match it.
  virtual Result<std::optional<FoundFrame>> find(const LostFrame& lost) = 0;
};

struct SalvagedFrame {
  Position position;
  uint64_t seq = 0;
  std::string source;
};
struct SalvageReport {
  std::vector<SalvagedFrame> put_back;
  std::string left;  // the first damage that could not be mended; empty: none is left
};

// `kept` is a directory below `directory` (.git/syncline) for the damaged segments, made when
// needed. With `dry_run` no segment is replaced. kBusy while another process has the store open. A
// crash at any moment leaves each segment as it was or mended; running it again goes on.
Result<SalvageReport> salvage_journal(Directory& directory, const StoreId& store,
                                      FrameSource& source, std::span<const DurableClaim> claims,
                                      const std::string& kept, bool dry_run);

}  // namespace syncline
