#include "tools/ndjson.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/profiles.h"
#include "engine/config/utf8.h"

namespace syncline {
namespace {

void expect_refused(const std::string& line, std::initializer_list<std::string_view> words) {
  const auto record = parse_ndjson_record(line);
  ASSERT_FALSE(record) << line;
  EXPECT_EQ(record.error().code, Code::kInvalid);
  EXPECT_TRUE(is_valid_utf8(record.error().message));
  EXPECT_EQ(record.error().message.find('\n'), std::string::npos);
  for (const std::string_view word : words) {
    EXPECT_NE(record.error().message.find(word), std::string::npos)
        << "'" << word << "' is not in: " << record.error().message;
  }
}

TEST(Ndjson, RecordIsTakenApart) {
  const auto record = parse_ndjson_record(
      R"( {"fields":{"title":"Hé\n\u4f60\ud83d\ude00","size":3,"ratio":-0.5,"big":1e3},)"
      R"("key":"k","kind":"note"} )");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->kind, "note");
  EXPECT_EQ(record->key, "k");
  ASSERT_EQ(record->fields.size(), 4u);
  EXPECT_EQ(record->fields[0].first, "title");
  EXPECT_EQ(std::get<std::string>(record->fields[0].second), "Hé\n你😀");
  EXPECT_EQ(std::get<int64_t>(record->fields[1].second), 3);
  EXPECT_EQ(std::get<double>(record->fields[2].second), -0.5);
  EXPECT_EQ(std::get<double>(record->fields[3].second), 1000.0);
}

TEST(Ndjson, KeyAndOptionalFieldsMayBeNull) {
  const auto record =
      parse_ndjson_record(R"({"kind":"note","key":null,"fields":{"title":"a","tags":null}})");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->key, "");
  EXPECT_EQ(record->fields.size(), 1u);
}

TEST(Ndjson, WhatIsNoJsonIsRefusedWithThePlace) {
  for (const std::string line : {"hello", "{", "{\"kind\"", "{\"kind\":}", "{'kind':'x'}", "{} {}",
                                 "{\"kind\":\"a\",}", "{\"kind\":NaN}", "{\"kind\":\"\t\"}", "",
                                 "{\"kind\":\"\\ud800\"}", "// x", "{\"kind\":\"\\x\"}"}) {
    expect_refused(line, {"not JSON at byte"});
  }
}

TEST(Ndjson, OtherShapesAreRefusedByType) {
  expect_refused("[]", {"a record is an object, not a list"});
  expect_refused("3", {"not a number"});
  expect_refused("\"x\"", {"not a text"});
  expect_refused("null", {"not null"});
  expect_refused("true", {"not true or false"});
}

TEST(Ndjson, MissingAndUnknownNamesAreNamed) {
  expect_refused("{}", {"'kind' is missing"});
  expect_refused(R"({"kind":"note"})", {"'fields' is missing"});
  expect_refused(R"({"fields":{}})", {"'kind' is missing"});
  expect_refused(R"({"kind":"note","field":{}})", {"unknown name 'field'"});
  expect_refused(R"({"kind":"note","fields":{},"a\nb":1})", {"unknown name 'a?b'"});
}

TEST(Ndjson, WrongTypesAreNamed) {
  expect_refused(R"({"kind":3,"fields":{}})", {"'kind' must be a text, not a number"});
  expect_refused(R"({"kind":null,"fields":{}})", {"'kind' must be a text, not null"});
  expect_refused(R"({"kind":"a","key":7,"fields":{}})", {"'key' must be a text, not a number"});
  expect_refused(R"({"kind":"a","key":"","fields":{}})", {"'key' is empty"});
  expect_refused(R"({"kind":"a","fields":[]})", {"'fields' must be an object, not a list"});
  expect_refused(R"({"kind":"a","fields":"x"})", {"'fields' must be an object, not a text"});
  expect_refused(R"({"kind":"a","fields":null})", {"'fields' must be an object, not null"});
  expect_refused(R"({"kind":{},"fields":{}})", {"'kind' must be a text, not an object"});
  expect_refused(R"({"kind":"a","fields":{"t":true}})", {"field 't'", "not true or false"});
}

