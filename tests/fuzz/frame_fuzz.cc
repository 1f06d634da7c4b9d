// Frames and segment headers, as bytes that anybody may have written.
//
// Holds of any input: no read past the end; what decodes lies inside the bytes given, encodes to
// the same bytes again, and decodes nowhere else: not at another offset, in another segment, epoch
// or store, nor with any bit of its header flipped.
//
//   u8 what: bit 0: a segment header; 1: repair the checksums; 2: flip a bit afterwards
//   u8 segment, u8 epoch, u16 place; u16 bit; then the bytes
#include "tests/fuzz/fuzz_target.h"

#include "journal/log/frame.h"
#include "journal/log/segment.h"
#include "tests/fuzz/forge.h"
#include "tests/journal/log/journal_testing.h"

namespace syncline::fuzz {
namespace {

constexpr size_t kLagAt = 6;

void check_same_again(ByteSpan bytes, const FrameView& frame, const FrameContext& context,
                      uint64_t offset) {
  require(frame.frame_bytes <= bytes.size(), "a frame longer than the bytes given");
  require(frame.payload.data() == bytes.data() + kFrameHeaderBytes &&
              frame.payload.size() <= frame.frame_bytes - kFrameHeaderBytes,
          "a payload outside its frame");
  ByteVector again;
  encode_frame({frame.operation, frame.id, frame.time_ms, frame.payload, frame.payload_hash},
               context,
               {.offset = offset,
                .seq = frame.seq,
                .durable_seq = frame.durable_seq,
                .durable_offset = frame.durable_offset,
                .frame_bytes = frame.frame_bytes},
               again);
  ByteVector expected = own_copy(bytes.first(frame.frame_bytes));
  if (frame.durable_offset == 0) {
    // "Nothing was durable" and "not told" are written alike.
    store_le(expected.data() + kLagAt, uint16_t{0xffff});
    repair_frame(expected, context, offset);
  }
  require(again == expected, "a frame that decodes encodes to other bytes");
}

void check_bound(ByteSpan bytes, const FrameContext& context, uint64_t offset, uint16_t bit) {
  FrameView frame;
  const auto elsewhere = [&](const FrameContext& other, uint64_t at) {
    return decode_frame(bytes, other, at, frame) == FrameFault::kNone;
  };
  require(!elsewhere(context, offset + kFrameAlignBytes), "it decodes at another offset");
  require(!elsewhere({context.store, context.segment + 1, context.epoch}, offset),
          "it decodes in another segment");
  require(!elsewhere({context.store, context.segment, context.epoch + 1}, offset),
          "it decodes in another epoch");
  require(!elsewhere({test_store(2), context.segment, context.epoch}, offset),
          "it decodes in another store");
  ByteVector flipped = own_copy(bytes);
  const size_t at = bit % (kFrameHeaderBytes * 8);
  flipped[at / 8] ^= std::byte{1} << (at % 8);
  require(decode_frame(flipped, context, offset, frame) != FrameFault::kNone,
          "it decodes with a bit of its header flipped");
}

void fuzz_frame(InputReader& input, uint8_t what) {
  const FrameContext context{test_store(), uint64_t{input.u8()} + 1, uint64_t{input.u8()} + 1};
  const uint64_t offset = kSegmentHeaderBytes + uint64_t{input.u16()} * kFrameAlignBytes;
  const uint16_t bit = input.u16();
  ByteVector bytes = own_copy(input.rest());
  if ((what & 2) != 0) repair_frame(bytes, context, offset);
  if ((what & 4) != 0 && !bytes.empty()) {
    bytes[bit / 8 % bytes.size()] ^= std::byte{1} << (bit % 8);
  }

  FrameView header;
  const FrameFault header_fault = decode_frame_header(bytes, context, offset, header);
  require(!frame_fault_name(header_fault).empty(), "a fault without a name");
  FrameView frame;
  const FrameFault fault = decode_frame(bytes, context, offset, frame);
  if (header_fault != FrameFault::kNone) {
    require(fault == header_fault, "a frame whose header does not hold");
    return;
  }
  require(header.durable_offset <= offset && header.durable_offset % kBlockBytes == 0,
          "durable was what stands behind the frame");
  require(is_record(header.operation) == (header.seq != 0), "a record without a sequence");
  if (fault == FrameFault::kNone) {
    check_same_again(bytes, frame, context, offset);
    check_bound(bytes, context, offset, bit);
  }
}

void fuzz_segment_header(InputReader& input, uint8_t what) {
  const uint64_t segment = uint64_t{input.u8()} + 1;
  const uint64_t epoch = input.u8();
  const uint16_t place = input.u16();
  const uint16_t bit = input.u16();
  // The input lies over a good header, at `place`.
  ByteVector bytes(kSegmentHeaderBytes);
  SegmentHeader good;
  good.store = test_store();
  good.segment = segment;
  good.epoch = epoch;
  good.first_seq = 1;
  encode_segment_header(good, bytes.data());
  const ByteSpan over = input.rest();
  const size_t from = place % 144;
  std::copy_n(over.begin(), std::min(over.size(), bytes.size() - from),
              bytes.begin() + static_cast<std::ptrdiff_t>(from));
  if ((what & 2) != 0) repair_segment_header(bytes);
  if ((what & 4) != 0) bytes.resize(bit % (bytes.size() + 1));

  const auto header = decode_segment_header(bytes, test_store(), segment);
  if (!header) {
    require(header.error().message.find("segment") != std::string::npos,
            "a refusal that does not name the segment");
    return;
  }
  require(header->segment == segment && header->epoch != 0 && header->first_seq != 0 &&
              header->durable_seq >= header->first_seq - 1 &&
              header->durable_end >= kSegmentHeaderBytes,
          "a header that contradicts itself");
  ByteVector again(kSegmentHeaderBytes);
  encode_segment_header(*header, again.data());
  // What a later version keeps in the reserved bytes is not ours to write.
  require(std::equal(again.begin(), again.begin() + 136, bytes.begin()),
          "a segment header that decodes encodes to other bytes");
  SegmentHeader next = *header;
  next.segment += 1;
  static_cast<void>(check_chain(*header, next));
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  InputReader input(data, size);
  const uint8_t what = input.u8();
  if ((what & 1) != 0) {
    fuzz_segment_header(input, what);
  } else {
    fuzz_frame(input, what);
  }
  return 0;
}
