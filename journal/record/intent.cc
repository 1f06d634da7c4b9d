#include "journal/record/intent.h"

#include <algorithm>
#include <cmath>

#include "journal/base/ascii.h"
#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/record/payload.h"

namespace syncline {
namespace {

constexpr std::string_view kPayloadName = "intent";
constexpr uint8_t kXxh3Version = 1;
constexpr uint8_t kPlainVersion = 2;
constexpr uint8_t kFoundVersion = 3;
constexpr uint8_t kRowFound = 1, kFileFound = 2;  // bits of a flags byte
constexpr uint8_t kLiteralTag = 0;

enum class ValueTag : uint8_t { kNull = 0, kInteger = 1, kReal = 2, kText = 3 };

constexpr bool known_slot(uint8_t tag) {
  return tag >= static_cast<uint8_t>(Slot::kId) && tag <= static_cast<uint8_t>(Slot::kTimeSeconds);
}

// The most bytes a path can render to, whatever its record's id and time.
size_t path_bytes_max(const Template& path) {
  return path.literals().size() + path.slot_count() * kSlotBytesMax;
}

// SQLite knows its columns without regard to ASCII case.
bool same_column(std::string_view one, std::string_view other) {
  return equal_but_for_case(one, other);
}

bool has_line_break(const Template& text) {
  return text.literals().find_first_of("\n\r") != std::string_view::npos;
}

// What must hold of an intent besides its shape. Encoding asserts it, so that nothing is journalled
// that could not be read back; empty where all holds.
std::string_view fault_of(const Intent& intent) {
  if (intent.path.uses(Slot::kPath)) return "its path names itself";
  if (path_bytes_max(intent.path) > kIntentPathBytesMax) return "its path is too long";
  if (has_line_break(intent.subject)) return "its subject is more than one line";
  const bool has_id_column = std::ranges::any_of(intent.columns, [&](const IntentColumn& column) {
    return same_column(column.name, intent.id_column);
  });
  if (has_id_column) return "the id column is among its columns";
  return {};
}

std::string_view fault_of_retraction(const Intent& intent) {
  const RetractedRecord& retracted = *intent.retracted;
  if (retracted.seq == 0) return "it retracts record 0";
  if (retracted.operation != Operation::kCreate && retracted.operation != Operation::kAppend) {
    return "it retracts what made no row";
  }
  bool has_slots = false;
  for (const Template* text : {&intent.path, &intent.header, &intent.text}) {
    has_slots |= text->slot_count() != 0;
  }
  for (const IntentColumn& column : intent.columns) {
    const auto* const text = std::get_if<Template>(&column.value);
    has_slots |= text != nullptr && text->slot_count() != 0;
  }
  return has_slots ? "a retraction has slots" : std::string_view();
}

class IntentWriter {
 public:
  explicit IntentWriter(ByteVector& out) : writer_(out) {}

  void write(const Intent& intent) {
    SYNCLINE_ASSERT(fault_of(intent).empty());
    SYNCLINE_ASSERT(intent.columns.size() <= kIntentColumnsMax);
    const bool is_old = std::holds_alternative<Xxh3Hash>(intent.content_hash);
    const bool has_hash = !std::holds_alternative<std::monostate>(intent.content_hash);
    SYNCLINE_ASSERT(is_old || has_hash == !intent.key.empty());
    SYNCLINE_ASSERT(!is_old || !intent.found.any());
    if (intent.found.any()) {
      writer_.u8(kFoundVersion);
      writer_.u8(static_cast<uint8_t>((intent.found.row ? kRowFound : 0) |
                                      (intent.found.file ? kFileFound : 0)));
    } else {
      writer_.u8(is_old ? kXxh3Version : kPlainVersion);
    }
    writer_.string(intent.kind);
    writer_.string(intent.key);
    writer_.raw(content_hash_bytes(intent.content_hash));
    writer_.string(intent.table);
    writer_.string(intent.id_column);
    writer_.u32(static_cast<uint32_t>(intent.columns.size()));
    for (const IntentColumn& column : intent.columns) {
      writer_.string(column.name);
      write(column.value);
    }
    write(intent.path);
    write(intent.header);
    write(intent.text);
    write(intent.subject);
    SYNCLINE_ASSERT(pieces_ <= kIntentPiecesMax);
    const bool retracts = intent.operation == Operation::kRetract;
    SYNCLINE_ASSERT(retracts == intent.retracted.has_value());
    if (!retracts) return;
    SYNCLINE_ASSERT(fault_of_retraction(intent).empty());
    writer_.u64(intent.retracted->seq);
    writer_.u8(static_cast<uint8_t>(intent.retracted->operation));
    writer_.u64(intent.retracted->file_id);
  }