TEST(Ndjson, NothingNests) {
  expect_refused(R"({"kind":"a","fields":{"t":{"x":1}}})", {"field 't'", "not an object"});
  expect_refused(R"({"kind":"a","fields":{"t":["x"]}})", {"field 't'", "not a list"});
  expect_refused(std::string(1'000'000, '['), {"not a list"});
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "{\"fields\":";
  expect_refused(deep, {"field 'fields'", "not an object"});
}

TEST(Ndjson, RepeatedNamesAreRefused) {
  expect_refused(R"({"kind":"a","kind":"a","fields":{}})", {"'kind' is there twice"});
  expect_refused(R"({"kind":"a","fields":{},"fields":{}})", {"'fields' is there twice"});
  expect_refused(R"({"kind":"a","fields":{"t":"1","t":"1"}})", {"field 't' is there twice"});
  expect_refused(R"({"kind":"a","fields":{"t":null,"\u0074":"1"}})", {"field 't' is there twice"});
}

TEST(Ndjson, BytesThatAreNoTextAreRefused) {
  expect_refused(std::string("{\"kind\":\"a\0\"}", 13), {"NUL byte at byte 11"});
  expect_refused(R"({"kind":"a","fields":{"t":"x\u0000"}})", {"field 't' holds a NUL"});
  expect_refused("{\"kind\":\"\xff\"}", {"invalid UTF-8 at byte 10"});
  expect_refused("\xc3", {"invalid UTF-8 at byte 1"});
  expect_refused("{\"kind\":\"你\xe4\xbd\"}", {"invalid UTF-8 at byte 13"});
}

TEST(Ndjson, NumbersBeyondAnyTypeAreRefused) {
  expect_refused(R"({"kind":"a","fields":{"t":1e999}})", {"out of range"});
  const auto record = parse_ndjson_record(R"({"kind":"a","fields":{"t":18446744073709551615}})");
  ASSERT_TRUE(record);
  EXPECT_TRUE(std::holds_alternative<double>(record->fields[0].second));
}

TEST(Ndjson, TooManyFieldsAreRefused) {
  std::string line = R"({"kind":"a","fields":{)";
  for (int i = 0; i < 1001; ++i) line += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\":1";
  expect_refused(line + "}}", {"more than 1000 fields"});
}

// The way of a line through to an intent: what the shape cannot tell, the kind does.
TEST(Ndjson, KindsAndFieldsAreTheStoresToJudge) {
  const auto config = parse_config(*profile_text("notes"));
  ASSERT_TRUE(config);
  const auto judge = [&](const std::string& line) {
    const auto record = parse_ndjson_record(line);
    EXPECT_TRUE(record);
    const auto intent = make_intent(*config, record->kind, record->fields, record->key);
    return intent ? std::string() : intent.error().message;
  };
  EXPECT_EQ(judge(R"({"kind":"note","fields":{"title":"a"}})"), "");
  EXPECT_EQ(judge(R"({"kind":"nope","fields":{"title":"a"}})"), "there is no kind 'nope' here");
  EXPECT_EQ(judge(R"({"kind":"note","fields":{}})"), "field 'title' is missing, and required");
  EXPECT_EQ(judge(R"({"kind":"note","fields":{"title":7}})"),
            "field 'title' must be text, not a number");
  EXPECT_EQ(judge(R"({"kind":"note","fields":{"title":"a","x":"b"}})"),
            "kind 'note' has no field 'x'");
}

TEST(Ndjson, AnyBytesAreRefusedOrTakenWithoutHarm) {
  std::mt19937_64 random(5);
  const std::string sound = R"({"kind":"note","key":"k","fields":{"title":"a","n":1.5}})";
  for (int round = 0; round < 50'000; ++round) {
    std::string line = sound;
    const size_t edits = 1 + random() % 4;
    for (size_t i = 0; i < edits; ++i) {
      const size_t at = random() % line.size();
      switch (random() % 3) {
        case 0:
          line[at] = static_cast<char>(random());
          break;
        case 1:
          line.erase(at, 1 + random() % 3);
          break;
        default:
          line.insert(at, 1, R"({}[]",:\0e-.n)"[random() % 13]);
      }
      if (line.empty()) line = " ";
    }
    const auto record = parse_ndjson_record(line);
    if (!record) {
      ASSERT_FALSE(record.error().message.empty());
      ASSERT_TRUE(is_valid_utf8(record.error().message)) << record.error().message;
    }
  }
}

}  // namespace
}  // namespace syncline
