#include "engine/adopt/adopted_intent.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/config/kind_patterns.h"
#include "engine/config/make_intent.h"
#include "engine/config/path_rules.h"
#include "engine/config/utf8.h"
#include "journal/base/try.h"
#include "journal/log/format.h"

namespace syncline {
namespace {

// Beside the texts there are names, numbers and lengths in a payload.
constexpr size_t kRoomBytes = 1u << 20;

Config without_demands(Config config) {
  for (KindSpec& kind : config.kinds) {
    for (FieldSpec& field : kind.fields) field.required = field.single_line = false;
  }
  return config;
}

// With the time of what was found in the place of the record's own.
Template at_time(const Template& text, int64_t time_ms) {
  Template made;
  Template::Pieces pieces = text.pieces();
  for (Template::Piece piece; pieces.next(piece);) {
    if (!piece.slot) {
      made.add(piece.literal);
    } else if (*piece.slot == Slot::kId || *piece.slot == Slot::kShard ||
               *piece.slot == Slot::kPath) {
      made.add(*piece.slot);
    } else {
      Template slot;
      slot.add(*piece.slot);
      made.add(render(slot, {.id = 1, .time_ms = time_ms, .path = {}}));
    }
  }
  return made;
}

void put_file(Intent& intent, const KindSpec& kind, const FoundFile* file) {
  intent.path = intent.header = intent.text = Template();
  intent.operation = Operation::kCreate;
  if (file == nullptr) return;
  intent.operation = kind.operation;
  intent.found.file = true;
  intent.path = Template::literal(file->path);
  intent.header = Template::literal(file->header);
  intent.text = Template::literal(file->text);
}

Status check_size(const Intent& intent) {
  size_t bytes = kRoomBytes + intent.text.literals().size() + intent.header.literals().size();
  for (const IntentColumn& column : intent.columns) {
    if (const auto* text = std::get_if<Template>(&column.value)) bytes += text->literals().size();
  }
  if (bytes <= kPayloadBytesMax) return {};
  return make_error(Code::kInvalid, fmt::format("it is too large: {} bytes, at most {} are allowed",
                                                bytes, kPayloadBytesMax));
}

}  // namespace

AdoptedIntents::AdoptedIntents(const Config& config, std::string store_tag)
    : lenient_(without_demands(config)), store_tag_(std::move(store_tag)) {}

Result<Intent> AdoptedIntents::make(const KindSpec& kind, const Fields& fields,
                                    const std::string& key) const {
  return make_intent(lenient_, kind.name, fields, key, store_tag_);
}

Result<Intent> AdoptedIntents::of_row(const KindSpec& kind, const FoundRow& row,
                                      const FoundFile* file, const std::string& key) const {
  if (row.has_blob) return make_error(Code::kInvalid, "a column holds bytes that are no text");
  TRY_ASSIGN(Intent intent, make(kind, fields_of_row(kind, row), key));
  for (size_t i = 0; i < row.values.size(); ++i) {
    const auto* const text = std::get_if<std::string>(&row.values[i]);
    if (text != nullptr && !is_valid_utf8(*text)) {
      return make_error(Code::kInvalid, fmt::format("column {} is not valid UTF-8",
                                                    kind.patterns->columns[i].name));
    }
    // An older table has words where the kind has numbers ("high"): a table of today's, as a replay
    // makes it, takes the number alone.
    const IntentValue& made = intent.columns[i].value;
    const bool is_number =
        std::holds_alternative<int64_t>(made) || std::holds_alternative<double>(made);
    if (text == nullptr || !is_number) intent.columns[i].value = literal_value(row.values[i]);
  }
  // Behind the kind's own, which export reads the fields from.
  for (const auto& [name, value] : row.others) {
    intent.columns.push_back({name, literal_value(value)});
  }
  intent.found.row = true;
  put_file(intent, kind, file);
  TRY(check_size(intent));
  return intent;
}

Result<Intent> AdoptedIntents::of_file(const KindSpec& kind, const FoundFields& found,
                                       const FoundFile& file, int64_t time_ms,
                                       const std::string& key) const {
  Result<Intent> made = make(kind, found.fields, key);
  if (!made) {
    // A number that the text has otherwise ("severity: bad") is left to its default.
    Fields texts;
    for (const auto& [name, value] : found.fields) {
      const auto field = std::ranges::find(kind.fields, name, &FieldSpec::name);
      if (field->type == FieldSpec::Type::kText) texts.emplace_back(name, value);
    }
    made = make(kind, texts, key);
  }
  if (!made) return made;
  Intent intent = std::move(*made);
  for (size_t i = 0; i < intent.columns.size(); ++i) {
    IntentValue& value = intent.columns[i].value;
    if (auto* text = std::get_if<Template>(&value)) *text = at_time(*text, time_ms);
    // A table may insist on what the kind requires: what nothing tells is empty there.
    const auto field = kind.patterns->columns[i].null_when_absent;
    const bool is_missing = field && kind.fields[*field].required;
    if (is_missing && std::holds_alternative<std::monostate>(value)) value = Template();
  }
  intent.subject = at_time(intent.subject, time_ms);
  put_file(intent, kind, &file);
  TRY(check_size(intent));
  return intent;
}

std::string AdoptedIntents::section_path(const KindSpec& kind, const Fields& fields) const {
  const Result<Intent> made = make(kind, fields, {});
  return made ? render(made->path, {.id = 1, .time_ms = 0, .path = {}}) : std::string();
}

}  // namespace syncline
