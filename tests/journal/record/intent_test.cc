#include "journal/record/intent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "tests/support/payload_fuzz.h"

namespace syncline {
namespace {

constexpr int64_t kTime = 1'769'903'999'123;  // 2026-01-31T23:59:59.123Z

Template text_of(std::string_view literal) {
  return Template::literal(literal);
}

template <typename Hash>
Hash counting_hash() {
  Hash hash;
  for (size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::byte>(i);
  return hash;
}

// The worked example of journal/FORMAT-payloads.md.
Intent example() {
  Intent intent;
  intent.kind = "note";
  intent.key = "k1";
  intent.content_hash = counting_hash<Sha256Hash>();
  intent.table = "notes";
  intent.id_column = "id";
  Template at_path = text_of("at ");
  at_path.add(Slot::kPath);
  intent.columns = {{"n", int64_t{7}}, {"r", 0.5}, {"z", std::monostate{}}, {"t", at_path}};
  intent.path.add("n/");
  intent.path.add(Slot::kShard);
  intent.path.add("/");
  intent.path.add(Slot::kId);
  intent.text.add("x");
  intent.text.add(Slot::kTime);
  intent.subject.add("s");
  return intent;
}

// Written by hand from the byte tables.
constexpr std::string_view kExampleHex =
    "02"
    "04000000"
    "6e6f7465"
    "02000000"
    "6b31"
    "000102030405060708090a0b0c0d0e0f"
    "101112131415161718191a1b1c1d1e1f"
    "05000000"
    "6e6f746573"
    "02000000"
    "6964"
    "04000000"
    "01000000"
    "6e"
    "01"
    "0700000000000000"
    "01000000"
    "72"
    "02"
    "000000000000e03f"
    "01000000"
    "7a"
    "00"
    "01000000"
    "74"
    "03"
    "02000000"
    "00"
    "03000000"
    "617420"
    "06"
    "04000000"
    "00"
    "02000000"
    "6e2f"
    "02"
    "00"
    "01000000"
    "2f"
    "01"
    "00000000"
    "02000000"
    "00"
    "01000000"
    "78"
    "03"
    "01000000"
    "00"
    "01000000"
    "73";

TEST(IntentTest, BytesAreThoseOfTheFormatPage) {
  EXPECT_EQ(to_hex(encode_intent(example())), kExampleHex);
  const auto decoded = decode_intent(Operation::kCreate, *from_hex(kExampleHex));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, example());
}

// What stands before the table in `example()`, and in what else it may be.
constexpr std::string_view kHead =
    "02"
    "04000000"
    "6e6f7465"
    "02000000"
    "6b31"
    "000102030405060708090a0b0c0d0e0f"
    "101112131415161718191a1b1c1d1e1f";
std::string with_head(std::string_view head) {
  return std::string(head) + std::string(kExampleHex.substr(kHead.size()));
}

TEST(IntentTest, ARecordWithoutAKeyCarriesNoHash) {
  Intent intent = example();
  intent.key.clear();
  intent.content_hash = {};
  const std::string hex = with_head("02040000006e6f746500000000");
  EXPECT_EQ(to_hex(encode_intent(intent)), hex);
  EXPECT_EQ(*decode_intent(Operation::kCreate, *from_hex(hex)), intent);
}

TEST(IntentTest, PayloadsOfVersionOneAreReadAndStayWhatTheyAre) {
  Intent intent = example();
  intent.content_hash = counting_hash<Xxh3Hash>();
  for (const auto& [key, in_hex] : {std::pair{"", "00000000"}, {"k1", "020000006b31"}}) {
    intent.key = key;
    const std::string hex =
        with_head(std::string("01040000006e6f7465") + in_hex + "000102030405060708090a0b0c0d0e0f");
    EXPECT_EQ(*decode_intent(Operation::kCreate, *from_hex(hex)), intent);
    EXPECT_EQ(to_hex(encode_intent(intent)), hex);
  }
}

TEST(IntentTest, WhatWasFoundInPlaceIsAFlagOfVersionThree) {
  Intent intent = example();
  const struct {
    FoundInPlace found;
    std::string_view head;
  } cases[] = {{{.row = true}, "0301"}, {{.file = true}, "0302"}, {{true, true}, "0303"}};
  for (const auto& [found, head] : cases) {
    intent.found = found;
    const std::string hex = std::string(head) + std::string(kExampleHex.substr(2));
    EXPECT_EQ(to_hex(encode_intent(intent)), hex);
    EXPECT_EQ(*decode_intent(Operation::kCreate, *from_hex(hex)), intent);
  }
  // One encoding: without a flag it is version 2; and no flag that nobody knows.
  for (const std::string_view head : {"0300", "0304", "03ff"}) {
    const std::string hex = std::string(head) + std::string(kExampleHex.substr(2));
    const auto decoded = decode_intent(Operation::kCreate, *from_hex(hex));
    ASSERT_FALSE(decoded) << head;
    EXPECT_EQ(decoded.error().code, Code::kCorrupt);
  }
  intent.content_hash = counting_hash<Xxh3Hash>();
  EXPECT_DEATH(encode_intent(intent), "assertion failed");
}

TEST(IntentTest, AHashWithoutAKeyOrAKeyWithoutAHashIsAProgrammersError) {
  Intent intent = example();
  intent.key.clear();
  EXPECT_DEATH(encode_intent(intent), "assertion failed");
  intent = example();
  intent.content_hash = {};
  EXPECT_DEATH(encode_intent(intent), "assertion failed");
}

TEST(IntentTest, RandomIntentsComeBackAsTheyWere) {
  std::mt19937_64 random(20'260'131);
  const auto below = [&](uint64_t limit) { return random() % limit; };
  const auto some_text = [&] {
    std::string made(below(20), '\0');
    for (char& c : made) c = static_cast<char>(below(256));
    return made;
  };
  const auto some_template = [&](bool with_path) {
    Template made;
    for (uint64_t pieces = below(6); pieces > 0; --pieces) {
      if (below(2) == 0) {
        made.add(some_text());
      } else {
        const auto slot = static_cast<Slot>(1 + below(7));
        if (slot != Slot::kPath || with_path) made.add(slot);
      }
    }
    return made;
  };
  for (int round = 0; round < 2000; ++round) {
    Intent intent;
    intent.operation = below(2) == 0 ? Operation::kCreate : Operation::kAppend;
    intent.kind = some_text();
    intent.key = some_text();
    const auto fill = [&](auto& hash) {
      for (std::byte& byte : hash) byte = static_cast<std::byte>(below(256));
    };
    if (below(4) == 0) {
      fill(intent.content_hash.emplace<Xxh3Hash>());
    } else if (!intent.key.empty()) {
      fill(intent.content_hash.emplace<Sha256Hash>());
    }
    if (!std::holds_alternative<Xxh3Hash>(intent.content_hash)) {
      intent.found = {.row = below(3) == 0, .file = below(3) == 0};
    }
    intent.table = some_text();
    intent.id_column = "_" + some_text();
    for (uint64_t columns = below(5); columns > 0; --columns) {
      IntentColumn& column = intent.columns.emplace_back();
      column.name = "c" + some_text();
      switch (below(4)) {
        case 0:
          break;
        case 1:
          column.value = static_cast<int64_t>(random());
          break;
        case 2:
          column.value = static_cast<double>(random()) / 3.0;
          break;
        default:
          column.value = some_template(true);
          break;
      }
    }
    intent.path = some_template(false);
    intent.header = some_template(true);
    intent.text = some_template(true);
    intent.subject = text_of(std::string(below(20), 's'));
    intent.subject.add(Slot::kPath);
    const ByteVector payload = encode_intent(intent);
    const auto decoded = decode_intent(intent.operation, payload);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, intent);
    EXPECT_EQ(encode_intent(*decoded), payload);
  }
}

TEST(IntentTest, WhatDecodesHasThatOneEncoding) {
  size_t decoded_count = 0;
  damage_in_every_way(encode_intent(example()), [&](const ByteVector& payload) {
    const auto decoded = decode_intent(Operation::kAppend, payload);
    if (!decoded) {
      EXPECT_TRUE(decoded.error().code == Code::kCorrupt ||
                  decoded.error().code == Code::kUnsupported);
      return false;
    }
    ++decoded_count;
    EXPECT_EQ(encode_intent(*decoded), payload);
    render_effects(*decoded, 1, 2, kTime);
    return true;
  });
  EXPECT_GT(decoded_count, 1000U) << "changed letters still decode";
}

TEST(IntentTest, NewerVersionsAndOperationsAreUnsupportedNotDamaged) {
  ByteVector payload = encode_intent(example());
  for (const int version : {0, 4, 255}) {
    payload[0] = static_cast<std::byte>(version);
    EXPECT_EQ(decode_intent(Operation::kCreate, payload).error().code, Code::kUnsupported);
  }
  payload[0] = std::byte{2};
  EXPECT_EQ(decode_intent(Operation::kReplace, payload).error().code, Code::kUnsupported);
  EXPECT_EQ(decode_intent(Operation::kBatch, payload).error().code, Code::kUnsupported);
  EXPECT_EQ(decode_intent(Operation::kCreate, {}).error().code, Code::kCorrupt);
}

Intent retraction() {
  Intent intent;
  intent.operation = Operation::kRetract;
  intent.kind = "rule";
  intent.table = "rules";
  intent.id_column = "id";
  intent.columns = {{"rule", text_of("r")}};
  intent.path = text_of("p");
  intent.header = text_of("h\n");
  intent.text = text_of("t\n");
  intent.subject = text_of("s");
  intent.retracted = RetractedRecord{.seq = 7, .operation = Operation::kAppend, .file_id = 5};
  return intent;
}

TEST(IntentTest, ARetractionEndsInWhatItTakesAway) {
  const ByteVector payload = encode_intent(retraction());
  // Written by hand from the byte table.
  EXPECT_EQ(to_hex(payload),
            "02"
            "0400000072756c65"
            "00000000"
            "0500000072756c6573"
            "020000006964"
            "01000000"
            "0400000072756c65"
            "03"
            "0100000000"
            "0100000072"
            "0100000000"
            "0100000070"
            "0100000000"
            "02000000680a"
            "0100000000"
            "02000000740a"
            "0100000000"
            "0100000073"
            "0700000000000000"
            "02"
            "0500000000000000");
  const Result<Intent> decoded = decode_intent(Operation::kRetract, payload);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, retraction());
  // The same bytes are no create: something follows its end.
  EXPECT_EQ(decode_intent(Operation::kCreate, payload).error().code, Code::kCorrupt);
}

