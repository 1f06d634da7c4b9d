#include "journal/log/segment_scanner.h"

#include <algorithm>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kStepBytesMax = 1u << 20;
// A shorter stretch is read as soon without a queue.
constexpr uint64_t kPartsMin = 2;

constexpr uint64_t block_before(uint64_t offset) {
  return offset / kBlockBytes * kBlockBytes;
}

}  // namespace

void SegmentScanner::move_to(File& file, const FrameContext& context, uint64_t offset,
                             uint64_t limit) {
  window_ = part_ = {};
  expected_ = {};
  if (ahead_ != nullptr && !ahead_->goes_on_with(file, block_before(offset))) drop_ahead();
  file_ = &file;
  context_ = context;
  offset_ = offset;
  limit_ = limit;
}

void SegmentScanner::expect(File& file, uint64_t offset, uint64_t limit) {
  expected_ = {&file, block_before(offset), block_before(limit)};
  if (ahead_ != nullptr) ahead_->add(file, expected_.from, expected_.to);
}

Result<ByteSpan> SegmentScanner::view(uint64_t offset, size_t count) {
  if (offset >= limit_) return ByteSpan{};
  count = static_cast<size_t>(std::min<uint64_t>(count, limit_ - offset));
  if (!window_.covers(offset, count) && !view_ahead(offset, count)) {
    TRY(read_plainly(offset, count));
  }
  const size_t at = static_cast<size_t>(offset - window_.start);
  return window_.bytes.subspan(at, std::min(count, window_.bytes.size() - at));
}

Status SegmentScanner::read_plainly(uint64_t offset, size_t count) {
  const size_t want =
      static_cast<size_t>(std::min<uint64_t>(std::max(count, step_bytes_), limit_ - offset));
  window_ = {};
  if (buffer_.size() < want) {
    buffer_.clear();  // so that growing copies nothing
    buffer_.resize(want);
  }
  auto got = file_->read_at(offset, MutableByteSpan(buffer_).first(want));
  // The disk may refuse bytes that were only read ahead: the bytes asked for alone decide.
  if (!got && want > count) got = file_->read_at(offset, MutableByteSpan(buffer_).first(count));
  if (!got) return std::move(got).error();
  window_ = {offset, ByteSpan(buffer_).first(*got)};
  step_bytes_ = std::min(step_bytes_ * 2, kStepBytesMax);
  return {};
}

// Moves the window over the bytes by what was read ahead. False where that does not give them, for
// whatever reason: a plain read decides then.
bool SegmentScanner::view_ahead(uint64_t offset, size_t count) {
  if (!through_) return false;
  if (ahead_ == nullptr && !begin_ahead(offset)) return false;
  if (part_.covers(offset, count)) {
    window_ = part_;
    return true;
  }
  // The bytes begin in this part, and end in a later one: there they are put together.
  size_t kept = 0;
  window_ = {};
  while (!part_.covers(offset + kept, count - kept)) {
    if (offset + kept >= part_.start && offset + kept < part_.end()) {
      if (buffer_.size() < count) buffer_.resize(count);
      const ByteSpan held = part_.bytes.subspan(offset + kept - part_.start);
      std::memcpy(buffer_.data() + kept, held.data(), held.size());
      kept += held.size();
    }
    if (!take_part(offset + kept)) return false;
  }
  if (kept == 0) {
    window_ = part_;
    return true;
  }
  std::memcpy(buffer_.data() + kept, part_.bytes.data() + (offset + kept - part_.start),
              count - kept);
  window_ = {offset, ByteSpan(buffer_).first(count)};
  return true;
}

bool SegmentScanner::begin_ahead(uint64_t offset) {
  const uint64_t from = block_before(offset);
  const uint64_t to = block_before(limit_);
  if (to < from + kPartsMin * file_->part_bytes()) return false;
  ahead_ = std::make_unique<ReadAhead>();
  if (!ahead_->add(*file_, from, to)) {
    drop_ahead();
    through_ = false;
    return false;
  }
  if (expected_.file != nullptr) ahead_->add(*expected_.file, expected_.from, expected_.to);
  return true;
}

// The next part, if it holds the byte at `offset`.
bool SegmentScanner::take_part(uint64_t offset) {
  part_ = {};
  if (ahead_->goes_on_with(*file_, block_before(offset))) {
    if (const auto part = ahead_->next()) {
      part_ = {part->offset, part->bytes};
      return true;
    }
    // It could not be read whole; where, and whether that matters, is found out step by step.
    through_ = false;
  }
  drop_ahead();
  return false;
}

void SegmentScanner::drop_ahead() {
  ahead_.reset();
  part_ = {};
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
