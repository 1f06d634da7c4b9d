#include "journal/log/segment_scanner.h"

#include <algorithm>

#include "journal/base/try.h"

namespace syncline {
namespace {
constexpr size_t kStepBytesMax = 1u << 20;
}

Result<ByteSpan> SegmentScanner::view(uint64_t offset, size_t count) {
  if (offset >= limit_) return ByteSpan{};
  count = static_cast<size_t>(std::min<uint64_t>(count, limit_ - offset));
  if (offset < window_start_ || offset + count > window_start_ + window_bytes_) {
    const size_t want =
        static_cast<size_t>(std::min<uint64_t>(std::max(count, step_bytes_), limit_ - offset));
    if (window_.size() < want) window_.resize(want);
    window_bytes_ = 0;
    window_start_ = offset;
    auto got = file_.read_at(offset, MutableByteSpan(window_).first(want));
    // The disk may refuse bytes that were only read ahead: the bytes asked for alone decide.
    if (!got && want > count) got = file_.read_at(offset, MutableByteSpan(window_).first(count));
    if (!got) return std::move(got).error();
    window_bytes_ = *got;
    step_bytes_ = std::min(step_bytes_ * 2, kStepBytesMax);
  }
  const size_t at = static_cast<size_t>(offset - window_start_);
  return ByteSpan(window_).subspan(at, std::min(count, window_bytes_ - at));
}

Result<FrameFault> SegmentScanner::next(FrameView& frame) {
  TRY_ASSIGN(const ByteSpan header, view(offset_, kFrameHeaderBytes));
  if (header.size() < kFrameHeaderBytes) {
    return all_zero(header) ? FrameFault::kZero : FrameFault::kTruncated;
  }
  FrameFault fault = decode_frame_header(header, context_, offset_, frame);
  if (fault != FrameFault::kNone) return fault;
  TRY_ASSIGN(const ByteSpan bytes, view(offset_, frame.frame_bytes));
  fault = decode_frame(bytes, context_, offset_, frame);
  if (fault == FrameFault::kNone) offset_ += frame.frame_bytes;
  return fault;
}

}  // namespace syncline