TEST(IntentTest, ARetractionOfNothingOrWithSlotsIsRefused) {
  const auto refused = [](size_t from_end, uint8_t byte) {
    ByteVector payload = encode_intent(retraction());
    payload[payload.size() - from_end] = std::byte{byte};
    return decode_intent(Operation::kRetract, payload).error().code;
  };
  EXPECT_EQ(refused(17, 0), Code::kCorrupt) << "record 0";
  EXPECT_EQ(refused(9, 4), Code::kCorrupt) << "a retraction of a retraction";
  Intent with_slot = retraction();
  with_slot.operation = Operation::kCreate;
  with_slot.retracted.reset();
  with_slot.text.add(Slot::kId);
  ByteVector payload = encode_intent(with_slot);
  for (const char byte : std::string("\7\0\0\0\0\0\0\0\2\5\0\0\0\0\0\0\0", 17))
    payload.push_back(std::byte(byte));
  EXPECT_EQ(decode_intent(Operation::kRetract, payload).error().code, Code::kCorrupt);
}

// The example with one part of its hex changed.
Result<Intent> decode_changed(std::string_view part, std::string_view by) {
  std::string hex(kExampleHex);
  const size_t at = hex.find(part);
  EXPECT_NE(at, std::string::npos);
  hex.replace(at, part.size(), by);
  return decode_intent(Operation::kCreate, *from_hex(hex));
}