 private:
  void tag(ValueTag value_tag) { writer_.u8(static_cast<uint8_t>(value_tag)); }

  void write(const IntentValue& value) {
    if (const auto* const integer = std::get_if<int64_t>(&value)) {
      tag(ValueTag::kInteger);
      writer_.i64(*integer);
    } else if (const auto* const real = std::get_if<double>(&value); real && !std::isnan(*real)) {
      tag(ValueTag::kReal);
      writer_.f64(*real);
    } else if (const auto* const text = std::get_if<Template>(&value)) {
      tag(ValueTag::kText);
      write(*text);
    } else {
      // NULL, and not-a-number, which SQLite stores as NULL.
      tag(ValueTag::kNull);
    }
  }

  void write(const Template& text) {
    const size_t count = text.piece_count();
    pieces_ += count;
    writer_.u32(static_cast<uint32_t>(count));
    Template::Pieces pieces = text.pieces();
    for (Template::Piece piece; pieces.next(piece);) {
      if (piece.slot) {
        writer_.u8(static_cast<uint8_t>(*piece.slot));
      } else {
        writer_.u8(kLiteralTag);
        writer_.string(piece.literal);
      }
    }
  }

  ByteWriter writer_;
  size_t pieces_ = 0;
};

// Latches the first fault met; from then on it reads nothing more.
class IntentReader {
 public:
  explicit IntentReader(ByteReader& reader) : reader_(reader) {}

  void read(Intent& intent, uint8_t version) {
    if (version == kFoundVersion) read_flags(intent.found);
    intent.kind = reader_.string();
    intent.key = reader_.string();
    if (version == kXxh3Version) {
      read_hash(intent.content_hash.emplace<Xxh3Hash>());
    } else if (!intent.key.empty()) {
      read_hash(intent.content_hash.emplace<Sha256Hash>());
    }
    intent.table = reader_.string();
    intent.id_column = reader_.string();
    read(intent.columns);
    read(intent.path);
    read(intent.header);
    read(intent.text);
    read(intent.subject);
    if (intent.operation == Operation::kRetract) {
      RetractedRecord& retracted = intent.retracted.emplace();
      retracted.seq = reader_.u64();
      retracted.operation = static_cast<Operation>(reader_.u8());
      retracted.file_id = reader_.u64();
    }
    if (!reader_.ok()) {
      fail("it ends too early");
    } else if (!reader_.finished()) {
      fail("bytes follow its end");
    } else {
      fail(fault_of(intent));
      if (intent.retracted) fail(fault_of_retraction(intent));
    }
  }

  // Empty while all is well.
  std::string_view fault() const { return fault_; }

 private:
  bool going() const { return fault_.empty() && reader_.ok(); }
  void fail(std::string_view what) {
    if (fault_.empty()) fault_ = what;
  }

  void read_flags(FoundInPlace& found) {
    const uint8_t flags = reader_.u8();
    found = {.row = (flags & kRowFound) != 0, .file = (flags & kFileFound) != 0};
    // Without any it would be a payload of version 2.
    if (reader_.ok() && (flags == 0 || flags > (kRowFound | kFileFound))) {
      fail("its flags are unknown");
    }
  }

  void read_hash(MutableByteSpan into) {
    const ByteSpan hash = reader_.raw(into.size());
    if (reader_.ok()) std::memcpy(into.data(), hash.data(), hash.size());
  }

  void read(std::vector<IntentColumn>& columns) {
    const uint32_t count = reader_.u32();
    if (count > kIntentColumnsMax) fail("it has too many columns");
    for (uint32_t i = 0; i < count && going(); ++i) {
      IntentColumn& column = columns.emplace_back();
      column.name = reader_.string();
      read(column.value);
    }
  }

  void read(IntentValue& value) {
    switch (static_cast<ValueTag>(reader_.u8())) {
      case ValueTag::kNull:
        value = std::monostate{};
        return;
      case ValueTag::kInteger:
        value = reader_.i64();
        return;
      case ValueTag::kReal: {
        const double real = reader_.f64();
        if (std::isnan(real)) fail("a real value is not a number");
        value = real;
        return;
      }
      case ValueTag::kText:
        read(value.emplace<Template>());
        return;
    }
    fail("a value has an unknown type");
  }

