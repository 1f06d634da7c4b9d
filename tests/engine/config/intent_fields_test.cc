// From effects back to the fields that a user gave: what is answered makes the same intent again.
#include "engine/config/intent_fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "engine/config/make_intent.h"
#include "engine/config/profiles.h"

namespace syncline {
namespace {

constexpr std::array<std::string_view, 2> kTags = {"", "ab12"};

Config config_of(std::string_view profile) {
  Result<Config> config = parse_config(*profile_text(profile));
  EXPECT_TRUE(config) << config.error().message;
  return std::move(*config);
}

std::map<std::string, FieldValue> sorted(const Fields& fields) {
  return {fields.begin(), fields.end()};
}

std::optional<Fields> told(const Config& config, std::string_view kind, const Fields& fields,
                           std::string_view key = "", std::string_view tag = "") {
  const Result<Intent> intent = make_intent(config, kind, fields, key, tag);
  EXPECT_TRUE(intent) << intent.error().message;
  // As it comes from the journal.
  const Result<Intent> read = decode_intent(intent->operation, encode_intent(*intent));
  EXPECT_TRUE(read) << read.error().message;
  return intent_fields(config, *read, kTags);
}

// Texts that look like what stands around them in files.
std::string some_text(std::mt19937_64& random, bool single_line) {
  static const std::vector<std::string> kWords = {
      "word", "ä",           " ", "\\# x", "# heading", "## H-1: rule", "**Date**: ",
      "## ",  "Summary\n\n", "-", "'",     "\t",        "{title}",      "\n"};
  std::string text = "t";
  for (uint64_t words = random() % 6; words > 0; --words) text += kWords[random() % kWords.size()];
  if (single_line)
    std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

Fields some_fields(const KindSpec& kind, std::mt19937_64& random) {
  Fields fields;
  for (const FieldSpec& field : kind.fields) {
    if (!field.required && random() % 3 == 0) continue;
    if (field.type == FieldSpec::Type::kText) {
      fields.emplace_back(field.name, some_text(random, field.single_line));
    } else if (field.type == FieldSpec::Type::kInteger) {
      fields.emplace_back(field.name, static_cast<int64_t>(1 + random() % 5));
    } else {
      fields.emplace_back(field.name, static_cast<double>(random() % 11) / 10);
    }
  }
  return fields;
}

TEST(IntentFields, OfEveryKindOfTheProfiles) {
  std::mt19937_64 random(20261129);
  for (const char* profile : {"notes", "packages", "elf"}) {
    const Config config = config_of(profile);
    for (const KindSpec& kind : config.kinds) {
      for (int i = 0; i < 200; ++i) {
        const Fields fields = some_fields(kind, random);
        const std::string key = i % 2 == 0 ? "key" : "";
        const std::string_view tag = kTags[static_cast<size_t>(i) % kTags.size()];
        const auto found = told(config, kind.name, fields, key, tag);
        ASSERT_TRUE(found) << profile << " " << kind.name << " " << i;
        // The same record, whatever is taken for a default.
        const Intent first = *make_intent(config, kind.name, fields, key, tag);
        const Intent again = *make_intent(config, kind.name, *found, key, tag);
        EXPECT_EQ(first, again);
      }
    }
  }
}

TEST(IntentFields, AreThoseThatWereGiven) {
  const Config notes = config_of("notes");
  const Fields fields = {{"title", std::string("one")}, {"tags", std::string("a, b")}};
  EXPECT_EQ(sorted(told(notes, "note", fields).value()), sorted(fields));
  const Config elf = config_of("elf");
  const Fields failure = {{"title", std::string("it broke")},
                          {"domain", std::string("ci")},
                          {"severity", int64_t{5}},
                          {"summary", std::string("the first line\n\n# and more\n")}};
  EXPECT_EQ(sorted(told(elf, "failure", failure, "k").value()), sorted(failure));
}

TEST(IntentFields, AKeyTellsADefaultThatWasGivenFromOneThatWasNot) {
  const Config elf = config_of("elf");
  Fields fields = {{"domain", std::string("ci")}, {"rule", std::string("test first")}};
  EXPECT_EQ(sorted(told(elf, "heuristic", fields, "k").value()), sorted(fields));
  fields.emplace_back("confidence", 0.7);
  EXPECT_EQ(sorted(told(elf, "heuristic", fields, "k").value()), sorted(fields));
  EXPECT_EQ(told(elf, "heuristic", fields)->size(), 2u) << "without a key it makes no difference";
}

// Two fields run into each other, and one is in no effect at all.
TEST(IntentFields, ThatCannotBeToldAreNotGuessed) {
  std::string text(*profile_text("notes"));
  const auto replace = [&](std::string_view old, std::string_view now) {
    const size_t at = text.find(old);
    ASSERT_NE(at, std::string::npos) << old;
    text.replace(at, old.size(), now);
  };
  replace("body = \"{body}\"", "body = \"{body}{tags}\"");
  replace("tags = \"{tags}\"\n", "");
  replace("{?tags}**Tags**: {tags}\n{/tags}", "");
  replace("{?body}\n{body}\n{/body}", "{body}{tags}");
  const Result<Config> config = parse_config(text);
  ASSERT_TRUE(config) << config.error().message;
  const Fields both = {
      {"title", std::string("t")}, {"body", std::string("ab")}, {"tags", std::string("cd")}};
  EXPECT_FALSE(told(*config, "note", both, "k"));
  const auto one =
      told(*config, "note", {{"title", std::string("t")}, {"body", std::string("ab")}}, "k");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->size(), 2u);
  const Config other = config_of("packages");
  const Result<Intent> note = make_intent(*config, "note", both, "");
  EXPECT_FALSE(intent_fields(other, *note, kTags));
}

}  // namespace
}  // namespace syncline