TEST(IntentTest, WhatEncodingNeverYieldsIsRefused) {
  const struct {
    std::string_view part, by, fault;
  } cases[] = {
      {"0300000061742006", "0300000061742008", "unknown slot"},
      {"0300000061742006", "03000000617420ff", "unknown slot"},
      {"020000000003000000617420"
       "06",
       "020000000003000000617420"
       "000100000078",
       "a literal follows a literal"},
      {"020000000003000000617420"
       "06",
       "020000000000000000"
       "06",
       "a literal is empty"},
      {"0100000072"
       "02000000000000e03f",
       "0100000072"
       "02000000000000f87f",
       "not a number"},
      {"010000007a"
       "00",
       "010000007a"
       "04",
       "unknown type"},
      {"02"
       "00010000002f01",
       "06"
       "00010000002f01",
       "its path names itself"},
      {"0400000001000000"
       "6e",
       "0110000001000000"
       "6e",
       "too many columns"},
      {"0400000000020000006e2f", "0100010000020000006e2f", "too many pieces"},
      {"0400000000020000006e2f", "ffffffff00020000006e2f", "too many pieces"},
      // Each of the four columns called as the id column is, whatever its letters' case.
      {"010000006e01", "02000000696401", "the id column"},
      {"010000006e01", "02000000494401", "the id column"},
      {"010000007a00", "02000000694400", "the id column"},
      // The subject "s" with a line break in it, at its end and before it.
      {"01000000000100000073", "010000000002000000730a", "more than one line"},
      {"01000000000100000073", "0100000000020000000d73", "more than one line"},
  };
  for (const auto& refused : cases) {
    const auto decoded = decode_changed(refused.part, refused.by);
    ASSERT_FALSE(decoded) << refused.by;
    EXPECT_EQ(decoded.error().code, Code::kCorrupt);
    EXPECT_NE(decoded.error().message.find(refused.fault), std::string::npos)
        << decoded.error().message;
  }
}

