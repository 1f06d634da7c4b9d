#include "engine/config/make_intent.h"

// Record → intent: checks what the user gave, and decides every effect but id and time.
//
// Pure: no clock, no file, no database. Several threads may call it for one Config at the same
// time.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/config/kind_patterns.h"
#include "engine/config/near_name.h"
#include "engine/config/path_rules.h"
#include "engine/config/utf8.h"
#include "journal/base/ascii.h"
#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/log/format.h"
#include "sync/git/sha256.h"

namespace syncline {
namespace {

constexpr size_t kKeyBytesMax = 500;
constexpr size_t kStoreTagBytesMax = 16;
// Room in a payload for names, numbers and lengths beside the texts.
constexpr size_t kPayloadOverheadBytes = 1u << 20;
// Doubles hold every integer up to here; a larger real cannot be told from its neighbours.
constexpr double kExactIntegerMax = 9007199254740992.0;

// A field of the record, normalised by its type. std::monostate: the record does not have it.
using FieldState = std::variant<std::monostate, int64_t, double, std::string_view>;

Error invalid(std::string message, std::string hint = {}) {
  return make_error(Code::kInvalid, std::move(message), std::move(hint));
}

Error field_error(const FieldSpec& field, std::string_view what, std::string hint = {}) {
  return invalid(fmt::format("field '{}' {}", field.name, what), std::move(hint));
}

// The offset of the first control character or line break; npos when there is none. Tabs pass as
// spaces.
size_t find_line_breaker(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return i;
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) return i;  // C1
    if (byte == 0xe2 && (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029")) return i;
  }
  return std::string_view::npos;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

Status check_text(const FieldSpec& field, std::string_view text) {
  if (!is_valid_utf8(text)) {
    return field_error(field, "is not valid UTF-8", "convert it first, for example with iconv");
  }
  if (text.find('\0') != std::string_view::npos) return field_error(field, "holds a NUL character");
  if (field.single_line) {
    if (const size_t at = find_line_breaker(text); at != std::string_view::npos) {
      const bool newline = text[at] == '\n' || text[at] == '\r';
      return field_error(field,
                         fmt::format("must be a single line, and has a {} at byte {}",
                                     newline ? "line break" : "control character", at + 1),
                         "put longer text into another field");
    }
  }
  // A text has no more code points than bytes, so most texts need no count.
  if (text.size() > field.length_max) {
    if (const size_t length = utf8_length(text); length > field.length_max) {
      return field_error(field, fmt::format("is too long: {} characters, at most {} are allowed",
                                            length, field.length_max));
    }
  }
  return {};
}

std::string_view type_name(const FieldSpec& field) {
  switch (field.type) {
    case FieldSpec::Type::kText:
      return "text";
    case FieldSpec::Type::kInteger:
      return "a whole number";
    case FieldSpec::Type::kReal:
      return "a number";
  }
  return "text";
}

std::string words_hint(const FieldSpec& field) {
  if (field.words.empty()) return {};
  std::vector<std::string> words;
  for (const auto& [word, value] : field.words)
    words.push_back(fmt::format("{} ({})", word, value));
  return fmt::format("words it knows: {}", fmt::join(words, ", "));
}

Status check_range(const FieldSpec& field, double value) {
  if (field.minimum < field.maximum && !(value >= field.minimum && value <= field.maximum)) {
    return field_error(
        field,
        fmt::format("is {}, which is not from {} to {}", value, field.minimum, field.maximum),
        words_hint(field));
  }
  return {};
}

Result<FieldState> integer_state(const FieldSpec& field, int64_t value) {
  TRY(check_range(field, static_cast<double>(value)));
  return FieldState(value);
}

Result<FieldState> real_state(const FieldSpec& field, double value) {
  if (!std::isfinite(value)) return field_error(field, "is not a finite number");
  if (value == 0) value = 0;  // no negative zero: equal numbers are equal content
  if (field.type == FieldSpec::Type::kReal) {
    TRY(check_range(field, value));
    return FieldState(value);
  }
  if (std::trunc(value) != value) {
    return field_error(field, fmt::format("must be a whole number, not {}", value),
                       words_hint(field));
  }
  if (std::abs(value) > kExactIntegerMax) return field_error(field, "is out of range");
  return integer_state(field, static_cast<int64_t>(value));
}

// A number given as text: one of the field's words, or digits and nothing else.
Result<FieldState> number_from_text(const FieldSpec& field, std::string_view text) {
  if (const auto word = field.words.find(ascii_lowered(text)); word != field.words.end()) {
    return real_state(field, word->second);
  }
  const char* const end = text.data() + text.size();
  if (field.type == FieldSpec::Type::kInteger) {
    int64_t value = 0;
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc::result_out_of_range && at == end) {
      return field_error(field, "is out of range");
    }
    if (error == std::errc{} && at == end) return integer_state(field, value);
  }
  double value = 0;
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range && at == end) {
    return field_error(field, "is out of range");
  }
  if (error == std::errc{} && at == end) return real_state(field, value);
  return field_error(field,
                     fmt::format("must be {}, not {}", type_name(field), quote_for_message(text)),
                     words_hint(field));
}

// The value's state; an empty text is the same as no field at all.
Result<FieldState> normalise(const FieldSpec& field, const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    TRY(check_text(field, *text));
    if (text->empty()) return FieldState();
    if (field.type == FieldSpec::Type::kText) return FieldState(std::string_view(*text));
    return number_from_text(field, *text);
  }
  if (field.type == FieldSpec::Type::kText) {
    return field_error(field, "must be text, not a number", "put it in quotes");
  }
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    if (field.type == FieldSpec::Type::kInteger) return integer_state(field, *integer);
    return real_state(field, static_cast<double>(*integer));
  }
  return real_state(field, std::get<double>(value));
}

