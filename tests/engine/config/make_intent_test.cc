#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/path_rules.h"
#include "engine/config/pattern.h"
#include "engine/config/profiles.h"
#include "engine/config/utf8.h"
#include "journal/record/intent.h"
#include "syncline/record.h"

namespace syncline {
namespace {

constexpr int64_t kTimeMs = 1'769'903'999'123;  // 2026-01-31T23:59:59.123Z

const Config& profile(std::string_view name) {
  static const Config notes = *parse_config(*profile_text("notes"));
  static const Config packages = *parse_config(*profile_text("packages"));
  static const Config elf = *parse_config(*profile_text("elf"));
  return name == "notes" ? notes : name == "elf" ? elf : packages;
}

Result<Intent> note(const Fields& fields, std::string_view key = {}) {
  return make_intent(profile("notes"), "note", fields, key);
}

Result<Intent> failure(const Fields& fields) {
  return make_intent(profile("elf"), "failure", fields, {});
}

void expect_refused(const Result<Intent>& intent, std::initializer_list<std::string_view> words) {
  ASSERT_FALSE(intent);
  EXPECT_EQ(intent.error().code, Code::kInvalid);
  const std::string said = intent.error().message + " | " + intent.error().hint;
  EXPECT_TRUE(is_valid_utf8(said));
  EXPECT_EQ(said.find('\n'), std::string::npos);
  for (const std::string_view word : words) {
    EXPECT_NE(said.find(word), std::string::npos) << "'" << word << "' is not in: " << said;
  }
}

const IntentValue& column(const Intent& intent, std::string_view name) {
  for (const IntentColumn& candidate : intent.columns) {
    if (candidate.name == name) return candidate.value;
  }
  ADD_FAILURE() << "no column " << name;
  return intent.columns.front().value;
}

ContentHash hash_of(const Fields& fields, std::string_view kind = "failure") {
  const auto intent = make_intent(profile("elf"), kind, fields, "key");
  EXPECT_TRUE(intent) << intent.error().message;
  return intent ? intent->content_hash : ContentHash{};
}

TEST(MakeIntent, UnknownKindNamesTheNearOne) {
  expect_refused(make_intent(profile("elf"), "failrue", {}, {}),
                 {"'failrue'", "did you mean 'failure'"});
  expect_refused(make_intent(profile("elf"), "zzz", {}, {}),
                 {"failure, success, heuristic, decision"});
  expect_refused(make_intent(profile("notes"), "\x1b\xff\n", {}, {}), {"there is no kind"});
}

TEST(MakeIntent, UnknownFieldNamesTheNearOne) {
  expect_refused(note({{"title", "a"}, {"tagz", "b"}}), {"'tagz'", "did you mean 'tags'"});
  expect_refused(note({{"title", "a"}, {"", "b"}}), {"has no field ''"});
}

TEST(MakeIntent, RequiredFieldsMustHoldSomething) {
  expect_refused(note({}), {"'title'", "missing"});
  expect_refused(note({{"title", ""}}), {"'title'", "empty"});
  expect_refused(note({{"title", " \t "}}), {"'title'", "empty"});
  expect_refused(failure({{"title", "a"}}), {"'domain'", "missing"});
}

TEST(MakeIntent, RepeatedFieldIsRefused) {
  expect_refused(note({{"title", "a"}, {"title", "a"}}), {"'title'", "twice"});
}

TEST(MakeIntent, LengthIsCountedInCodePoints) {
  std::string chinese;
  for (int i = 0; i < 500; ++i) chinese += "字";
  EXPECT_TRUE(note({{"title", chinese}}));
  expect_refused(note({{"title", chinese + "x"}}), {"'title'", "501", "500"});
  EXPECT_TRUE(note({{"title", std::string(500, 'x')}}));
  expect_refused(note({{"title", std::string(501, 'x')}}), {"too long"});
  EXPECT_TRUE(note({{"title", "a"}, {"body", std::string(1'000'000, 'x')}}));
  expect_refused(note({{"title", "a"}, {"body", std::string(1'000'001, 'x')}}), {"'body'"});
}

TEST(MakeIntent, SingleLineFieldsRefuseWhatBreaksALine) {
  for (const std::string text :
       {"a\nb", "a\rb", "a\x01", "a\x1b[0m", "a\x7f", "a\u0085", "a\u2028b", "a\u2029", "\u009b"}) {
    expect_refused(note({{"title", text}}), {"'title'", "single line"});
  }
  EXPECT_TRUE(note({{"title", "a\tb"}}));
  EXPECT_TRUE(note({{"title", "a"}, {"body", "1\n2\r\n3\x1b[0m"}})) << "text may have any but NUL";
}

TEST(MakeIntent, BytesThatAreNoTextAreRefused) {
  expect_refused(note({{"title", "a\xff"}}), {"'title'", "UTF-8"});
  expect_refused(note({{"title", std::string("a\0b", 3)}}), {"'title'", "NUL"});
  expect_refused(note({{"title", "a"}, {"body", std::string("\0", 1)}}), {"'body'", "NUL"});
  expect_refused(note({{"title", "a"}, {"body", "\xed\xa0\x80"}}), {"'body'", "UTF-8"});
}

TEST(MakeIntent, NumbersAreCheckedAndNormalised) {
  const Fields base = {{"title", "a"}, {"domain", "d"}};
  const auto with = [&](FieldValue value) {
    Fields fields = base;
    fields.emplace_back("severity", std::move(value));
    return failure(fields);
  };
  for (const FieldValue& value : {FieldValue(int64_t{4}), FieldValue(4.0), FieldValue("4"),
                                  FieldValue("high"), FieldValue("HIGH"), FieldValue("4.0")}) {
    const auto intent = with(value);
    ASSERT_TRUE(intent) << intent.error().message;
    EXPECT_EQ(std::get<int64_t>(column(*intent, "severity")), 4);
  }
  EXPECT_EQ(std::get<int64_t>(column(*failure(base), "severity")), 3) << "the default";
  EXPECT_EQ(std::get<int64_t>(column(*with(""), "severity")), 3) << "empty is absent";
  expect_refused(with(int64_t{0}), {"'severity'", "from 1 to 5", "critical (5)"});
  expect_refused(with(int64_t{6}), {"from 1 to 5"});
  expect_refused(with(2.5), {"whole number"});
  expect_refused(with("hihg"), {"'severity'", "'hihg'", "high (4)"});
  expect_refused(with(" 4"), {"' 4'"});
  expect_refused(with("4x"), {"'4x'"});
  expect_refused(with("0x4"), {"'0x4'"});
  expect_refused(with("99999999999999999999"), {"out of range"});
  expect_refused(with(1e300), {"out of range"});
  expect_refused(with(std::numeric_limits<double>::infinity()), {"finite"});
  expect_refused(with("nan"), {"finite"});
  expect_refused(note({{"title", int64_t{5}}}), {"'title'", "must be text"});
}

TEST(MakeIntent, RealsTakeWordsAndRanges) {
  const auto with = [&](FieldValue value) {
    return make_intent(profile("elf"), "heuristic",
                       {{"domain", "d"}, {"rule", "r"}, {"confidence", std::move(value)}}, {});
  };
  EXPECT_EQ(std::get<double>(column(*with("high"), "confidence")), 0.85);
  EXPECT_EQ(std::get<double>(column(*with("0.25"), "confidence")), 0.25);
  EXPECT_EQ(std::get<double>(column(*with(int64_t{1}), "confidence")), 1.0);
  EXPECT_EQ(std::get<double>(column(*with("1"), "confidence")), 1.0);
  expect_refused(with("1.01"), {"'confidence'", "from 0 to 1"});
  expect_refused(with(-0.01), {"from 0 to 1"});
  expect_refused(with("1e999"), {"out of range"});
  expect_refused(with("certain"), {"medium (0.6)"});
}

TEST(MakeIntent, AbsentFieldsAreNull) {
  const auto intent = note({{"title", "a"}, {"tags", ""}});
  ASSERT_TRUE(intent);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(column(*intent, "body")));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(column(*intent, "tags")));
  const auto learning = failure({{"title", "a"}, {"domain", "d"}});
  EXPECT_TRUE(std::holds_alternative<std::monostate>(column(*learning, "tags")));
}

