#include "journal/log/frame.h"

#include <xxhash.h>

#include "tests/journal/log/journal_testing.h"

namespace syncline {
namespace {

const FrameContext kContext{test_store(), 3, 2};

ByteVector encoded(uint64_t offset = 8192, uint64_t seq = 5, uint32_t frame_bytes = 192) {
  ByteVector bytes;
  encode_frame(record_frame("a payload of some bytes", 9, 77), kContext,
               {.offset = offset,
                .seq = seq,
                .durable_seq = 4,
                .durable_offset = 4096,
                .frame_bytes = frame_bytes},
               bytes);
  return bytes;
}

FrameFault decode(const ByteVector& bytes, const FrameContext& context = kContext,
                  uint64_t offset = 8192) {
  FrameView frame;
  return decode_frame(bytes, context, offset, frame);
}

TEST(Frame, RoundTrips) {
  const ByteVector bytes = encoded();
  FrameView frame;
  ASSERT_EQ(decode_frame(bytes, kContext, 8192, frame), FrameFault::kNone);
  EXPECT_EQ(frame.seq, 5u);
  EXPECT_EQ(frame.id, 9u);
  EXPECT_EQ(frame.time_ms, 77);
  EXPECT_EQ(frame.durable_seq, 4u);
  EXPECT_EQ(frame.durable_offset, 4096u);
  EXPECT_EQ(as_text(frame.payload), "a payload of some bytes");
  EXPECT_EQ(frame.end().offset, 8192u + 192u);
}

TEST(Frame, EmptyPayloadRoundTrips) {
  ByteVector bytes;
  encode_frame(control_frame(""), kContext, {.offset = 4096, .frame_bytes = 64}, bytes);
  EXPECT_EQ(decode(bytes, kContext, 4096), FrameFault::kNone);
}

TEST(Frame, DurableOffsetTooFarBackIsNotTold) {
  ByteVector bytes;
  const uint64_t offset = uint64_t{kBlockBytes} * 70'000;
  encode_frame(record_frame("x"), kContext,
               {.offset = offset, .seq = 1, .durable_offset = 4096, .frame_bytes = 128}, bytes);
  FrameView frame;
  ASSERT_EQ(decode_frame(bytes, kContext, offset, frame), FrameFault::kNone);
  EXPECT_EQ(frame.durable_offset, 0u);
}

TEST(Frame, EveryFlippedBitIsNoticed) {
  const ByteVector good = encoded();
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    ByteVector bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_NE(decode(bad), FrameFault::kNone) << "bit " << bit;
  }
}

TEST(Frame, MisplacedForeignAndRepeatedFramesDoNotHold) {
  const ByteVector bytes = encoded();
  EXPECT_EQ(decode(bytes, kContext, 8256), FrameFault::kBadHeaderChecksum);
  EXPECT_EQ(decode(bytes, kContext, 12288), FrameFault::kBadHeaderChecksum);
  EXPECT_EQ(decode(bytes, {test_store(2), 3, 2}), FrameFault::kBadHeaderChecksum);
  // In a later segment or epoch, at its own offset: stale.
  EXPECT_EQ(decode(bytes, {test_store(), 4, 2}), FrameFault::kForeign);
  EXPECT_EQ(decode(bytes, {test_store(), 3, 3}), FrameFault::kForeign);
  EXPECT_EQ(decode(bytes, {test_store(), 100, 2}), FrameFault::kBadHeaderChecksum);
}

// Looking back for stale frames ends, also where it begins at the highest number there is.
TEST(Frame, SegmentAndEpochMayBeTheHighestNumbers) {
  const FrameContext highest{test_store(), UINT64_MAX, UINT64_MAX};
  EXPECT_EQ(decode(encoded(), highest), FrameFault::kBadHeaderChecksum);
  ByteVector stale;
  encode_frame(record_frame("x"), {test_store(), UINT64_MAX - 16, UINT64_MAX - 16},
               {.offset = 8192, .seq = 1, .frame_bytes = 128}, stale);
  EXPECT_EQ(decode(stale, highest), FrameFault::kForeign);
  EXPECT_EQ(decode(stale, {test_store(), UINT64_MAX, UINT64_MAX - 17}),
            FrameFault::kBadHeaderChecksum);
}

TEST(Frame, FaultsAreNamed) {
  EXPECT_EQ(decode(ByteVector(192)), FrameFault::kZero);
  EXPECT_EQ(decode(ByteVector(20)), FrameFault::kTruncated);
  ByteVector bytes = encoded();
  bytes.resize(128);
  EXPECT_EQ(decode(bytes), FrameFault::kTruncated);
  bytes = encoded();
  bytes[0] = std::byte{0};
  EXPECT_EQ(decode(bytes), FrameFault::kBadHeader);
  bytes = encoded();
  bytes[70] ^= std::byte{1};
  EXPECT_EQ(decode(bytes), FrameFault::kBadPayload);
  bytes = encoded();
  bytes.back() = std::byte{1};
  EXPECT_EQ(decode(bytes), FrameFault::kBadPadding);
}

TEST(Frame, HugeAndOverflowingLengthsAreNoHeader) {
  for (const uint32_t length : {0u, 63u, 65u, 0x7fffffc0u, 0xffffffc0u, 0xffffffffu}) {
    for (const size_t at : {size_t{40}, size_t{44}}) {
      ByteVector bytes = encoded();
      store_le(bytes.data() + at, length);
      const FrameFault fault = decode(bytes);
      EXPECT_TRUE(fault == FrameFault::kBadHeader || fault == FrameFault::kBadHeaderChecksum)
          << length << " at " << at;
    }
  }
}

// As somebody would who wants it to be believed: the checksum of FORMAT.md, over what it is now.
void repair_checksum(ByteVector& bytes, uint64_t offset) {
  ByteVector bound(kContext.store.bytes.begin(), kContext.store.bytes.end());
  ByteWriter writer(bound);
  writer.u64(kContext.segment);
  writer.u64(kContext.epoch);
  writer.u64(offset);
  writer.raw(ByteSpan(bytes).first(8));
  writer.raw(ByteSpan(bytes).subspan(16, 48));
  store_le(bytes.data() + 8, uint64_t{XXH3_64bits(bound.data(), bound.size())});
}

TEST(Frame, LengthsThatContradictEachOtherAreRefusedWhateverTheChecksumSays) {
  ByteVector untouched = encoded();
  repair_checksum(untouched, 8192);
  ASSERT_EQ(decode(untouched), FrameFault::kNone);
  for (const uint32_t payload_bytes : {129u, 192u, 4096u, uint32_t{kPayloadBytesMax} + 1, ~0u}) {
    ByteVector bytes = encoded();
    store_le(bytes.data() + 40, payload_bytes);
    repair_checksum(bytes, 8192);
    EXPECT_EQ(decode(bytes), FrameFault::kBadHeader) << payload_bytes;
  }
}

}  // namespace
}  // namespace syncline