FieldState default_state(const FieldSpec& field) {
  if (const auto* integer = std::get_if<int64_t>(&field.default_value)) return *integer;
  if (const auto* real = std::get_if<double>(&field.default_value)) return *real;
  if (const auto* text = std::get_if<std::string>(&field.default_value)) {
    return std::string_view(*text);
  }
  return {};
}

bool is_absent(const FieldState& state) {
  return std::holds_alternative<std::monostate>(state);
}

// The states of the kind's fields as the user gave them, without defaults.
Result<std::vector<FieldState>> read_fields(const KindSpec& kind, const Fields& fields) {
  std::vector<FieldState> states(kind.fields.size());
  std::vector<bool> given(kind.fields.size());
  for (const auto& [name, value] : fields) {
    const auto found = std::ranges::find(kind.fields, name, &FieldSpec::name);
    if (found == kind.fields.end()) {
      std::vector<std::string> names;
      for (const FieldSpec& field : kind.fields) names.push_back(field.name);
      return invalid(fmt::format("kind '{}' has no field {}", kind.name, quote_for_message(name)),
                     near_name_hint(name, names));
    }
    const auto index = static_cast<size_t>(found - kind.fields.begin());
    if (given[index]) return field_error(*found, "is given twice");
    given[index] = true;
    TRY_ASSIGN(states[index], normalise(*found, value));
  }
  for (size_t i = 0; i < states.size(); ++i) {
    const FieldSpec& field = kind.fields[i];
    if (!field.required) continue;
    const auto* text = std::get_if<std::string_view>(&states[i]);
    if (is_absent(states[i]) || (text != nullptr && is_blank(*text))) {
      return field_error(field, given[i] ? "is empty, and required" : "is missing, and required",
                         fmt::format("kind '{}' needs it", kind.name));
    }
  }
  return states;
}