TEST(MakeIntent, KeysAreShortLines) {
  EXPECT_TRUE(note({{"title", "a"}}, "k/1.0 ключ"));
  EXPECT_EQ(note({{"title", "a"}}, "k")->key, "k");
  EXPECT_TRUE(note({{"title", "a"}}, std::string(500, 'k')));
  expect_refused(note({{"title", "a"}}, std::string(501, 'k')), {"key", "too long"});
  expect_refused(note({{"title", "a"}}, "a\nb"), {"key", "control"});
  expect_refused(note({{"title", "a"}}, "a\tb"), {"key", "control"});
  expect_refused(note({{"title", "a"}}, std::string_view("a\0b", 3)), {"key", "control"});
  expect_refused(note({{"title", "a"}}, "\xff"), {"key", "UTF-8"});
  for (const std::string_view turn : {"\u061c", "\u200e", "\u202e", "\u2066", "\u2069"}) {
    expect_refused(note({{"title", "a"}}, "a" + std::string(turn) + "b"), {"key", "direction"});
  }
  EXPECT_TRUE(note({{"title", "a"}}, "\u0628\u2026"));
}

TEST(MakeIntent, ContentIsTheSameInAnyOrderAndWriting) {
  const ContentHash content = hash_of({{"title", "a"}, {"domain", "d"}, {"severity", int64_t{4}}});
  EXPECT_EQ(content, hash_of({{"severity", "4"}, {"domain", "d"}, {"title", "a"}}));
  EXPECT_EQ(content, hash_of({{"severity", "high"}, {"domain", "d"}, {"title", "a"}}));
  EXPECT_EQ(content, hash_of({{"title", "a"}, {"domain", "d"}, {"severity", 4.0}}));
  EXPECT_EQ(content, hash_of({{"title", "a"}, {"domain", "d"}, {"severity", "4"}, {"tags", ""}}));
  EXPECT_NE(content, hash_of({{"title", "a"}, {"domain", "d"}}));
  EXPECT_NE(content, hash_of({{"title", "a"}, {"domain", "d"}, {"severity", "5"}}));
  EXPECT_NE(content, hash_of({{"title", "d"}, {"domain", "a"}, {"severity", "4"}}));
  EXPECT_NE(content, hash_of({{"title", "a "}, {"domain", "d"}, {"severity", "4"}}));
  EXPECT_NE(content, hash_of({{"title", "a"}, {"domain", "d"}, {"severity", "4"}}, "success"));
  const auto heuristic = [](FieldValue confidence) {
    return hash_of({{"domain", "d"}, {"rule", "r"}, {"confidence", std::move(confidence)}},
                   "heuristic");
  };
  EXPECT_EQ(heuristic("-0.0"), heuristic(int64_t{0}));
}

