#include "journal/record/control_frame.h"

#include <gtest/gtest.h>

#include <functional>

#include "journal/base/try.h"
#include "tests/support/payload_fuzz.h"

namespace syncline {
namespace {

ObjectId object_of(unsigned first) {
  ObjectId object;
  for (std::byte& byte : object.bytes) byte = static_cast<std::byte>(first++);
  return object;
}

const Outcome kRebind{.seq = 7, .kind = Outcome::Kind::kRebind, .new_id = 9, .reason = {}};
const Outcome kSetAside{
    .seq = 258, .kind = Outcome::Kind::kSetAside, .new_id = 0, .reason = "no row"};
const AppendOffsetsFrame kOffsets{{{1, 0}, {3, 0x1122334455667788}}};
const BatchFrame kBatch{.first_seq = 1,
                        .last_seq = 2,
                        .parent = {},
                        .tree = object_of(0x10),
                        .commit = object_of(0x40),
                        .author_name = "Al",
                        .author_email = "a@b"};
const BatchFrame kBatchWithKinds = [] {
  BatchFrame frame = kBatch;
  frame.version = kBatchNamesKinds;
  return frame;
}();
const PublishFrame kPublish{
    .last_seq = 2, .branch = "refs/heads/m", .parent = object_of(1), .commit = object_of(0x40)};
const CheckpointFrame kCheckpoint{.files_synced = 3, .applied = 2, .committed = 1};

// One payload of each operation: its bytes by hand from the byte tables, and how it decodes, as
// what encoding the decoded frame gives again.
struct PayloadCase {
  const char* name;
  std::string hex;
  ByteVector encoded;
  std::function<Result<ByteVector>(ByteSpan)> decode_and_encode;
};

template <typename Decode>
std::function<Result<ByteVector>(ByteSpan)> round_trip(Decode decode) {
  return [decode](ByteSpan payload) -> Result<ByteVector> {
    TRY_ASSIGN(const auto frame, decode(payload));
    return encode(frame);
  };
}

std::vector<PayloadCase> payload_cases() {
  const std::string tree = "101112131415161718191a1b1c1d1e1f20212223";
  const std::string commit = "404142434445464748494a4b4c4d4e4f50515253";
  const std::string parent = "0102030405060708090a0b0c0d0e0f1011121314";
  return {
      {"config",
       "01"
       "03000000"
       "613d31",
       encode(ConfigFrame{"a=1"}), round_trip(decode_config)},
      {"rebind",
       "01"
       "0700000000000000"
       "0900000000000000",
       encode(kRebind),
       round_trip([](ByteSpan p) { return decode_outcome(Operation::kRebind, p); })},
      {"set-aside",
       "01"
       "0201000000000000"
       "06000000"
       "6e6f20726f77",
       encode(kSetAside),
       round_trip([](ByteSpan p) { return decode_outcome(Operation::kSetAside, p); })},
      {"append-offsets",
       "01"
       "02000000"
       "0100000000000000"
       "0000000000000000"
       "0300000000000000"
       "8877665544332211",
       encode(kOffsets), round_trip(decode_append_offsets)},
      {"batch",
       "01"
       "0100000000000000"
       "0200000000000000" +
           std::string(40, '0') + tree + commit +
           "02000000"
           "416c"
           "03000000"
           "614062",
       encode(kBatch), round_trip(decode_batch)},
      {"batch that names kinds",
       "02"
       "0100000000000000"
       "0200000000000000" +
           std::string(40, '0') + tree + commit +
           "02000000"
           "416c"
           "03000000"
           "614062",
       encode(kBatchWithKinds), round_trip(decode_batch)},
      {"publish",
       "01"
       "0200000000000000"
       "0c000000"
       "726566732f68656164732f6d" +
           parent + commit,
       encode(kPublish), round_trip(decode_publish)},
      {"checkpoint",
       "01"
       "0300000000000000"
       "0200000000000000"
       "0100000000000000",
       encode(kCheckpoint), round_trip(decode_checkpoint)},
  };
}

TEST(ControlFrameTest, BytesAreThoseOfTheFormatPage) {
  for (const PayloadCase& payload : payload_cases()) {
    EXPECT_EQ(to_hex(payload.encoded), payload.hex) << payload.name;
  }
}

TEST(ControlFrameTest, FramesComeBackAsTheyWere) {
  EXPECT_EQ(decode_config(encode(ConfigFrame{"text\n"}))->text, "text\n");
  EXPECT_EQ(*decode_outcome(Operation::kRebind, encode(kRebind)), kRebind);
  EXPECT_EQ(*decode_outcome(Operation::kSetAside, encode(kSetAside)), kSetAside);
  EXPECT_EQ(decode_append_offsets(encode(kOffsets))->offsets, kOffsets.offsets);
  EXPECT_TRUE(decode_append_offsets(encode(AppendOffsetsFrame{}))->offsets.empty());
  EXPECT_EQ(*decode_batch(encode(kBatch)), kBatch);
  EXPECT_EQ(*decode_batch(encode(kBatchWithKinds)), kBatchWithKinds);
  EXPECT_EQ(*decode_publish(encode(kPublish)), kPublish);
  EXPECT_EQ(*decode_checkpoint(encode(kCheckpoint)), kCheckpoint);
}

TEST(ControlFrameTest, WhatDecodesHasThatOneEncoding) {
  for (const PayloadCase& payload : payload_cases()) {
    SCOPED_TRACE(payload.name);
    damage_in_every_way(payload.encoded, [&](const ByteVector& bytes) {
      const auto again = payload.decode_and_encode(bytes);
      if (again) {
        EXPECT_EQ(*again, bytes);
      } else {
        EXPECT_TRUE(again.error().code == Code::kCorrupt ||
                    again.error().code == Code::kUnsupported);
      }
      return again.has_value();
    });
  }
}

TEST(ControlFrameTest, NewerVersionsAreUnsupportedNotDamaged) {
  for (PayloadCase& payload : payload_cases()) {
    payload.encoded[0] = std::byte{3};
    EXPECT_EQ(payload.decode_and_encode(payload.encoded).error().code, Code::kUnsupported)
        << payload.name;
  }
}

TEST(ControlFrameTest, FramesThatCannotBeMeantAreRefused) {
  const auto refused = [](const auto& decoded) {
    return !decoded && decoded.error().code == Code::kCorrupt;
  };
  const auto bytes = [](const std::string& hex) { return *from_hex(hex); };
  const std::string zero = "0000000000000000";
  const std::string one = "0100000000000000";
  const std::string two = "0200000000000000";
  const std::string object(40, '1');
  const std::string no_object(40, '0');
  const std::string no_author = "0000000000000000";
  EXPECT_TRUE(refused(decode_outcome(Operation::kRebind, bytes("01" + zero + one))));
  EXPECT_TRUE(refused(decode_outcome(Operation::kRebind, bytes("01" + one + zero))));
  EXPECT_TRUE(refused(decode_outcome(Operation::kRebind, bytes("01" + one + "0000000000000080"))));
  EXPECT_TRUE(refused(decode_outcome(Operation::kSetAside, bytes("01" + zero + "00000000"))));
  EXPECT_TRUE(
      refused(decode_append_offsets(bytes("01"
                                          "01000000" +
                                          zero + one))));
  EXPECT_TRUE(
      refused(decode_append_offsets(bytes("01"
                                          "02000000" +
                                          one + one))));
  EXPECT_TRUE(
      refused(decode_append_offsets(bytes("01"
                                          "ffffffff" +
                                          one + one))));
  // The largest offset there is, one beyond it, and one that runs over with any section's length.
  const auto offset_of = [&](const std::string& offset) {
    return decode_append_offsets(bytes("0101000000" + one + offset));
  };
  EXPECT_TRUE(offset_of("ffffffffffffff3f"));
  EXPECT_TRUE(refused(offset_of("0000000000000040")));
  EXPECT_TRUE(refused(offset_of("ffffffffffffffff")));
  const auto batch = [&](const std::string& range, const std::string& tree,
                         const std::string& commit) {
    return decode_batch(bytes("01" + range + no_object + tree + commit + no_author));
  };
  EXPECT_TRUE(batch(one + two, object, object));
  EXPECT_TRUE(batch(one + one, object, object));
  EXPECT_TRUE(refused(batch(zero + one, object, object)));
  EXPECT_TRUE(refused(batch(two + one, object, object)));
  EXPECT_TRUE(refused(batch(one + two, no_object, object)));
  EXPECT_TRUE(refused(batch(one + two, object, no_object)));
  const auto publish = [&](const std::string& branch, const std::string& commit) {
    return decode_publish(bytes("01" + one + branch + object + commit));
  };
  const std::string full_name = "06000000726566732f61";  // refs/a
  EXPECT_TRUE(publish(full_name, object));
  EXPECT_TRUE(refused(publish(full_name, no_object)));
  EXPECT_TRUE(refused(publish("00000000", object)));
  EXPECT_TRUE(refused(publish("040000006d61696e", object)));  // main
}

TEST(ControlFrameTest, WhatCouldNotBeReadBackIsNeverJournalled) {
  EXPECT_DEATH(encode(Outcome{}), "assertion failed");
  EXPECT_DEATH(encode(BatchFrame{}), "assertion failed");
  EXPECT_DEATH(encode(PublishFrame{}), "assertion failed");
  EXPECT_DEATH(encode(AppendOffsetsFrame{{{0, 1}}}), "assertion failed");
  EXPECT_DEATH(encode(AppendOffsetsFrame{{{1, uint64_t{1} << 62}}}), "assertion failed");
}

TEST(ObjectIdTest, HexIsFortyLowerCaseDigits) {
  const std::string hex = "0123456789abcdef0123456789abcdef01234567";
  const auto object = ObjectId::parse(hex);
  ASSERT_TRUE(object);
  EXPECT_EQ(object->hex(), hex);
  EXPECT_FALSE(object->is_zero());
  EXPECT_TRUE(ObjectId::parse(std::string(40, '0'))->is_zero());
  for (const std::string& wrong : {std::string(), hex.substr(1), hex.substr(2), hex + "00",
                                   "g" + hex.substr(1), "A" + hex.substr(1)}) {
    EXPECT_FALSE(ObjectId::parse(wrong)) << wrong;
  }
}

// The table of FORMAT-projections.md, "Ids and outcomes".
struct IdsByThePage {
  std::optional<uint64_t> row, file;
  bool batched = false;
  void take(const Outcome& outcome) {
    row.reset();
    if (outcome.kind == Outcome::Kind::kRebind) row = outcome.new_id;
    if (!batched) file = row;
  }
};

TEST(ControlFrameTest, RowAndFileAreWhatThePageSaysAfterEveryOrderOfOutcomesAndABatch) {
  constexpr uint64_t kSeq = 7, kDecided = 5;
  enum Step : unsigned { kRebound, kReboundAgain, kAside, kBatched, kSteps };
  constexpr unsigned kLength = 5;
  unsigned orders = 1;
  for (unsigned i = 0; i < kLength; ++i) orders *= kSteps;
  for (unsigned order = 0; order < orders; ++order) {
    IdsByThePage page{kDecided, kDecided};
    std::optional<Outcome> outcome;
    uint64_t batched_seq = 0;
    std::string steps;
    for (unsigned i = 0, rest = order; i < kLength; ++i, rest /= kSteps) {
      const auto step = static_cast<Step>(rest % kSteps);
      steps += "RrSB"[step];
      if (step == kBatched) {
        batched_seq = kSeq;
        page.batched = true;
        continue;
      }
      Outcome next{.seq = kSeq, .kind = Outcome::Kind::kSetAside, .reason = "why"};
      if (step != kAside) {
        next = {.seq = kSeq,
                .kind = Outcome::Kind::kRebind,
                .new_id = step == kRebound ? 9u : 11u,
                .reason = {}};
      }
      settle_file(next, outcome ? &*outcome : nullptr, batched_seq);
      page.take(next);
      outcome = next;
      const EffectIds ids(kDecided, &next);
      EXPECT_EQ(next.has_row(), page.row.has_value()) << steps;
      EXPECT_EQ(next.has_file(), page.file.has_value()) << steps;
      EXPECT_EQ(page.row ? ids.row : 0, page.row.value_or(0)) << steps;
      // Where there is no file, its path is told with the row's id.
      EXPECT_EQ(page.file ? ids.file : 0, page.file.value_or(0)) << steps;
      EXPECT_TRUE(page.file || !page.row || ids.file == ids.row) << steps;
    }
  }
}

}  // namespace
}  // namespace syncline