// The kind and the given fields, sorted by name and normalised by type, so that the order of fields
// and the spelling of numbers make no difference. Defaults are left out, so that a changed default
// does not turn a retry into a conflict. Its hash is journalled (journal/FORMAT-payloads.md).
ByteVector content_bytes(const KindSpec& kind, const std::vector<FieldState>& states) {
  ByteVector bytes;
  size_t size_bytes = 4 + kind.name.size();
  for (size_t i = 0; i < states.size(); ++i) {
    const auto* const text = std::get_if<std::string_view>(&states[i]);
    size_bytes += 16 + kind.fields[i].name.size() + (text != nullptr ? text->size() : 0);
  }
  bytes.reserve(size_bytes);
  ByteWriter writer(bytes);
  writer.string(kind.name);
  for (const uint32_t i : kind.patterns->fields_by_name) {
    if (is_absent(states[i])) continue;
    writer.string(kind.fields[i].name);
    writer.u8(static_cast<uint8_t>(states[i].index()));
    if (const auto* integer = std::get_if<int64_t>(&states[i])) writer.i64(*integer);
    if (const auto* real = std::get_if<double>(&states[i])) writer.f64(*real);
    if (const auto* text = std::get_if<std::string_view>(&states[i])) writer.string(*text);
  }
  return bytes;
}

Xxh3Hash hash_xxh3(ByteSpan bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Xxh3Hash hash;
  static_assert(sizeof hash == sizeof canonical);
  std::memcpy(hash.data(), &canonical, sizeof hash);
  return hash;
}

Status check_key(std::string_view key) {
  if (key.size() > kKeyBytesMax) {
    return invalid(fmt::format("the key is too long: {} bytes, at most {} are allowed", key.size(),
                               kKeyBytesMax));
  }
  if (!is_valid_utf8(key)) return invalid("the key is not valid UTF-8");
  if (find_line_breaker(key) != std::string_view::npos ||
      key.find('\t') != std::string_view::npos) {
    return invalid("the key holds a control character");
  }
  if (find_bidi_control(key) != std::string_view::npos) {
    return invalid("the key holds a character that changes the direction of text");
  }
  return {};
}

// Fits the subject into one line of kSubjectLengthMax code points, counting slots at their widest.
Template subject_line(const Template& expanded) {
  const size_t slots_width = 24 * expanded.slot_count();  // {time}; ids are 20 at most
  size_t budget = slots_width < kSubjectLengthMax ? kSubjectLengthMax - slots_width : 0;
  Template subject;
  Template::Pieces pieces = expanded.pieces();
  size_t left = expanded.piece_count();
  bool first = true;
  for (Template::Piece piece; pieces.next(piece); first = false) {
    const bool last = --left == 0;
    if (piece.slot) {
      subject.add(*piece.slot);
    } else if (budget > 0) {
      const std::string_view text = piece.literal;
      std::string line = to_one_line(text);
      // Spaces at the ends of a literal separate it from a slot, so they stay.
      if (text.ends_with(' ') && !last) line += ' ';
      if (text.starts_with(' ') && !first && line != " ") line.insert(0, " ");
      line = limit_length(line, budget);
      budget -= std::min(budget, utf8_length(line));
      subject.add(line);
    }
  }
  return subject;
}

void end_with_newline(Template& text) {
  if (!text.empty() && !text.ends_with('\n')) text.add("\n");
}

Status check_payload_size(const Intent& intent) {
  size_t bytes =
      kPayloadOverheadBytes + intent.header.literals().size() + intent.text.literals().size();
  for (const IntentColumn& column : intent.columns) {
    if (const auto* text = std::get_if<Template>(&column.value)) bytes += text->literals().size();
  }
  if (bytes <= kPayloadBytesMax) return {};
  return invalid(
      fmt::format("the record is too large: its row and file take {} bytes, at most {} "
                  "are allowed",
                  bytes, kPayloadBytesMax));
}

// No record may be written to the store's own files.
Status check_record_path(const Config& config, const Template& path) {
  // Checking id 1 checks them all: com1 and git~1 are refused as com2 and git~2 would be.
  const std::string sample = render(path, {.id = 1, .time_ms = 0, .path = {}});
  TRY(check_path(sample));
  const std::string name = ascii_lowered(sample);
  const std::string database = ascii_lowered(config.database);
  if (name == "syncline.toml" || name == database || name == database + "-wal" ||
      name == database + "-shm" || name == database + "-journal") {
    return make_error(Code::kUnsafePath,
                      fmt::format("path '{}' is a file of the store itself", sample));
  }
  return {};
}

