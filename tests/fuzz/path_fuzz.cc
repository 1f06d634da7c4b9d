// Paths: what untrusted text and people's patterns become in a work tree.
//
// Holds of any input:
//   - a path that check_path accepts is one that git takes with core.protectHFS and protectNTFS on
//     (git_path_oracle.h), is relative, and has no component that leaves the store;
//   - a slug is [a-z0-9-], within its length, no dash at its ends, safe alone, and its own slug;
//   - a pattern that is accepted renders, for any fields, id and store tag, to a path that is
//     accepted, whose fields added [a-z0-9-] only; and created files of two ids never share one.
//
//   u8 what: 0 a path, 1 a slug, 2 a pattern; then for 1: u8 length, text; for 2: u8 mode, the
//   pattern, fields, two ids
#include "engine/config/make_intent.h"
#include "engine/config/path_rules.h"
#include "engine/config/slug.h"
#include "engine/config/utf8.h"
#include "journal/record/intent.h"
#include "syncline/record.h"

#include "engine/config/config.h"
#include "engine/config/kind_patterns.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/git_path_oracle.h"

namespace syncline::fuzz {
namespace {

bool is_slug_text(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

void check_accepted(std::string_view path) {
  require_or_say(git_takes_path(path),
                 [&] { return "git refuses the path: " + std::string(path); });
  require(path.size() <= kPathBytesMax && is_valid_utf8(path), "a path without bounds");
  require(path.find_first_of("\\:*?\"<>|") == std::string_view::npos,
          "a character that Windows gives a meaning");
  require(path.front() != '/' && path.back() != '/', "a path that is not relative, or a directory");
}

void fuzz_path(std::string_view path) {
  const auto accepted = check_path(path);
  if (accepted) return check_accepted(path);
  const Error& error = accepted.error();
  require(error.code == Code::kUnsafePath && is_valid_utf8(error.message) &&
              error.message.find('\n') == std::string::npos,
          "a refusal that is no line of text");
}

void fuzz_slug(InputReader& input) {
  const size_t length_max = std::max<size_t>(input.u8() % (kSlugLengthMax + 1), kSlugLengthMin);
  const std::string_view text = as_text(input.rest());
  const std::string made = slug(text, length_max, "title");
  require(!made.empty() && made.size() <= length_max, "a slug of another length");
  require(is_slug_text(made), "a slug of other characters");
  require(made.front() != '-' && made.back() != '-', "a slug with a dash at its end");
  require(check_path(made).has_value(), "a slug that is no path");
  require(slug(made, length_max, "title") == made, "a slug whose slug is another");
}

KindSpec kind_with(std::string_view path_pattern, bool append) {
  KindSpec kind;
  kind.name = "kind";
  for (const char* name : {"a", "b"}) {
    FieldSpec field;
    field.name = name;
    field.required = true;
    kind.fields.push_back(field);
  }
  FieldSpec number;
  number.name = "n";
  number.type = FieldSpec::Type::kReal;
  number.default_value = int64_t{-1};
  kind.fields.push_back(number);
  kind.table = "t";
  kind.columns = {{"a", "{a}"}};
  kind.operation = append ? Operation::kAppend : Operation::kCreate;
  kind.path_pattern = path_pattern;
  kind.text_pattern = "{a}";
  kind.subject_pattern = "{a}";
  return kind;
}

// The characters that a pattern's own literals bring, and those of slots.
bool only_adds_slug_text(std::string_view path, std::string_view pattern) {
  return std::ranges::all_of(path, [&](char c) {
    return is_slug_text({&c, 1}) || c == '+' || pattern.find(c) != std::string_view::npos;
  });
}

struct Rendered {
  std::string path;
  uint64_t id = 0;
};

std::optional<Rendered> render_record(const Config& config, std::string_view tag,
                                      InputReader& input) {
  const std::string a(input.text());
  const std::string b(input.text());
  Fields fields = {{"a", a}, {"b", b}};
  if (input.flag()) fields.emplace_back("n", input.take<double>());
  // Ids of any number of digits; times of years that have four.
  const uint64_t id = std::max<uint64_t>((input.u64() & INT64_MAX) >> (input.u8() % 63), 1);
  const int64_t time_ms = static_cast<int64_t>(input.take<uint32_t>()) * 50'000;
  const auto intent = make_intent(config, "kind", fields, "", tag);
  if (!intent) return std::nullopt;
  const Effects effects = render_effects(*intent, 1, id, time_ms);
  const auto accepted = check_path(effects.path);
  require_or_say(accepted.has_value(), [&] {
    return "an accepted pattern's path is refused: " + accepted.error().message;
  });
  check_accepted(effects.path);
  require(only_adds_slug_text(effects.path, config.kinds[0].path_pattern),
          "a field brought other characters into a path");
  return Rendered{effects.path, id};
}

void fuzz_pattern(InputReader& input) {
  const uint8_t mode = input.u8();
  const bool append = (mode & 1) != 0;
  KindSpec kind = kind_with(input.text(), append);
  auto patterns = std::make_shared<KindPatterns>();
  if (const auto fault = parse_kind_patterns(kind, *patterns)) {
    require(!fault->setting.empty() && !fault->error.message.empty(), "a fault without a name");
    return;
  }
  kind.patterns = patterns;
  Config config;
  config.kinds.push_back(kind);
  const std::string_view tag = (mode & 2) != 0 ? "0a1b2c3d" : "";
  const auto one = render_record(config, tag, input);
  const auto other = render_record(config, tag, input);
  if (append || !one || !other || one->id == other->id) return;
  require_or_say(one->path != other->path,
                 [&] { return "two created records share the path " + one->path; });
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline;
  using namespace syncline::fuzz;
  InputReader input(data, size);
  switch (input.u8() % 3) {
    case 0:
      fuzz_path(as_text(input.rest()));
      break;
    case 1:
      fuzz_slug(input);
      break;
    default:
      fuzz_pattern(input);
  }
  return 0;
}