// 64 KiB of payload could else ask for gigabytes: a path of 32,000 dates, rendered 32,000 times.
TEST(IntentTest, APathIsBoundedSinceOtherTemplatesRepeatIt) {
  Intent fits = example();
  fits.path = Template{};
  for (size_t i = 0; i < kIntentPathBytesMax / kSlotBytesMax; ++i) fits.path.add(Slot::kDate);
  ASSERT_TRUE(decode_intent(Operation::kCreate, encode_intent(fits)));
  const std::string longest = to_hex(encode_intent(fits));
  Intent intent = fits;
  intent.path.add(Slot::kDate);
  EXPECT_DEATH(encode_intent(intent), "assertion failed");

  // The same payload with a piece more: the count, then one more tag.
  std::string longer = longest;
  const size_t count = longer.find("80000000" + std::string("0404"));
  ASSERT_NE(count, std::string::npos);
  longer.replace(count, 8, "8100000004");
  const auto decoded = decode_intent(Operation::kCreate, *from_hex(longer));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kCorrupt);
  EXPECT_NE(decoded.error().message.find("path is too long"), std::string::npos);
}

// The widest that a slot may be, which the bound above counts with.
TEST(IntentTest, NoSlotIsWiderThanTheBoundCounts) {
  for (const Slot slot :
       {Slot::kId, Slot::kShard, Slot::kTime, Slot::kDate, Slot::kDateBasic, Slot::kTimeSeconds}) {
    Template text;
    text.add(slot);
    for (const int64_t time_ms : {INT64_MIN, INT64_MAX}) {
      EXPECT_LE(render(text, {.id = UINT64_MAX, .time_ms = time_ms, .path = {}}).size(),
                kSlotBytesMax);
    }
  }
}

TEST(IntentTest, PiecesAreBoundedOverAllTemplatesTogether) {
  Intent intent = example();
  for (size_t i = 0; i < kIntentPiecesMax / 2; ++i) {
    intent.header.add(Slot::kId);
    intent.text.add(Slot::kId);
  }
  // The example's own pieces make it too many: encoding asserts, decoding refuses.
  EXPECT_DEATH(encode_intent(intent), "kIntentPiecesMax");
  Intent fits = example();
  size_t pieces = 4 + 2 + 2 + 1;
  for (; pieces < kIntentPiecesMax; ++pieces) fits.header.add(Slot::kId);
  ByteVector payload = encode_intent(fits);
  EXPECT_TRUE(decode_intent(Operation::kCreate, payload));
}

TEST(IntentTest, NotANumberIsNullAsInSqlite) {
  Intent intent = example();
  intent.columns[1].value = std::numeric_limits<double>::quiet_NaN();
  const auto decoded = decode_intent(Operation::kCreate, encode_intent(intent));
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(decoded->columns[1].value));
  intent.columns[1].value = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(*decode_intent(Operation::kCreate, encode_intent(intent)), intent);
}

TEST(IntentTest, WhatCouldNotBeReadBackIsNeverJournalled) {
  Intent intent = example();
  intent.path.add(Slot::kPath);
  EXPECT_DEATH(encode_intent(intent), "assertion failed");
  intent = example();
  intent.columns[2].name = "ID";
  EXPECT_DEATH(encode_intent(intent), "assertion failed");
  intent = example();
  intent.subject.add("\nSyncline-Range: 1-9");
  EXPECT_DEATH(encode_intent(intent), "assertion failed");
}

TEST(EffectsTest, EverythingIsRenderedFromIdAndTime) {
  Intent intent = example();
  intent.operation = Operation::kAppend;
  intent.header.add("# ");
  intent.header.add(Slot::kDate);
  const Effects effects = render_effects(intent, 5, 4321, kTime);
  EXPECT_EQ(effects.seq, 5U);
  EXPECT_EQ(effects.operation, Operation::kAppend);
  EXPECT_EQ(effects.id, 4321U);
  EXPECT_EQ(effects.time_ms, kTime);
  EXPECT_EQ(effects.kind, "note");
  EXPECT_EQ(effects.table, "notes");
  EXPECT_EQ(effects.id_column, "id");
  EXPECT_EQ(effects.path, "n/0004/4321");
  EXPECT_EQ(effects.header, "# 2026-01-31");
  EXPECT_EQ(effects.text, "x2026-01-31T23:59:59.123Z");
  EXPECT_EQ(effects.subject, "s");
  const std::vector<std::pair<std::string, Value>> columns = {
      {"n", int64_t{7}}, {"r", 0.5}, {"z", std::monostate{}}, {"t", std::string("at n/0004/4321")}};
  EXPECT_EQ(effects.columns, columns);
}

TEST(EffectsTest, ARebindRendersTheSameRecordAnew) {
  const Effects rebound = render_effects(example(), 5, 9999, kTime);
  EXPECT_EQ(rebound.path, "n/0009/9999");
  EXPECT_EQ(std::get<std::string>(rebound.columns[3].second), "at n/0009/9999");
}

}  // namespace
}  // namespace syncline
