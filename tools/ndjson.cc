#include "tools/ndjson.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/config/near_name.h"
#include "engine/config/utf8.h"
#include "tools/fields_json.h"

namespace syncline {
namespace {

constexpr size_t kFieldsMax = 1000;

// Follows the parser through one object with one object in it, and stops it at anything else.
class RecordHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  Record record;
  std::string fault;  // why the parser was stopped; empty while all is well

  bool null() override {
    if (level_ == Level::kTop && name_ == "key") return true;
    if (level_ == Level::kFields) return true;
    return refuse_type("null");
  }
  bool boolean(bool) override { return refuse_type("true or false"); }
  bool number_integer(number_integer_t value) override { return take_number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      // A real, as the parser makes of still longer numbers: a whole-number field refuses both.
      return take_number(static_cast<double>(value));
    }
    return take_number(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return take_number(value); }

  bool string(string_t& value) override {
    if (level_ == Level::kFields) {
      record.fields.emplace_back(name_, std::move(value));
      return true;
    }
    if (level_ == Level::kTop && name_ == "kind") {
      record.kind = std::move(value);
      return true;
    }
    if (level_ == Level::kTop && name_ == "key") {
      record.key = std::move(value);
      if (record.key.empty()) return refuse("'key' is empty: leave it out, or give it a text");
      return true;
    }
    return refuse_type("a text");
  }
  bool binary(binary_t&) override { return refuse_type("binary data"); }

  bool start_object(std::size_t) override {
    if (level_ == Level::kOutside) {
      level_ = Level::kTop;
      return true;
    }
    if (level_ == Level::kTop && name_ == "fields") {
      level_ = Level::kFields;
      return true;
    }
    return refuse_type("an object");
  }
  bool end_object() override {
    level_ = level_ == Level::kFields ? Level::kTop : Level::kDone;
    return true;
  }
  bool start_array(std::size_t) override { return refuse_type("a list"); }
  bool end_array() override { return true; }

  bool key(string_t& name) override {
    name_ = std::move(name);
    if (level_ == Level::kFields) {
      if (field_names_.size() == kFieldsMax) {
        return refuse(fmt::format("there are more than {} fields", kFieldsMax));
      }
      return remember(field_names_, "field");
    }
    if (name_ != "kind" && name_ != "key" && name_ != "fields") {
      return refuse(fmt::format("unknown name {}: a record has 'kind', 'key' and 'fields'",
                                quote_for_message(name_)));
    }
    return remember(top_names_, "name");
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    if (error.id == 406) {
      return refuse(fmt::format("a number near byte {} is out of range", position));
    }
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while …"
    std::string_view what = error.what();
    const size_t colon = what.find(": ");
    if (colon != std::string_view::npos) what.remove_prefix(colon + 2);
    // What was read last may end in half a code point.
    what = what.substr(0, what.find("; last read"));
    return refuse(fmt::format("not JSON at byte {}: {}", position, what));
  }

  // What a whole object may still lack.
  std::string missing() const {
    if (!names(top_names_, "kind")) return "'kind' is missing";
    if (!names(top_names_, "fields")) return "'fields' is missing";
    return {};
  }

 private:
  enum class Level : uint8_t { kOutside, kTop, kFields, kDone };

  static bool names(const std::vector<std::string>& seen, std::string_view name) {
    return std::ranges::find(seen, name) != seen.end();
  }

  bool remember(std::vector<std::string>& seen, std::string_view what) {
    if (names(seen, name_)) {
      return refuse(fmt::format("{} {} is there twice", what, quote_for_message(name_)));
    }
    seen.push_back(name_);
    return true;
  }

  template <typename Number>
  bool take_number(Number value) {
    if (level_ != Level::kFields) return refuse_type("a number");
    record.fields.emplace_back(name_, value);
    return true;
  }

  bool refuse_type(std::string_view type) {
    switch (level_) {
      case Level::kOutside:
      case Level::kDone:
        return refuse(fmt::format("a record is an object, not {}", type));
      case Level::kTop:
        return refuse(fmt::format("'{}' must be {}, not {}", name_,
                                  name_ == "fields" ? "an object" : "a text", type));
      case Level::kFields:
        return refuse(fmt::format("field {} must be a text or a number, not {}",
                                  quote_for_message(name_), type));
    }
    return false;
  }

  bool refuse(std::string reason) {
    if (fault.empty()) fault = std::move(reason);
    return false;
  }

  Level level_ = Level::kOutside;
  std::string name_;
  std::vector<std::string> top_names_;
  std::vector<std::string> field_names_;
};

size_t first_invalid_byte(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = 1;  // of the code point here: the shortest run of bytes that is valid
    while (length <= 4 && !is_valid_utf8(text.substr(at, length))) ++length;
    if (length > 4) return at;
    at += length;
  }
  return text.size();
}

}  // namespace

Result<Record> parse_ndjson_record(std::string_view line) {
  const auto invalid = [](std::string reason) {
    return make_error(Code::kInvalid, std::move(reason));
  };
  if (line.find('\0') != std::string_view::npos) {
    return invalid(fmt::format("a NUL byte at byte {}", line.find('\0') + 1));
  }
  if (!is_valid_utf8(line)) {
    return invalid(fmt::format("invalid UTF-8 at byte {}", first_invalid_byte(line) + 1));
  }
  RecordHandler handler;
  const bool parsed = nlohmann::json::sax_parse(line.begin(), line.end(), &handler);
  if (!parsed || !handler.fault.empty()) {
    return invalid(handler.fault.empty() ? "not JSON" : handler.fault);
  }
  if (std::string lacks = handler.missing(); !lacks.empty()) return invalid(std::move(lacks));
  for (const auto& [name, value] : handler.record.fields) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->find('\0') != std::string::npos) {
      return invalid(fmt::format("field {} holds a NUL character", quote_for_message(name)));
    }
  }
  return std::move(handler.record);
}

std::string ndjson_line(const Record& record) {
  nlohmann::ordered_json line;
  line["kind"] = record.kind;
  if (!record.key.empty()) line["key"] = record.key;
  line["fields"] = fields_json(record.fields);
  return line.dump() + "\n";
}

}  // namespace syncline
