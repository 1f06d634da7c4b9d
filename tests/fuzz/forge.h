// Makes checksums hold again over bytes that were changed, so that a fuzzer reaches what lies
// behind them. Written from journal/FORMAT.md, not with the code under test.
#pragma once

#include <xxhash.h>

#include <cstring>

#include "journal/base/bytes.h"
#include "journal/log/format.h"
#include "journal/log/frame.h"

namespace syncline::fuzz {

// "The checksum is XXH3 of 104 bytes: store (16), segment (8), epoch (8), the frame's offset in the
// segment (8), bytes 0 to 8 of the header, bytes 16 to 64 of the header."
inline uint64_t frame_checksum(const std::byte* header, const FrameContext& context,
                               uint64_t offset) {
  ByteVector bound;
  ByteWriter writer(bound);
  writer.raw(context.store.bytes);
  writer.u64(context.segment);
  writer.u64(context.epoch);
  writer.u64(offset);
  writer.raw({header, 8});
  writer.raw({header + 16, 48});
  return XXH3_64bits(bound.data(), bound.size());
}

// The frame that begins `frame`: its header's checksum and, where the payload is there, its hash.
inline void repair_frame(MutableByteSpan frame, const FrameContext& context, uint64_t offset,
                         bool payload_too = true) {
  if (frame.size() < kFrameHeaderBytes) return;
  const auto payload_bytes = load_le<uint32_t>(frame.data() + 40);
  if (payload_too && payload_bytes <= frame.size() - kFrameHeaderBytes) {
    store_le(frame.data() + 16,
             uint64_t{XXH3_64bits(frame.data() + kFrameHeaderBytes, payload_bytes)});
  }
  store_le(frame.data() + 8, frame_checksum(frame.data(), context, offset));
}

// "checksum: XXH3 of bytes 0 to 4,088".
inline void repair_segment_header(MutableByteSpan header) {
  if (header.size() < kSegmentHeaderBytes) return;
  store_le(header.data() + 4088, uint64_t{XXH3_64bits(header.data(), 4088)});
}

// "XXH3 of these 32 bytes (8)".
inline void repair_base(MutableByteSpan base) {
  if (base.size() < 40) return;
  store_le(base.data() + 32, uint64_t{XXH3_64bits(base.data(), 32)});
}

}  // namespace syncline::fuzz
