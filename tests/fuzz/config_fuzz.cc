// syncline.toml as it comes with a clone: text that anybody may have written.
//
// Holds of any text: it is refused with the file's name, in one line, or it parses, and then
//   - parsing its own text again gives the same, and what `config show` prints of it is JSON;
//   - fields of every kind can be made into an intent or are refused with a reason; the intent
//     encodes and decodes to itself, and the same fields give the same intent;
//   - whatever the id, the path of such a record is one that check_path accepts.
//
//   the text up to the first NUL; then the fields' values, each a length and its bytes
#include <nlohmann/json.hpp>

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/path_rules.h"
#include "engine/config/utf8.h"
#include "journal/record/intent.h"
#include "tests/fuzz/fuzz_target.h"
#include "tools/json_output.h"

namespace syncline::fuzz {
namespace {

constexpr int64_t kTimeMs = 1'767'225'600'123;

void check_error(const Error& error) {
  require(!error.message.empty() && is_valid_utf8(error.message), "an error that is no text");
  require_or_say(error.message.find('\n') == std::string::npos,
                 [&] { return "an error of several lines: " + error.message; });
}

FieldValue value_of(const FieldSpec& field, InputReader& input) {
  const uint8_t how = input.u8();
  if (how % 8 == 0) return static_cast<int64_t>(input.u64());
  if (how % 8 == 1) return input.take<double>();
  if (how % 8 == 2 && !field.words.empty()) return field.words.begin()->first;
  if (how % 8 == 3) return static_cast<int64_t>(how);
  return std::string(input.text());
}

void check_intent(const Config& config, const KindSpec& kind, const Fields& fields,
                  std::string_view key, std::string_view store_tag) {
  const auto intent = make_intent(config, kind.name, fields, key, store_tag);
  if (!intent) return check_error(intent.error());
  require(*make_intent(config, kind.name, fields, key, store_tag) == *intent,
          "the same fields make another intent");
  const ByteVector payload = encode_intent(*intent);
  const auto decoded = decode_intent(intent->operation, payload);
  require(decoded && *decoded == *intent, "an intent is not what it was when it was journalled");
  for (const uint64_t id : {uint64_t{1}, uint64_t{1000}, uint64_t{INT64_MAX}}) {
    const Effects effects = render_effects(*intent, 1, id, kTimeMs);
    const auto safe = check_path(effects.path);
    require_or_say(safe.has_value(), [&] { return "an unsafe path: " + safe.error().message; });
    require(!effects.text.empty() && effects.text.back() == '\n', "a file that ends in no line");
    require(!effects.subject.empty() && effects.subject.find('\n') == std::string::npos &&
                utf8_length(effects.subject) <= 300,
            "a subject that is no line");
  }
}

void check_kinds(const Config& config, InputReader& input) {
  for (const KindSpec& kind : config.kinds) {
    Fields all, required;
    for (const FieldSpec& field : kind.fields) {
      all.emplace_back(field.name, value_of(field, input));
      if (field.required) required.push_back(all.back());
    }
    const std::string_view tag = input.flag() ? "0a1b2c3d" : "";
    check_intent(config, kind, all, input.text(), tag);
    check_intent(config, kind, required, "", tag);
  }
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline;
  using namespace syncline::fuzz;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string text(all.substr(0, all.find('\0')));
  const auto config = parse_config(text);
  if (!config) {
    check_error(config.error());
    return 0;
  }
  require(config->text == text && !config->kinds.empty(), "a configuration that is not its text");
  require(nlohmann::json::accept(config_json(*config)), "`config show` prints what is no JSON");
  const auto again = parse_config(config->text);
  require(again && config_json(*again) == config_json(*config), "parsed again, it is another");
  InputReader input(data + std::min(text.size() + 1, size), size - std::min(text.size() + 1, size));
  check_kinds(*config, input);
  return 0;
}
