#include "engine/config/told_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/config/kind_patterns.h"
#include "journal/base/ascii.h"

namespace syncline {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// How many # a heading begins with; 0 for any other line.
size_t heading_level(std::string_view line) {
  const size_t level = std::min(line.find_first_not_of('#'), line.size());
  return level < line.size() && line[level] == ' ' ? level : 0;
}

// A line of the kind's text up to its first field or slot.
struct ModelLine {
  std::string before;
  std::optional<uint32_t> field;
  bool has_id = false;
  bool has_date = false;
};

std::vector<ModelLine> model_of(const Pattern& pattern) {
  std::vector<ModelLine> lines(1);
  for (const Pattern::Part& part : pattern.parts()) {
    ModelLine& line = lines.back();
    switch (part.kind) {
      case Pattern::Part::Kind::kLiteral:
        for (const char c : part.literal) {
          if (c == '\n') {
            lines.emplace_back();
          } else if (!lines.back().field && !lines.back().has_id && !lines.back().has_date) {
            lines.back().before += c;
          }
        }
        break;
      case Pattern::Part::Kind::kField:
        if (!line.field) line.field = part.field;
        break;
      case Pattern::Part::Kind::kSlot:
        (part.slot == Slot::kId ? line.has_id : line.has_date) = true;
        break;
      case Pattern::Part::Kind::kStore:
      case Pattern::Part::Kind::kIf:
        break;
    }
  }
  return lines;
}

// Where the kind's text has its fields.
struct Layout {
  std::optional<uint32_t> in_heading;
  bool heading_has_id = false;
  std::vector<std::pair<std::string, uint32_t>> labels;    // "**Domain**:"
  std::vector<std::pair<std::string, uint32_t>> headings;  // "## Summary"
  std::string date_label;
  std::optional<uint32_t> rest;
};

Layout layout_of(const KindSpec& kind) {
  Layout layout;
  std::string heading;
  for (const ModelLine& line : model_of(kind.patterns->text)) {
    const std::string before(trimmed(line.before));
    if (line.before.starts_with('#')) {
      if (line.field && !layout.in_heading) {
        layout.in_heading = line.field;
        layout.heading_has_id = line.has_id;
      }
      heading = line.field ? std::string() : before;
    } else if (before.starts_with("**") && before.ends_with(':')) {
      if (line.field) layout.labels.emplace_back(before, *line.field);
      if (line.has_date) layout.date_label = before;
    } else if (line.field && !heading.empty()) {
      layout.headings.emplace_back(heading, *line.field);
    } else if (line.field && !layout.rest) {
      layout.rest = line.field;
    }
  }
  return layout;
}

// "H-12: a rule" → "a rule", where the heading has a number.
std::string_view without_number(std::string_view heading) {
  const size_t colon = heading.find(": ");
  if (colon == std::string_view::npos) return heading;
  const std::string_view word = heading.substr(0, colon);
  const bool is_number = word.find_first_of("0123456789") != std::string_view::npos &&
                         word.find_first_of(" \t") == std::string_view::npos;
  return is_number ? heading.substr(colon + 2) : heading;
}

// As the field takes it: text for a text field, whatever the column's type.
std::optional<FieldValue> field_value(const FieldSpec& field, const Value& value) {
  const bool is_text = field.type == FieldSpec::Type::kText;
  if (const auto* text = std::get_if<std::string>(&value)) return FieldValue(*text);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return is_text ? FieldValue(fmt::format("{}", *integer)) : FieldValue(*integer);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return is_text ? FieldValue(fmt::format("{}", *real)) : FieldValue(*real);
  }
  return std::nullopt;
}

class TextReader {
 public:
  explicit TextReader(Layout layout) : layout_(std::move(layout)) {}

  ToldFields read(std::string_view text) {
    for (const std::string_view line : lines_of(text)) take(line);
    close();
    if (layout_.rest) tell(*layout_.rest, rest_);
    return std::move(told_);
  }

 private:
  void take(std::string_view line) {
    if (const size_t level = heading_level(line); level > 0) {
      if (!heading_seen_) {
        heading_seen_ = true;
        const std::string_view heading = trimmed(line.substr(level));
        if (layout_.in_heading) {
          tell(*layout_.in_heading, layout_.heading_has_id ? without_number(heading) : heading);
        }
        return;
      }
      if (take_heading(line)) return;
    }
    if (!below_ && take_label(line)) return;
    std::string& text = below_ ? body_ : rest_;
    if (!below_ && trimmed(line) == "---") return;
    text.append(line).append(1, '\n');
  }

  bool take_heading(std::string_view line) {
    for (const auto& [heading, field] : layout_.headings) {
      if (!equal_but_for_case(trimmed(line), heading)) continue;
      close();
      below_ = field;
      return true;
    }
    // Another heading ends what stands below one of ours; it belongs to the rest.
    if (heading_level(line) <= 2) close();
    return false;
  }

  bool take_label(std::string_view line) {
    if (!layout_.date_label.empty() && line.starts_with(layout_.date_label)) {
      told_.date = trimmed(line.substr(layout_.date_label.size()));
      return true;
    }
    for (const auto& [label, field] : layout_.labels) {
      if (!line.starts_with(label)) continue;
      tell(field, line.substr(label.size()));
      return true;
    }
    return false;
  }

  void close() {
    if (below_) tell(*below_, body_);
    below_.reset();
    body_.clear();
  }

  void tell(uint32_t field, std::string_view text) {
    const std::string_view value = trimmed(text);
    if (!value.empty()) told_.fields.emplace(field, value);
  }

  const Layout layout_;
  ToldFields told_;
  bool heading_seen_ = false;
  std::optional<uint32_t> below_;  // the heading of this field
  std::string body_, rest_;
};

}  // namespace

ToldFields told_fields(const KindSpec& kind, std::string_view text) {
  return TextReader(layout_of(kind)).read(text);
}

Fields fields_of_columns(const KindSpec& kind, std::span<const Value> values,
                         std::string_view text) {
  std::vector<std::optional<FieldValue>> told(kind.fields.size());
  std::vector<bool> is_whole(kind.fields.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const Pattern& column = kind.patterns->columns[i].pattern;
    const auto field = column.single_field(/*bare=*/false);
    if (!field || is_whole[*field]) continue;
    is_whole[*field] = column.single_field(/*bare=*/true).has_value();
    if (auto value = field_value(kind.fields[*field], values[i])) told[*field] = std::move(value);
  }
  for (auto& [field, value] : told_fields(kind, text).fields) {
    if (!is_whole[field]) told[field] = FieldValue(std::move(value));
  }
  Fields fields;
  for (size_t i = 0; i < told.size(); ++i) {
    if (told[i]) fields.emplace_back(kind.fields[i].name, std::move(*told[i]));
  }
  return fields;
}

std::optional<uint32_t> heading_field(const KindSpec& kind) {
  return layout_of(kind).in_heading;
}

std::string section_heading_prefix(const KindSpec& kind) {
  for (const ModelLine& line : model_of(kind.patterns->text)) {
    if (line.before.empty() && !line.field && !line.has_id) continue;  // an empty line
    if (line.has_id && line.before.starts_with('#')) return line.before;
    return {};
  }
  return {};
}

}  // namespace syncline
