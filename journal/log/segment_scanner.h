// Steps through the bytes of one segment: the one scanner behind Reader, recovery and renewal.
//
// Bytes at and behind the limit may still be written by others, so they are never read, and never
// kept in the buffer: move the limit once they have become fixed. Not thread-safe.
#pragma once

#include "journal/log/frame.h"
#include "journal/os/file_system.h"

namespace syncline {

class SegmentScanner {
 public:
  // `file` must outlive the scanner.
  SegmentScanner(File& file, const FrameContext& context, uint64_t offset, uint64_t limit)
      : file_(file), context_(context), offset_(offset), limit_(limit) {}

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
  File& file_;
  FrameContext context_;
  uint64_t offset_;
  uint64_t limit_;
  // The window starts small (the first touch of memory costs more than the read) and doubles.
  ByteVector window_;
  uint64_t window_start_ = 0;
  size_t window_bytes_ = 0;
  size_t step_bytes_ = 64u << 10;
};

}  // namespace syncline
