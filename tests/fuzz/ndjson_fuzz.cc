// Lines of NDJSON, read from a stream that comes in any pieces.
//
// Holds of any bytes: the lines and their numbers do not depend on the pieces, and are those that a
// plain split finds; none is longer than the limit, and of a longer one the whole runs through the
// overflow sink. A line is a record or is refused with a reason in one line of UTF-8; and against
// nlohmann's own strict parser: what it does not take is refused, and what is a record holds just
// the values that it finds.
//
//   u8 the pieces' sizes, u16 the limit; then the stream
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "engine/config/utf8.h"
#include "tests/fuzz/fuzz_target.h"
#include "tools/line_reader.h"
#include "tools/ndjson.h"

namespace syncline::fuzz {
namespace {

using Json = nlohmann::json;

struct ReadLine {
  uint64_t number = 0;
  std::string text;
  bool too_long = false;
  uint64_t bytes = 0;
  bool operator==(const ReadLine&) const = default;
};

struct ReadStream {
  std::vector<ReadLine> lines;
  std::string overflow;
};

ReadStream read_lines(std::string_view stream, size_t piece_bytes_max, size_t line_bytes_max) {
  ReadStream read;
  LineReader reader(
      [&, at = size_t{0}](MutableByteSpan buffer) mutable -> Result<size_t> {
        const size_t count = std::min({buffer.size(), piece_bytes_max, stream.size() - at});
        std::ranges::copy(as_bytes(stream.substr(at, count)), buffer.begin());
        at += count;
        return count;
      },
      line_bytes_max);
  reader.set_overflow_sink([&](std::string_view piece) -> Status {
    read.overflow += piece;
    return {};
  });
  for (;;) {
    const auto line = reader.next();
    require(line.has_value(), "reading fails without a fault");
    if (!*line) return read;
    read.lines.push_back(
        {(*line)->number, std::string((*line)->text), (*line)->too_long, (*line)->bytes});
  }
}

// The rules of tools/line_reader.h, by splitting the whole.
std::vector<ReadLine> split_lines(std::string_view stream, size_t line_bytes_max) {
  std::vector<ReadLine> lines;
  uint64_t number = 0;
  for (bool first = true; !stream.empty(); first = false) {
    const size_t newline = std::min(stream.find('\n'), stream.size());
    std::string_view text = stream.substr(0, newline);
    stream.remove_prefix(std::min(newline + 1, stream.size()));
    if (text.ends_with('\r')) text.remove_suffix(1);
    const bool too_long = text.size() > line_bytes_max;
    std::string_view shown = too_long ? text.substr(0, 1024) : text;
    uint64_t bytes = text.size();
    ++number;
    if (first && shown.starts_with("\xef\xbb\xbf")) {
      shown.remove_prefix(3);
      bytes -= 3;
    }
    if (!too_long && shown.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    lines.push_back({number, std::string(shown), too_long, bytes});
  }
  return lines;
}

// Does an object in `line` have a name twice? The strict parser keeps the last and says nothing.
bool has_repeated_name(std::string_view line) {
  std::vector<std::set<std::string>> names;
  bool repeated = false;
  const auto note = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end && !names.empty()) names.pop_back();
    if (event == Json::parse_event_t::key) {
      repeated |= !names.back().insert(value.get<std::string>()).second;
    }
    return true;
  };
  [[maybe_unused]] const Json read = Json::parse(line, note, false);
  return repeated;
}

bool same_value(const FieldValue& value, const Json& json) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return json.is_string() && json.get_ref<const std::string&>() == *text;
  }
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return json.is_number_integer() && json.get<int64_t>() == *integer &&
           (!json.is_number_unsigned() || json.get<uint64_t>() <= uint64_t{INT64_MAX});
  }
  return json.is_number() && json.get<double>() == std::get<double>(value);
}

bool is_scalar(const Json& value) {
  return value.is_null() || value.is_string() || value.is_number();
}

// Should this be a record? Said of the parsed whole, where the reader under test never has one.
bool should_be_record(std::string_view line, const Json& json) {
  if (line.find('\0') != std::string_view::npos || has_repeated_name(line)) return false;
  if (!json.is_object() || !json.contains("kind") || !json["kind"].is_string()) return false;
  if (!json.contains("fields") || !json["fields"].is_object()) return false;
  if (json["fields"].size() > 1000) return false;
  for (const auto& [name, value] : json.items()) {
    if (name != "kind" && name != "key" && name != "fields") return false;
    if (name == "key" && !value.is_null() && !(value.is_string() && value != "")) return false;
  }
  return std::ranges::all_of(json["fields"], [](const Json& value) {
    return is_scalar(value) && !(value.is_string() && value.get_ref<const std::string&>().find(
                                                          '\0') != std::string::npos);
  });
}

void check_record(std::string_view line) {
  const auto record = parse_ndjson_record(line);
  const Json json = Json::parse(line, nullptr, false);
  const bool expected = !json.is_discarded() && should_be_record(line, json);
  if (!record) {
    const Error& error = record.error();
    require(error.code == Code::kInvalid && !error.message.empty() &&
                is_valid_utf8(error.message) && error.message.find('\n') == std::string::npos,
            "a refusal that is no line of text");
    require_or_say(!expected, [&] { return "a record is refused: " + error.message; });
    return;
  }
  require(expected, "a line that is no record is taken");
  require(record->kind == json["kind"].get<std::string>(), "another kind");
  require(record->key == (json.contains("key") && json["key"].is_string()
                              ? json["key"].get<std::string>()
                              : std::string()),
          "another key");
  size_t present = 0;
  for (const Json& value : json["fields"]) present += value.is_null() ? 0 : 1;
  require(record->fields.size() == present, "a field more or less");
  for (const auto& [name, value] : record->fields) {
    require(json["fields"].contains(name) && same_value(value, json["fields"][name]),
            "a field with another value");
  }
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline;
  using namespace syncline::fuzz;
  InputReader input(data, size);
  const size_t piece_bytes_max = size_t{input.u8()} + 1;
  const size_t line_bytes_max = 1024 + input.u16() % 3072;
  const ByteSpan rest = input.rest();
  const std::string_view stream = as_text(rest);

  const ReadStream whole = read_lines(stream, SIZE_MAX, line_bytes_max);
  const ReadStream pieces = read_lines(stream, piece_bytes_max, line_bytes_max);
  require(whole.lines == pieces.lines && whole.overflow == pieces.overflow,
          "the lines depend on how the stream came");
  require(whole.lines == split_lines(stream, line_bytes_max), "other lines than a split finds");
  for (const ReadLine& line : whole.lines) {
    require(line.text.size() <= line_bytes_max, "a line longer than the limit");
    if (!line.too_long) check_record(line.text);
  }
  return 0;
}
