#include "journal/log/frame.h"

#include <xxhash.h>

#include <algorithm>

#include "journal/base/assert.h"

namespace syncline {
namespace {

constexpr uint8_t kFrameVersion = 1;
constexpr uint16_t kLagUnknown = 0xffff;
// How far back a stale header is looked for before it is called damaged instead.
constexpr uint64_t kStaleReach = 16;

constexpr size_t kOperationAt = 4;
constexpr size_t kFrameVersionAt = 5;
constexpr size_t kLagAt = 6;
constexpr size_t kChecksumAt = 8;
constexpr size_t kPayloadHashAt = 16;
constexpr size_t kSeqAt = 24;
constexpr size_t kDurableSeqAt = 32;
constexpr size_t kFrameBytesAt = 44;
constexpr size_t kTimeAt = 48;
constexpr size_t kIdAt = 56;

uint64_t header_checksum(const std::byte* header, const FrameContext& context, uint64_t offset) {
  std::array<std::byte, 16 + 24 + kFrameHeaderBytes - 8> bound;
  std::byte* to = bound.data();
  std::memcpy(to, context.store.bytes.data(), 16);
  store_le(to + 16, context.segment);
  store_le(to + 24, context.epoch);
  store_le(to + 32, offset);
  std::memcpy(to + 40, header, kChecksumAt);
  std::memcpy(to + 48, header + kPayloadHashAt, kFrameHeaderBytes - kPayloadHashAt);
  return XXH3_64bits(bound.data(), bound.size());
}

uint64_t block_of(uint64_t offset) {
  return offset / kBlockBytes * kBlockBytes;
}

// Counts backward in steps, because the ids and epochs come from a header that may hold the highest
// possible number.
bool is_stale(const std::byte* header, const FrameContext& context, uint64_t offset,
              uint64_t checksum) {
  for (uint64_t ids = 0; ids <= kStaleReach && ids < context.segment; ++ids) {
    for (uint64_t epochs = 0; epochs <= kStaleReach && epochs < context.epoch; ++epochs) {
      const FrameContext before{context.store, context.segment - ids, context.epoch - epochs};
      if (header_checksum(header, before, offset) == checksum) return true;
    }
  }
  return false;
}

}  // namespace

uint64_t hash_payload(ByteSpan payload) {
  return XXH3_64bits(payload.data(), payload.size());
}

uint32_t frame_bytes_for(size_t payload_bytes) {
  SYNCLINE_ASSERT(payload_bytes <= kPayloadBytesMax);
  const size_t whole = kFrameHeaderBytes + payload_bytes;
  return static_cast<uint32_t>((whole + kFrameAlignBytes - 1) / kFrameAlignBytes *
                               kFrameAlignBytes);
}

void encode_frame(const NewFrame& frame, const FrameContext& context, const FramePlace& place,
                  std::byte* to) {
  SYNCLINE_ASSERT(place.frame_bytes % kFrameAlignBytes == 0);
  SYNCLINE_ASSERT(place.frame_bytes >= frame_bytes_for(frame.payload.size()));
  SYNCLINE_ASSERT(place.offset % kFrameAlignBytes == 0);
  SYNCLINE_ASSERT(is_record(frame.operation) == (place.seq != 0));
  uint16_t lag = kLagUnknown;
  const uint64_t block = block_of(place.offset);
  if (place.durable_offset != 0 && place.durable_offset <= block) {
    const uint64_t blocks = (block - block_of(place.durable_offset)) / kBlockBytes;
    if (blocks < kLagUnknown) lag = static_cast<uint16_t>(blocks);
  }
  store_le(to, kFrameMagic);
  to[kOperationAt] = static_cast<std::byte>(frame.operation);
  to[kFrameVersionAt] = std::byte{kFrameVersion};
  store_le(to + kLagAt, lag);
  store_le(to + kPayloadHashAt, frame.payload_hash);
  store_le(to + kSeqAt, place.seq);
  store_le(to + kDurableSeqAt, place.durable_seq);
  store_le(to + kFramePayloadBytesAt, static_cast<uint32_t>(frame.payload.size()));
  store_le(to + kFrameBytesAt, place.frame_bytes);
  store_le(to + kTimeAt, frame.time_ms);
  store_le(to + kIdAt, frame.id);
  store_le(to + kChecksumAt, header_checksum(to, context, place.offset));
  if (!frame.payload.empty()) {
    std::memcpy(to + kFrameHeaderBytes, frame.payload.data(), frame.payload.size());
  }
  const size_t used = kFrameHeaderBytes + frame.payload.size();
  std::memset(to + used, 0, place.frame_bytes - used);
}

void encode_frame(const NewFrame& frame, const FrameContext& context, const FramePlace& place,
                  ByteVector& out) {
  const size_t at = out.size();
  out.resize(at + place.frame_bytes);
  encode_frame(frame, context, place, out.data() + at);
}

std::string_view frame_fault_name(FrameFault fault) {
  switch (fault) {
    case FrameFault::kNone:
      return "no fault";
    case FrameFault::kZero:
      return "zeros where a frame should be";
    case FrameFault::kTruncated:
      return "a frame runs past the end";
    case FrameFault::kBadHeader:
      return "no frame header";
    case FrameFault::kForeign:
      return "a stale frame of another segment or epoch";
    case FrameFault::kBadHeaderChecksum:
      return "the header's checksum does not hold";
    case FrameFault::kBadPayload:
      return "the payload's hash does not hold";
    case FrameFault::kBadPadding:
      return "the padding is not zero";
  }
  return "unknown fault";
}

FrameFault decode_frame_header(ByteSpan header, const FrameContext& context, uint64_t offset,
                               FrameView& frame) {
  if (header.size() < kFrameHeaderBytes) return FrameFault::kTruncated;
  const std::byte* from = header.data();
  if (load_le<uint32_t>(from) != kFrameMagic) {
    return all_zero(header.first(kFrameHeaderBytes)) ? FrameFault::kZero : FrameFault::kBadHeader;
  }
  const auto operation = static_cast<Operation>(from[kOperationAt]);
  const auto payload_bytes = load_le<uint32_t>(from + kFramePayloadBytesAt);
  const auto frame_bytes = load_le<uint32_t>(from + kFrameBytesAt);
  const auto seq = load_le<uint64_t>(from + kSeqAt);
  const auto lag = load_le<uint16_t>(from + kLagAt);
  // Lengths are judged before anything is multiplied or read by them.
  if (from[kFrameVersionAt] != std::byte{kFrameVersion} || operation == Operation{0} ||
      offset % kFrameAlignBytes != 0 || payload_bytes > kPayloadBytesMax ||
      frame_bytes % kFrameAlignBytes != 0 || frame_bytes < frame_bytes_for(payload_bytes) ||
      frame_bytes - frame_bytes_for(payload_bytes) >= kBlockBytes ||
      is_record(operation) != (seq != 0) ||
      (lag != kLagUnknown && lag * uint64_t{kBlockBytes} > block_of(offset))) {
    return FrameFault::kBadHeader;
  }
  const auto checksum = load_le<uint64_t>(from + kChecksumAt);
  if (header_checksum(from, context, offset) != checksum) {
    return is_stale(from, context, offset, checksum) ? FrameFault::kForeign
                                                     : FrameFault::kBadHeaderChecksum;
  }
  frame.operation = operation;
  frame.seq = seq;
  frame.id = load_le<uint64_t>(from + kIdAt);
  frame.time_ms = load_le<int64_t>(from + kTimeAt);
  frame.durable_seq = load_le<uint64_t>(from + kDurableSeqAt);
  frame.durable_offset = lag == kLagUnknown ? 0 : block_of(offset) - lag * uint64_t{kBlockBytes};
  frame.payload_hash = load_le<uint64_t>(from + kPayloadHashAt);
  frame.payload = {};
  frame.position = {context.segment, offset};
  frame.frame_bytes = frame_bytes;
  return FrameFault::kNone;
}

FrameFault decode_frame(ByteSpan bytes, const FrameContext& context, uint64_t offset,
                        FrameView& frame) {
  const FrameFault fault = decode_frame_header(bytes, context, offset, frame);
  if (fault != FrameFault::kNone) return fault;
  if (frame.frame_bytes > bytes.size()) return FrameFault::kTruncated;
  const auto payload_bytes = load_le<uint32_t>(bytes.data() + kFramePayloadBytesAt);
  frame.payload = bytes.subspan(kFrameHeaderBytes, payload_bytes);
  if (hash_payload(frame.payload) != frame.payload_hash) return FrameFault::kBadPayload;
  const size_t used = kFrameHeaderBytes + payload_bytes;
  if (!all_zero(bytes.subspan(used, frame.frame_bytes - used))) return FrameFault::kBadPadding;
  return FrameFault::kNone;
}

}  // namespace syncline
