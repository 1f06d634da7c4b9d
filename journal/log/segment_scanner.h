// Steps through the bytes of one segment: the one scanner behind Reader, recovery and renewal.
//
// Bytes at and behind the limit may still be written by others, so they are never read, and never
// kept in the buffer: move the limit once they have become fixed. Not thread-safe.
//
//   view ─► window ─┬─ what one read_at gave: small at first, for most logs that are looked at are
//                   │  short, and so is most of what is looked at of a long one
//                   └─ read_through(): a part that was read ahead, or a frame put together from two
#pragma once

#include <memory>

#include "journal/log/frame.h"
#include "journal/os/file_system.h"
#include "journal/os/read_ahead.h"

namespace syncline {

class SegmentScanner {
 public:
  // `file` must outlive the scanner, or its stay there.
  SegmentScanner(File& file, const FrameContext& context, uint64_t offset, uint64_t limit)
      : file_(&file), context_(context), offset_(offset), limit_(limit) {}

  // All will be read up to the limit, in order: where that is far, the next part of it is read
  // while one is looked at.
  void read_through() { through_ = true; }
  // Goes on in another segment, with what was read ahead of it.
  void move_to(File& file, const FrameContext& context, uint64_t offset, uint64_t limit);
  // Reading goes on there: it may be read while the end of this segment is looked at. `file` must
  // outlive its stay there.
  void expect(File& file, uint64_t offset, uint64_t limit);

  // Decodes the frame at offset(); on kNone offset() moves behind it. kTruncated when it does not
  // end before the limit (or the end of the file). The view is valid until the next call.
  Result<FrameFault> next(FrameView& frame);

  // Up to `count` bytes at `offset`, fewer at the limit or the end of the file. Valid until the
  // next call.
  Result<ByteSpan> view(uint64_t offset, size_t count);

  uint64_t offset() const { return offset_; }
  uint64_t limit() const { return limit_; }
  void set_limit(uint64_t limit) { limit_ = limit; }
  const FrameContext& context() const { return context_; }

 private:
  struct Window {
    uint64_t start = 0;
    ByteSpan bytes;
    uint64_t end() const { return start + bytes.size(); }
    bool covers(uint64_t offset, size_t count) const {
      return offset >= start && offset + count <= end();
    }
  };
  struct Expected {
    File* file = nullptr;
    uint64_t from = 0;
    uint64_t to = 0;
  };

  Status read_plainly(uint64_t offset, size_t count);
  bool view_ahead(uint64_t offset, size_t count);
  bool begin_ahead(uint64_t offset);
  bool take_part(uint64_t offset);
  void drop_ahead();

  File* file_;
  FrameContext context_;
  uint64_t offset_;
  uint64_t limit_;
  Window window_;  // of buffer_, or of part_

  // The buffer starts small (the first touch of memory costs more than the read) and doubles.
  ByteVector buffer_;
  size_t step_bytes_ = 64u << 10;

  bool through_ = false;
  std::unique_ptr<ReadAhead> ahead_;
  Window part_;  // the last that was taken from ahead_
  Expected expected_;
};

}  // namespace syncline