// What is journalled must stay comparable with what later versions make of the same retry.
TEST(MakeIntent, ContentHashIsPinned) {
  Xxh3Hash xxh3;
  const auto intent = make_intent(profile("notes"), "note", {{"title", "Hello"}, {"body", "World"}},
                                  "key", {}, &xxh3);
  ASSERT_TRUE(intent);
  // By `sha256sum` and `xxh128sum` of the bytes that journal/FORMAT-payloads.md names.
  EXPECT_EQ(to_hex(content_hash_bytes(intent->content_hash)),
            "6a3c5f2c4eeb2330c8a060a9edb8e6069d466a52916607d5b1c74dc8c039f3f9");
  EXPECT_EQ(to_hex(xxh3), "1e27fcf66aec2308ca217d0513c7ccbd");
}

// XXH3 multiplies what stands here with nothing: each of the two words has a half that equals the
// secret it is mixed with, so that what changes in the other half cancels out.
std::string body_of_one_xxh3(char one, char other) {
  std::string body(1300, '.');
  body[171] = one;
  body.replace(174, 5, "\xe3\xb7\xb3g\x1f");
  body[427] = other;
  body.replace(430, 5, "\xc3\x81:&L");
  return body;
}

TEST(MakeIntent, TwoBodiesOfOneXxh3AreTwoContents) {
  const auto made = [](const std::string& body, Xxh3Hash& xxh3) {
    return make_intent(profile("notes"), "note", {{"title", "a"}, {"body", body}}, "key", {},
                       &xxh3);
  };
  Xxh3Hash first_xxh3, second_xxh3;
  const auto first = made(body_of_one_xxh3('A', 'z'), first_xxh3);
  const auto second = made(body_of_one_xxh3('B', 'y'), second_xxh3);
  ASSERT_TRUE(first && second);
  ASSERT_EQ(first_xxh3, second_xxh3);
  EXPECT_NE(first->content_hash, second->content_hash);
}