  // One template has one encoding: no empty literals, none beside another.
  void read(Template& text) {
    const uint32_t count = reader_.u32();
    if (going() && count > kIntentPiecesMax - pieces_) fail("its templates have too many pieces");
    bool after_literal = false;
    for (uint32_t i = 0; i < count && going(); ++i) {
      ++pieces_;
      const uint8_t tag = reader_.u8();
      if (!reader_.ok()) return;
      if (tag == kLiteralTag) {
        const std::string_view literal = reader_.string();
        if (literal.empty() && reader_.ok()) fail("a literal is empty");
        if (after_literal) fail("a literal follows a literal");
        text.add(literal);
      } else if (known_slot(tag)) {
        text.add(static_cast<Slot>(tag));
      } else {
        fail("a template has an unknown slot");
      }
      after_literal = tag == kLiteralTag;
    }
  }

  ByteReader& reader_;
  std::string_view fault_;
  size_t pieces_ = 0;
};

Value render_value(const IntentValue& value, const SlotValues& slots) {
  if (const auto* const integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* const real = std::get_if<double>(&value)) return *real;
  if (const auto* const text = std::get_if<Template>(&value)) return render(*text, slots);
  return std::monostate{};
}

// Each piece has a tag, and each literal, of which there is one more than slots at most, a length.
size_t estimated_bytes(const Template& text) {
  return 16 + text.literals().size() + 6 * text.slot_count();
}

}  // namespace

IntentValue literal_value(const Value& value) {
  if (const auto* const integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* const real = std::get_if<double>(&value)) return *real;
  if (const auto* const text = std::get_if<std::string>(&value)) return Template::literal(*text);
  return std::monostate{};
}

std::optional<size_t> path_column(const Intent& intent) {
  if (!intent.path.uses(Slot::kId)) return std::nullopt;
  for (size_t i = 0; i < intent.columns.size(); ++i) {
    const auto* text = std::get_if<Template>(&intent.columns[i].value);
    if (text != nullptr && text->is_only(Slot::kPath)) return i;
  }
  return std::nullopt;
}

bool same_effects(const Intent& one, const Intent& other) {
  return one.operation == other.operation && one.kind == other.kind && one.table == other.table &&
         one.id_column == other.id_column && one.columns == other.columns &&
         one.path == other.path && one.text == other.text && one.found == other.found;
}

ByteVector encode_intent(const Intent& intent) {
  size_t bytes = 128 + intent.kind.size() + intent.key.size() + estimated_bytes(intent.path) +
                 estimated_bytes(intent.header) + estimated_bytes(intent.text) +
                 estimated_bytes(intent.subject);
  for (const IntentColumn& column : intent.columns) {
    bytes += 16 + column.name.size();
    if (const auto* const text = std::get_if<Template>(&column.value)) {
      bytes += estimated_bytes(*text);
    }
  }
  ByteVector payload;
  payload.reserve(bytes);
  IntentWriter(payload).write(intent);
  return payload;
}

Result<Intent> decode_intent(Operation operation, ByteSpan payload) {
  if (operation != Operation::kCreate && operation != Operation::kAppend &&
      operation != Operation::kRetract) {
    return make_error(Code::kUnsupported,
                      "a record of an operation that this program does not know",
                      "use a newer syncline");
  }
  ByteReader reader(payload);
  TRY_ASSIGN(const uint8_t version, take_payload_version(reader, kFoundVersion, kPayloadName));
  Intent intent;
  intent.operation = operation;
  IntentReader intent_reader(reader);
  intent_reader.read(intent, version);
  if (!intent_reader.fault().empty()) return payload_error(kPayloadName, intent_reader.fault());
  return intent;
}

Effects render_effects(const Intent& intent, uint64_t seq, EffectIds ids, int64_t time_ms) {
  Effects effects;
  effects.seq = seq;
  effects.operation = intent.operation;
  effects.id = ids.row;
  effects.time_ms = time_ms;
  effects.found = intent.found;
  effects.kind = intent.kind;
  effects.retracted = intent.retracted;
  effects.table = intent.table;
  effects.id_column = intent.id_column;
  SlotValues slots{.id = ids.file, .time_ms = time_ms, .path = {}};
  effects.path = render(intent.path, slots);
  slots.path = effects.path;
  effects.header = render(intent.header, slots);
  effects.text = render(intent.text, slots);
  effects.subject = render(intent.subject, slots);
  slots.id = ids.row;
  effects.columns.reserve(intent.columns.size());
  for (const IntentColumn& column : intent.columns) {
    effects.columns.emplace_back(column.name, render_value(column.value, slots));
  }
  return effects;
}

}  // namespace syncline
