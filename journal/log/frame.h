// One frame: a 64-byte header, a payload, zeros up to the frame's end.
//
// The payload's hash can be taken by any thread before the frame has a place; the header's checksum
// binds it to store, segment, epoch, offset and sequence, so a stale, misplaced, repeated or
// foreign frame does not decode. Byte table: journal/FORMAT.md, "Frame".
#pragma once

#include "journal/base/bytes.h"
#include "journal/log/format.h"
#include "journal/record/operation.h"
#include "syncline/result.h"

namespace syncline {

// XXH3-64 of a payload, as frames store it.
uint64_t hash_payload(ByteSpan payload);

// What a frame's checksum is bound to besides its own fields.
struct FrameContext {
  StoreId store;
  uint64_t segment = 0;
  uint64_t epoch = 0;
};

// A frame to be written. The payload must stay alive until it is.
struct NewFrame {
  Operation operation = Operation::kCreate;
  uint64_t id = 0;      // the row id decided for a record; 0 for control frames
  int64_t time_ms = 0;  // the record's time; for control frames when it was written
  ByteSpan payload;
  uint64_t payload_hash = 0;  // hash_payload(payload)
};

// A decoded frame; `payload` points into the buffer it was decoded from.
struct FrameView {
  Operation operation = Operation::kCreate;
  uint64_t seq = 0;  // 0 for control frames
  uint64_t id = 0;
  int64_t time_ms = 0;
  uint64_t durable_seq = 0;  // known to be durable when this frame was written
  // Bytes of this segment known to be durable when this frame was written; 0 where it does not say.
  // durable_seq counts records only; this covers control frames as well.
  uint64_t durable_offset = 0;
  uint64_t payload_hash = 0;
  ByteSpan payload;
  Position position;
  uint32_t frame_bytes = 0;  // header, payload and padding
  Position end() const { return {position.segment, position.offset + frame_bytes}; }
};

// The bytes a frame with such a payload takes, without padding to a block.
uint32_t frame_bytes_for(size_t payload_bytes);

// Where a new frame goes, and what its writer knew to be durable.
struct FramePlace {
  uint64_t offset = 0;
  uint64_t seq = 0;  // 0 for control frames
  uint64_t durable_seq = 0;
  uint64_t durable_offset = 0;  // of this segment, a multiple of kBlockBytes; 0 says nothing
  uint32_t frame_bytes = 0;     // >= frame_bytes_for, a multiple of 64
};

// Writes the frame to `to`, which has `place.frame_bytes` bytes.
void encode_frame(const NewFrame& frame, const FrameContext& context, const FramePlace& place,
                  std::byte* to);
// Appends it to `out`.
void encode_frame(const NewFrame& frame, const FrameContext& context, const FramePlace& place,
                  ByteVector& out);

enum class FrameFault : uint8_t {
  kNone,
  kZero,       // 64 zero bytes where a header would be
  kTruncated,  // header or declared length runs past the bytes given
  kBadHeader,  // magic, lengths, alignment or reserved fields do not hold
  kForeign,    // a whole header of this store and offset, but of a nearby segment or epoch: stale
  kBadHeaderChecksum,
  kBadPayload,  // payload hash differs
  kBadPadding,  // a byte between payload and end is not zero
};
std::string_view frame_fault_name(FrameFault fault);

// Decodes the frame at the start of `bytes`, which is `offset` in its segment. `bytes` may be
// longer.
FrameFault decode_frame(ByteSpan bytes, const FrameContext& context, uint64_t offset,
                        FrameView& frame);

// Judges the header alone, and fills in everything but the payload.
FrameFault decode_frame_header(ByteSpan header, const FrameContext& context, uint64_t offset,
                               FrameView& frame);

}  // namespace syncline