TEST(MakeIntent, ARecordWithoutAKeyHasNoContentHash) {
  const auto intent = note({{"title", "Hello"}});
  ASSERT_TRUE(intent);
  EXPECT_EQ(intent->content_hash, ContentHash{});
}

TEST(MakeIntent, SubjectIsOneShortLine) {
  const auto intent = note({{"title", std::string(500, 'x') + ""}});
  ASSERT_TRUE(intent);
  const std::string subject = render_effects(*intent, 1, 1, kTimeMs).subject;
  EXPECT_EQ(utf8_length(subject), 200u);
  EXPECT_TRUE(subject.starts_with("note: xxx"));
  EXPECT_TRUE(subject.ends_with("x…"));
  EXPECT_EQ(render_effects(*note({{"title", " a\tb "}}), 1, 1, kTimeMs).subject, "note:  a b");
}

TEST(MakeIntent, SubjectsWithSlotsKeepTheirSpaces) {
  std::string text = *profile_text("notes");
  const std::string_view old = "subject = \"note: {title}\"";
  text.replace(text.find(old), old.size(), "subject = \"{id} {date} {title} ({tags})\"");
  const auto config = parse_config(text);
  ASSERT_TRUE(config) << config.error().message;
  const auto intent = make_intent(*config, "note", {{"title", "t"}, {"tags", "x"}}, {});
  EXPECT_EQ(render_effects(*intent, 1, 7, kTimeMs).subject, "7 2026-01-31 t (x)");
}

TEST(MakeIntent, FilesOfTheStoreAreNoPlaceForARecord) {
  const std::string_view text = R"toml(schema = 1
database = "data.db"
[kind.x]
table = "x"
create_table = "CREATE TABLE IF NOT EXISTS x(id INTEGER PRIMARY KEY, a TEXT)"
subject = "x: {a}"
[[kind.x.field]]
name = "a"
required = true
[kind.x.columns]
a = "{a}"
[kind.x.file]
mode = "append"
path = "%"
text = "{a}"
)toml";
  const auto path_of = [&](std::string_view pattern, const std::string& a) {
    std::string spoilt(text);
    spoilt.replace(spoilt.find('%'), 1, pattern);
    const auto config = parse_config(spoilt);
    EXPECT_TRUE(config) << config.error().message;
    return make_intent(*config, "x", {{"a", a}}, {});
  };
  EXPECT_EQ(path_of("syncline.{a}", "toml").error().code, Code::kUnsafePath);
  EXPECT_EQ(path_of("{a}.db", "Data").error().code, Code::kUnsafePath);
  EXPECT_EQ(path_of("data.db-{a}", "wal").error().code, Code::kUnsafePath);
  EXPECT_EQ(path_of(".{a}/x", "git").error().code, Code::kUnsafePath);
  EXPECT_EQ(path_of(".{a}", "gitignore").error().code, Code::kUnsafePath);
  EXPECT_TRUE(path_of(".{a}/x", "gitt"));
  EXPECT_TRUE(path_of("syncline.{a}", "md"));
}

TEST(MakeIntent, TooLargeForTheJournalIsRefused) {
  std::string text = *profile_text("notes");
  const std::string_view old = "length_max = 1000000";
  text.replace(text.find(old), old.size(), "length_max = 10000000");
  const auto config = parse_config(text);
  ASSERT_TRUE(config);
  std::string body;
  for (int i = 0; i < 9'000'000; ++i) body += "😀";
  expect_refused(make_intent(*config, "note", {{"title", "a"}, {"body", body}}, {}), {"too large"});
}