bool is_store_tag(std::string_view tag) {
  return tag.size() <= kStoreTagBytesMax && std::ranges::all_of(tag, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

}  // namespace

Result<Intent> make_intent(const Config& config, std::string_view kind_name, const Fields& fields,
                           std::string_view key, std::string_view store_tag, Xxh3Hash* xxh3) {
  const KindSpec* kind = config.find_kind(kind_name);
  if (kind == nullptr) {
    std::vector<std::string> names;
    for (const KindSpec& known : config.kinds) names.push_back(known.name);
    return invalid(fmt::format("there is no kind {} here", quote_for_message(kind_name)),
                   near_name_hint(kind_name, names));
  }
  SYNCLINE_ASSERT(kind->patterns != nullptr);
  SYNCLINE_ASSERT(is_store_tag(store_tag));
  const KindPatterns& patterns = *kind->patterns;
  TRY(check_key(key));
  TRY_ASSIGN(std::vector<FieldState> states, read_fields(*kind, fields));

  Intent intent;
  intent.operation = kind->operation;
  intent.kind = kind->name;
  intent.key = key;
  if (!key.empty()) {
    const ByteVector content = content_bytes(*kind, states);
    intent.content_hash = sha256(content);
    if (xxh3 != nullptr) *xxh3 = hash_xxh3(content);
  }
  intent.table = kind->table;
  intent.id_column = kind->id_column;

  std::vector<std::string> numbers(states.size());  // owns the text of numbers
  std::vector<std::string_view> texts(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    if (is_absent(states[i])) states[i] = default_state(kind->fields[i]);
    if (const auto* integer = std::get_if<int64_t>(&states[i])) {
      numbers[i] = fmt::format("{}", *integer);
    } else if (const auto* real = std::get_if<double>(&states[i])) {
      numbers[i] = fmt::format("{}", *real);
    }
    const auto* text = std::get_if<std::string_view>(&states[i]);
    texts[i] = text != nullptr ? *text : std::string_view(numbers[i]);
  }

  const auto expand = [&](const Pattern& pattern) {
    return pattern.expand(texts, kind->fields, store_tag);
  };
  intent.columns.reserve(patterns.columns.size());
  for (const ColumnPattern& column : patterns.columns) {
    IntentValue value;
    if (column.typed_field) {
      const FieldState& state = states[*column.typed_field];
      if (const auto* integer = std::get_if<int64_t>(&state)) value = *integer;
      if (const auto* real = std::get_if<double>(&state)) value = *real;
    } else if (!column.null_when_absent || !is_absent(states[*column.null_when_absent])) {
      value = expand(column.pattern);
    }
    intent.columns.push_back({column.name, std::move(value)});
  }
  intent.path = expand(patterns.path);
  TRY(check_record_path(config, intent.path));
  intent.header = expand(patterns.header);
  end_with_newline(intent.header);
  intent.text = expand(patterns.text);
  end_with_newline(intent.text);
  intent.subject = subject_line(expand(patterns.subject));
  if (intent.subject.empty()) intent.subject.add(kind->name);
  TRY(check_payload_size(intent));
  return intent;
}

Result<ContentHashes> content_hashes(const KindSpec& kind, const Fields& fields) {
  KindSpec unlimited = kind;
  for (FieldSpec& field : unlimited.fields) {
    field.required = field.single_line = false;
    field.length_max = std::numeric_limits<uint64_t>::max();
    field.minimum = field.maximum = 0;
  }
  TRY_ASSIGN(const std::vector<FieldState> states, read_fields(unlimited, fields));
  const ByteVector content = content_bytes(unlimited, states);
  return ContentHashes{.hash = sha256(content), .xxh3 = hash_xxh3(content)};
}

}  // namespace syncline
