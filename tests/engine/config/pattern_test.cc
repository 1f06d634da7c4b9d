#include "engine/config/pattern.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace syncline {
namespace {

std::vector<FieldSpec> make_fields() {
  std::vector<FieldSpec> fields(3);
  fields[0].name = "title";
  fields[1].name = "tags";
  fields[2].name = "body";
  return fields;
}

std::string expand(std::string_view text, std::vector<std::string_view> texts,
                   std::string_view store_tag = {}) {
  const std::vector<FieldSpec> fields = make_fields();
  texts.resize(fields.size());
  const auto pattern = Pattern::parse(text, fields);
  if (!pattern) return "error: " + pattern.error().message + " (" + pattern.error().hint + ")";
  return render(pattern->expand(texts, fields, store_tag),
                {.id = 1234, .time_ms = 1'769'903'999'123, .path = "notes/x.md"});
}

TEST(Pattern, InsertsFieldsAndSlots) {
  EXPECT_EQ(expand("{title} is {id} in {shard}", {"A"}), "A is 1234 in 0001");
  EXPECT_EQ(expand("{date} {date_basic} {time} {time_seconds} {path}", {}),
            "2026-01-31 20260131 2026-01-31T23:59:59.123Z 2026-01-31 23:59:59 notes/x.md");
  EXPECT_EQ(expand("{title}{tags}", {"A", "B"}), "AB");
  EXPECT_EQ(expand("", {"A"}), "");
}

TEST(Pattern, BracesCanBeWritten) {
  EXPECT_EQ(expand("{{title}", {"A"}), "{title}");
  EXPECT_EQ(expand("{{{title}}", {"A"}), "{A}");
  EXPECT_EQ(expand("a}b", {}), "a}b");
}

TEST(Pattern, FieldTextIsNeverReadAsAPattern) {
  EXPECT_EQ(expand("{title}", {"{tags}{id}{?body}"}), "{tags}{id}{?body}");
}

TEST(Pattern, OptionalPartsGoWithTheirField) {
  EXPECT_EQ(expand("a{?tags}[{tags}]{/tags}b", {"A", "t"}), "a[t]b");
  EXPECT_EQ(expand("a{?tags}[{tags}]{/tags}b", {"A"}), "ab");
  EXPECT_EQ(expand("{?tags}x{?body}y{/body}z{/tags}.", {"", "t"}), "xz.");
  EXPECT_EQ(expand("{?tags}x{?body}y{/body}z{/tags}.", {"", "t", "b"}), "xyz.");
  EXPECT_EQ(expand("{?tags}x{?body}y{/body}z{/tags}.", {"", "", "b"}), ".");
  EXPECT_EQ(expand("{?tags}x{/tags}{?body}y{/body}", {"", "", "b"}), "y");
}

TEST(Pattern, FiltersRunFromLeftToRight) {
  EXPECT_EQ(expand("{title|slug}", {"Hello World"}), "hello-world");
  EXPECT_EQ(expand("{title|slug:12}", {"Hello wonderful World"}), "hello-wonder");
  EXPECT_EQ(expand("{body|first_line}", {"", "", "\n  \n one \t\r\ntwo"}), " one");
  EXPECT_EQ(expand("{body|first_line}", {"", "", "\n\n"}), "");
  EXPECT_EQ(expand("{body|one_line|limit:5}", {"", "", "ab\r\ncd ef"}), "ab c…");
  EXPECT_EQ(expand("{body|limit:3}", {"", "", "你好吗"}), "你好吗");
  EXPECT_EQ(expand("{body|limit:3}", {"", "", "你好吗?"}), "你好…");
  EXPECT_EQ(expand("{tags|slug}", {"A"}), "") << "an absent field stays absent";
}

TEST(Pattern, OneLineDropsEverythingThatBreaksALine) {
  EXPECT_EQ(to_one_line("a\nb\r\nc\td"), "a b c d");
  EXPECT_EQ(to_one_line(" a\u0085b\u2028c\u2029d\x1b[0m\x7f "), "a b c d [0m");
  EXPECT_EQ(to_one_line("a  b"), "a  b");
  EXPECT_EQ(to_one_line("\n\t "), "");
  EXPECT_EQ(to_one_line("a\u202eb\u2066c\u061cd\u200fe"), "a<U+202E>b<U+2066>c<U+061C>d<U+200F>e");
  EXPECT_EQ(to_one_line("\u0628\u2026"), "\u0628\u2026");  // of the same bytes, and no controls
  EXPECT_EQ(to_one_line("é\u00a0你"), "é\u00a0你");
}

TEST(Pattern, NestKeepsHeadingsBelowTheSection) {
  EXPECT_EQ(expand("{body|nest}", {"", "", "# a\n## H-1: b\n### c\n#d\n   ## e\n    ## f\n##"}),
            "\\# a\n\\## H-1: b\n### c\n#d\n   \\## e\n    ## f\n\\##");
  EXPECT_EQ(expand("{body|nest}", {"", "", "x # y\r## z\r\n#\tq"}), "x # y\r\\## z\r\n\\#\tq");
}

TEST(Pattern, StoreTagStandsApart) {
  EXPECT_EQ(expand("{id}{store}.md", {}), "1234.md");
  EXPECT_EQ(expand("{id}{store}.md", {}, "ab12"), "1234-sab12.md");
  EXPECT_EQ(expand("{id}{?store} of{store}{/store}.", {}), "1234.");
  EXPECT_EQ(expand("{id}{?store} of{store}{/store}.", {}, "ab12"), "1234 of-sab12.");
  EXPECT_EQ(expand("{?store}x", {}),
            "error: at character 10: {?store} is never closed (end it with {/store})");
}

TEST(Pattern, FaultsSayWhereAndWhat) {
  EXPECT_EQ(expand("ab {titel}", {}),
            "error: at character 4: there is no field 'titel' (did you mean 'title'?)");
  EXPECT_EQ(expand("{title|slog}", {}),
            "error: at character 1: there is no filter 'slog' (did you mean 'slug'?)");
  for (const std::string_view text : {"{title",
                                      "{}",
                                      "{ title}",
                                      "{title|}",
                                      "{title|slug:}",
                                      "{title|slug:5}",
                                      "{title|slug:999}",
                                      "{title|slug:1x}",
                                      "{title|limit}",
                                      "{title|limit:0}",
                                      "{title|first_line:3}",
                                      "{id|slug}",
                                      "{store|slug}",
                                      "{?tags}x",
                                      "{?tags}x{/body}",
                                      "x{/tags}",
                                      "{?nope}x{/nope}",
                                      "{?id}x{/id}",
                                      "{?tags}{?body}{/tags}{/body}",
                                      "{title|slug:-5}",
                                      "{title|slug:99999999999999999999}"}) {
    EXPECT_TRUE(expand(text, {"A", "B", "C"}).starts_with("error: at character ")) << text;
  }
}

TEST(Pattern, SingleFieldIsRecognised) {
  const std::vector<FieldSpec> fields = make_fields();
  EXPECT_EQ(Pattern::parse("{tags}", fields)->single_field(true), 1u);
  EXPECT_EQ(Pattern::parse("{tags|first_line}", fields)->single_field(true), std::nullopt);
  EXPECT_EQ(Pattern::parse("{tags|first_line}", fields)->single_field(false), 1u);
  EXPECT_EQ(Pattern::parse("{tags} ", fields)->single_field(false), std::nullopt);
  EXPECT_EQ(Pattern::parse("{id}", fields)->single_field(false), std::nullopt);
}

}  // namespace
}  // namespace syncline