TEST(MakeIntent, StoreTagMarksPathsAndSections) {
  const auto tagged = make_intent(profile("notes"), "note", {{"title", "Hi"}}, {}, "3fa9c1");
  EXPECT_EQ(render_effects(*tagged, 1, 12, kTimeMs).path, "notes/0000/hi-12-s3fa9c1.md");
  const auto section =
      make_intent(profile("elf"), "heuristic", {{"domain", "Go"}, {"rule", "R"}}, {}, "3fa9c1");
  const Effects effects = render_effects(*section, 1, 12, kTimeMs);
  EXPECT_EQ(effects.path, "memory/heuristics/go.md");
  EXPECT_NE(effects.text.find("\n## H-12: R\n<!-- store-s3fa9c1 -->\n\n**Confidence**"),
            std::string::npos)
      << effects.text;
}

TEST(MakeIntent, SurvivesTheJournal) {
  const auto intent = failure({{"title", "a"}, {"domain", "d"}, {"summary", "s\nt"}});
  ASSERT_TRUE(intent);
  const auto decoded = decode_intent(intent->operation, encode_intent(*intent));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, *intent);
}

std::string random_text(std::mt19937_64& random) {
  static const std::string_view kPieces[] = {
      "../",       "..",          "/",       ".git",   ".git/hooks/x",
      "git~1",     "\\",          ":",       "$(x)",   "'; DROP TABLE notes; --",
      "con",       "nul",         "\u200c",  "\u202e", "\u2028",
      "é",         "你",          "😀",      "שלום",   "\xff",
      "\xc3",      "\n",          "\r",      "\0",     "#",
      "## H-1: x", "{id}",        "{title}", "-",      " ",
      "a",         "Z",           "9",       "%s",     "\"",
      "`id`",      ".gitmodules", "~1",      "\u0085", "\x1b"};
  std::string text;
  const size_t count = random() % 12;
  for (size_t i = 0; i < count; ++i) {
    if (random() % 8 == 0) {
      text += static_cast<char>(random());
    } else {
      text += kPieces[random() % std::size(kPieces)];
    }
  }
  return text;
}

// Whatever a record holds: it is refused for what it holds, or its path is safe at every id, its
// subject is one line, and its text ends in a newline.
TEST(MakeIntent, NoFieldEverMakesAnUnsafeEffect) {
  std::mt19937_64 random(11);
  size_t accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    const Config& config = profile(round % 3 == 0 ? "notes" : round % 3 == 1 ? "elf" : "packages");
    const KindSpec& kind = config.kinds[random() % config.kinds.size()];
    Fields fields;
    for (const FieldSpec& field : kind.fields) {
      if (!field.required && random() % 2 == 0) continue;
      if (field.type != FieldSpec::Type::kText && random() % 2 == 0) continue;
      // Most texts are made valid, or hardly any record would pass.
      std::string text = random_text(random);
      if (random() % 8 != 0) {
        std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c < 0; });
        text += "x日";
      }
      fields.emplace_back(field.name, std::move(text));
    }
    const auto intent = make_intent(config, kind.name, fields, {});
    if (!intent) {
      ASSERT_EQ(intent.error().code, Code::kInvalid) << intent.error().message;
      ASSERT_TRUE(is_valid_utf8(intent.error().message));
      continue;
    }
    ++accepted;
    for (const uint64_t id : {uint64_t{1}, uint64_t{2}, uint64_t{1000}, UINT64_MAX}) {
      const Effects effects = render_effects(*intent, 1, id, kTimeMs);
      ASSERT_TRUE(check_path(effects.path)) << effects.path;
      for (const char c : effects.path) {
        ASSERT_TRUE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                    c == '.' || c == '/')
            << effects.path;
      }
      ASSERT_TRUE(effects.path.starts_with("notes/") || effects.path.starts_with("memory/") ||
                  effects.path.starts_with("packages/"));
      ASSERT_EQ(to_one_line(effects.subject), effects.subject);
      ASSERT_LE(utf8_length(effects.subject), 200u);
      ASSERT_TRUE(is_valid_utf8(effects.text));
      ASSERT_TRUE(effects.text.ends_with('\n'));
      ASSERT_EQ(effects.text.find('\0'), std::string::npos);
    }
  }
  EXPECT_GT(accepted, 5'000u);
}

}  // namespace
}  // namespace syncline
