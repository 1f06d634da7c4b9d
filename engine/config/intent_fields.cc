#include "engine/config/intent_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/config/kind_patterns.h"
#include "engine/config/make_intent.h"
#include "engine/config/told_fields.h"
#include "journal/record/again_key.h"

namespace syncline {
namespace {

// A field as the effects have it: not there, or a value.
using Known = std::optional<FieldValue>;

// So many fields with a default, or that no column tells, are tried in all combinations.
constexpr size_t kDoubtfulMax = 6;
// Stands for a field that is looked for. One line, and nothing that a filter would change.
constexpr std::string_view kHole = "zq7holefhqk3x9";

// The text of a template, with each slot as two bytes that no text holds.
std::string flatten(const Template& text) {
  std::string flat;
  Template::Pieces pieces = text.pieces();
  for (Template::Piece piece; pieces.next(piece);) {
    if (piece.slot) {
      flat += '\0';
      flat += static_cast<char>(*piece.slot);
    } else {
      flat += piece.literal;
    }
  }
  return flat;
}

std::string text_of(const FieldValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  return std::get<std::string>(value);
}

bool is_default(const FieldSpec& field, const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&field.default_value)) {
    const auto* const given = std::get_if<std::string>(&value);
    return given != nullptr && *given == *text;
  }
  if (const auto* integer = std::get_if<int64_t>(&field.default_value)) {
    return value == FieldValue(*integer);
  }
  if (const auto* real = std::get_if<double>(&field.default_value)) {
    return value == FieldValue(*real);
  }
  return false;
}

// Takes back what the filter `nest` does.
std::string without_nesting(std::string_view text) {
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool line_begins = at == 0 || text[at - 1] == '\n';
    if (line_begins && text.substr(at).starts_with("\\#")) continue;
    plain += text[at];
  }
  return plain;
}

std::optional<Fields> fields_found_in_place(const KindSpec& kind, const Intent& intent) {
  const std::vector<ColumnPattern>& columns = kind.patterns->columns;
  // Behind them may stand what hooks had kept in the row (engine/adopt).
  if (columns.size() > intent.columns.size()) return std::nullopt;
  std::vector<Value> values;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name != intent.columns[i].name) return std::nullopt;
    const IntentValue& value = intent.columns[i].value;
    Value& told = values.emplace_back();
    if (const auto* integer = std::get_if<int64_t>(&value)) told = *integer;
    if (const auto* real = std::get_if<double>(&value)) told = *real;
    if (const auto* text = std::get_if<Template>(&value)) told = std::string(text->literals());
  }
  return fields_of_columns(kind, values, intent.text.literals());
}

class Search {
 public:
  Search(const Config& config, const KindSpec& kind, const Intent& intent,
         std::span<const std::string_view> store_tags)
      : config_(config),
        kind_(kind),
        intent_(intent),
        store_tags_(store_tags),
        known_(kind.fields.size()),
        told_(kind.fields.size()) {}

  std::optional<Fields> run() {
    if (!read_columns()) return std::nullopt;
    std::vector<uint32_t> untold;
    for (uint32_t i = 0; i < told_.size(); ++i) {
      if (!told_[i]) untold.push_back(i);
    }
    // Without any of them, then with one.
    if (auto found = prove()) return found;
    for (const uint32_t field : untold) {
      for (std::string& text : read_text(field)) {
        known_[field] = FieldValue(std::move(text));
        if (auto found = prove()) return found;
      }
      known_[field].reset();
    }
    return std::nullopt;
  }

 private:
  // False where the intent has other columns than its kind: another configuration made it.
  bool read_columns() {
    const std::vector<ColumnPattern>& patterns = kind_.patterns->columns;
    if (patterns.size() != intent_.columns.size()) return false;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (patterns[i].name != intent_.columns[i].name) return false;
      read_column(patterns[i], intent_.columns[i].value);
    }
    return true;
  }

  void read_column(const ColumnPattern& column, const IntentValue& value) {
    const std::optional<uint32_t> bare = column.pattern.single_field(/*bare=*/true);
    const std::optional<uint32_t> whole = column.typed_field ? column.typed_field : bare;
    if (std::holds_alternative<std::monostate>(value)) {
      if (const auto absent = whole ? whole : column.null_when_absent) told_[*absent] = true;
      return;
    }
    if (!whole || told_[*whole]) return;
    if (const auto* integer = std::get_if<int64_t>(&value)) known_[*whole] = *integer;
    if (const auto* real = std::get_if<double>(&value)) known_[*whole] = *real;
    if (const auto* text = std::get_if<Template>(&value)) {
      if (text->slot_count() != 0) return;
      if (!text->empty()) known_[*whole] = FieldValue(std::string(text->literals()));
    }
    told_[*whole] = true;
  }

  // What `field` may be by the file's text, if all others are as they are known.
  std::vector<std::string> read_text(uint32_t field) const {
    std::vector<std::string> texts(known_.size());
    std::vector<std::string_view> views(known_.size());
    for (size_t i = 0; i < known_.size(); ++i) {
      if (known_[i]) texts[i] = text_of(*known_[i]);
      views[i] = texts[i];
    }
    views[field] = kHole;
    std::vector<std::string> candidates;
    for (const std::string_view tag : store_tags_) {
      Template expanded = kind_.patterns->text.expand(views, kind_.fields, tag);
      if (!expanded.empty() && !expanded.ends_with('\n')) expanded.add("\n");
      const std::string model = flatten(expanded), made = flatten(intent_.text);
      size_t holes = 0;
      for (size_t at = model.find(kHole); at != std::string::npos;
           at = model.find(kHole, at + kHole.size())) {
        ++holes;
      }
      const size_t fixed_bytes = model.size() - holes * kHole.size();
      if (holes == 0 || made.size() < fixed_bytes || (made.size() - fixed_bytes) % holes != 0) {
        continue;
      }
      std::string text = made.substr(model.find(kHole), (made.size() - fixed_bytes) / holes);
      std::string plain = without_nesting(text);
      // Its own line end may be the one that the text would have got anyway.
      if (made.ends_with(text + "\n")) candidates.push_back(text + "\n");
      if (plain != text) candidates.push_back(std::move(plain));
      candidates.insert(candidates.begin(), std::move(text));
    }
    return candidates;
  }

  // The known fields, where they make the intent again.
  std::optional<Fields> prove() const {
    std::vector<size_t> doubtful;  // equal to their default: given, or left out
    for (size_t i = 0; i < known_.size(); ++i) {
      if (known_[i] && is_default(kind_.fields[i], *known_[i])) doubtful.push_back(i);
    }
    const bool all = !intent_.key.empty() && doubtful.size() <= kDoubtfulMax;
    const size_t choices = all ? size_t{1} << doubtful.size() : 1;
    for (size_t choice = 0; choice < choices; ++choice) {
      Fields fields;
      for (size_t i = 0; i < known_.size(); ++i) {
        if (!known_[i]) continue;
        const auto doubt = std::ranges::find(doubtful, i);
        const bool given =
            doubt == doubtful.end() || ((choice >> (doubt - doubtful.begin())) & 1) != 0;
        if (given) fields.emplace_back(kind_.fields[i].name, *known_[i]);
      }
      if (makes_it(fields)) return fields;
    }
    return std::nullopt;
  }

  bool makes_it(const Fields& fields) const {
    return std::ranges::any_of(store_tags_, [&](std::string_view tag) {
      Xxh3Hash xxh3{};
      Result<Intent> made = make_intent(config_, kind_.name, fields, intent_.key, tag, &xxh3);
      if (!made) return false;
      if (std::holds_alternative<Xxh3Hash>(intent_.content_hash)) made->content_hash = xxh3;
      return *made == intent_;
    });
  }

  const Config& config_;
  const KindSpec& kind_;
  const Intent& intent_;
  const std::span<const std::string_view> store_tags_;
  std::vector<Known> known_;  // by the kind's fields
  std::vector<bool> told_;    // by a column
};

}  // namespace

std::optional<Fields> intent_fields(const Config& config, const Intent& intent,
                                    std::span<const std::string_view> store_tags) {
  const KindSpec* const kind = config.find_kind(intent.kind);
  if (kind == nullptr || kind->patterns == nullptr) return std::nullopt;
  if (intent.found.any()) return fields_found_in_place(*kind, intent);
  if (set_aside_seq_of(intent.key) == 0) return Search(config, *kind, intent, store_tags).run();
  Intent without_key = intent;  // no person gave it
  without_key.key.clear();
  without_key.content_hash = {};
  return Search(config, *kind, without_key, store_tags).run();
}

}  // namespace syncline
