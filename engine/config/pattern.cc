#include "engine/config/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "engine/config/near_name.h"
#include "engine/config/slug.h"
#include "engine/config/utf8.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr size_t kPartsMax = 1000;
constexpr uint32_t kLimitLengthMax = 1'000'000;

constexpr std::array<std::pair<std::string_view, Slot>, 7> kSlots = {{
    {"id", Slot::kId},
    {"shard", Slot::kShard},
    {"time", Slot::kTime},
    {"date", Slot::kDate},
    {"date_basic", Slot::kDateBasic},
    {"path", Slot::kPath},
    {"time_seconds", Slot::kTimeSeconds},
}};

constexpr std::array<std::pair<std::string_view, Pattern::Filter>, 5> kFilters = {{
    {"slug", Pattern::Filter::kSlug},
    {"first_line", Pattern::Filter::kFirstLine},
    {"one_line", Pattern::Filter::kOneLine},
    {"limit", Pattern::Filter::kLimit},
    {"nest", Pattern::Filter::kNest},
}};

std::optional<Slot> find_slot(std::string_view name) {
  for (const auto& [slot_name, slot] : kSlots) {
    if (slot_name == name) return slot;
  }
  return std::nullopt;
}

std::string first_line(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    std::string_view line = text.substr(0, end);
    const size_t last = line.find_last_not_of(" \t");
    if (last != std::string_view::npos) return std::string(line.substr(0, last + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

// True when a line that begins here is a Markdown (CommonMark) heading of level 1 or 2.
bool is_high_heading(std::string_view line) {
  size_t at = 0;
  while (at < 3 && at < line.size() && line[at] == ' ') ++at;
  size_t level = 0;
  while (at < line.size() && line[at] == '#') ++at, ++level;
  if (level < 1 || level > 2) return false;
  return at == line.size() || line[at] == ' ' || line[at] == '\t' || line[at] == '\n' ||
         line[at] == '\r';
}

std::string nest(std::string_view text) {
  std::string result;
  result.reserve(text.size() + 8);
  bool line_begins = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (line_begins && is_high_heading(text.substr(i))) {
      while (text[i] == ' ') result += text[i++];
      result += '\\';
    }
    result += text[i];
    line_begins = text[i] == '\n' || text[i] == '\r';
  }
  return result;
}

std::string apply_filter(const Pattern::FilterUse& use, std::string_view text,
                         const FieldSpec& field) {
  switch (use.filter) {
    case Pattern::Filter::kSlug:
      return slug(text, use.length_max, field.name);
    case Pattern::Filter::kFirstLine:
      return first_line(text);
    case Pattern::Filter::kOneLine:
      return to_one_line(text);
    case Pattern::Filter::kLimit:
      return limit_length(text, use.length_max);
    case Pattern::Filter::kNest:
      return nest(text);
  }
  return std::string(text);
}

std::string apply_filters(const Pattern::Part& part, std::string_view text,
                          const FieldSpec& field) {
  std::string result = apply_filter(part.filters.front(), text, field);
  for (size_t i = 1; i < part.filters.size(); ++i) {
    result = apply_filter(part.filters[i], result, field);
  }
  return result;
}

// Reads one pattern from left to right.
class PatternParser {
 public:
  PatternParser(std::string_view text, std::span<const FieldSpec> fields)
      : text_(text), fields_(fields) {}

  Result<std::vector<Pattern::Part>> parse() {
    while (at_ < text_.size()) {
      const size_t brace = std::min(text_.find('{', at_), text_.size());
      add_literal(text_.substr(at_, brace - at_));
      at_ = brace;
      if (at_ == text_.size()) break;
      if (text_.substr(at_).starts_with("{{")) {
        add_literal("{");
        at_ += 2;
        continue;
      }
      const size_t close = text_.find('}', at_);
      if (close == std::string_view::npos)
        return fault("'{' is never closed", "write {{ for a brace");
      TRY(parse_braces(text_.substr(at_ + 1, close - at_ - 1)));
      at_ = close + 1;
      if (parts_.size() > kPartsMax) return fault("it has too many parts");
    }
    if (!open_.empty()) {
      const uint32_t field = parts_[open_.back()].field;
      const std::string name = field == Pattern::kStoreField ? "store" : fields_[field].name;
      return fault(fmt::format("{{?{}}} is never closed", name),
                   fmt::format("end it with {{/{}}}", name));
    }
    return std::move(parts_);
  }

 private:
  Error fault(std::string_view what, std::string hint = {}) const {
    return make_error(Code::kInvalid, fmt::format("at character {}: {}", at_ + 1, what),
                      std::move(hint));
  }

  void add_literal(std::string_view literal) {
    if (literal.empty()) return;
    // Literals are not merged across the end of an optional part, whose skip_to names the next
    // part.
    if (!parts_.empty() && parts_.back().kind == Pattern::Part::Kind::kLiteral &&
        parts_.size() != barrier_) {
      parts_.back().literal += literal;
      return;
    }
    Pattern::Part part;
    part.literal = literal;
    parts_.push_back(std::move(part));
  }

  Result<uint32_t> find_field(std::string_view name) const {
    for (uint32_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i].name == name) return i;
    }
    std::vector<std::string> names;
    for (const FieldSpec& field : fields_) names.push_back(field.name);
    for (const auto& [slot_name, slot] : kSlots) names.emplace_back(slot_name);
    names.emplace_back("store");
    return fault(fmt::format("there is no field {}", quote_for_message(name)),
                 near_name_hint(name, names));
  }

  Result<uint32_t> find_condition(std::string_view name) const {
    if (name == "store") return Pattern::kStoreField;
    return find_field(name);
  }

  Status parse_braces(std::string_view inside) {
    if (inside.starts_with('?')) {
      TRY_ASSIGN(const uint32_t field, find_condition(inside.substr(1)));
      open_.push_back(parts_.size());
      Pattern::Part part;
      part.kind = Pattern::Part::Kind::kIf;
      part.field = field;
      parts_.push_back(std::move(part));
      return {};
    }
    if (inside.starts_with('/')) {
      TRY_ASSIGN(const uint32_t field, find_condition(inside.substr(1)));
      if (open_.empty() || parts_[open_.back()].field != field) {
        return fault(fmt::format("{{{}}} closes nothing that is open", inside));
      }
      parts_[open_.back()].skip_to = static_cast<uint32_t>(parts_.size());
      open_.pop_back();
      barrier_ = parts_.size();
      return {};
    }
    const size_t bar = std::min(inside.find('|'), inside.size());
    const std::string_view name = inside.substr(0, bar);
    Pattern::Part part;
    if (const auto slot = find_slot(name)) {
      part.kind = Pattern::Part::Kind::kSlot;
      part.slot = *slot;
    } else if (name == "store") {
      part.kind = Pattern::Part::Kind::kStore;
    } else {
      TRY_ASSIGN(part.field, find_field(name));
      part.kind = Pattern::Part::Kind::kField;
    }
    if (bar < inside.size()) {
      if (part.kind != Pattern::Part::Kind::kField) {
        return fault(fmt::format("{{{}}} takes no filters", name));
      }
      TRY(parse_filters(inside.substr(bar + 1), part.filters));
    }
    parts_.push_back(std::move(part));
    return {};
  }

  Status parse_filters(std::string_view text, std::vector<Pattern::FilterUse>& filters) const {
    for (;;) {
      const size_t bar = std::min(text.find('|'), text.size());
      TRY_ASSIGN(const Pattern::FilterUse use, parse_filter(text.substr(0, bar)));
      filters.push_back(use);
      if (bar == text.size()) return {};
      text.remove_prefix(bar + 1);
    }
  }

  Result<Pattern::FilterUse> parse_filter(std::string_view text) const {
    const size_t colon = std::min(text.find(':'), text.size());
    const std::string_view name = text.substr(0, colon);
    const auto found =
        std::ranges::find(kFilters, name, &std::pair<std::string_view, Pattern::Filter>::first);
    if (found == kFilters.end()) {
      std::vector<std::string> names;
      for (const auto& [filter_name, filter] : kFilters) names.emplace_back(filter_name);
      return fault(fmt::format("there is no filter {}", quote_for_message(name)),
                   near_name_hint(name, names));
    }
    Pattern::FilterUse use{found->second, 0};
    const bool given = colon < text.size();
    uint32_t low = 0, high = 0;
    if (use.filter == Pattern::Filter::kSlug) {
      low = kSlugLengthMin;
      high = kSlugLengthMax;
      use.length_max = kSlugLengthDefault;
    } else if (use.filter == Pattern::Filter::kLimit) {
      low = 1;
      high = kLimitLengthMax;
      if (!given) return fault("filter 'limit' needs a length", "write for example limit:80");
    } else if (given) {
      return fault(fmt::format("filter '{}' takes no number", name));
    }
    if (given) {
      const std::string_view digits = text.substr(colon + 1);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), use.length_max);
      if (error != std::errc{} || end != digits.data() + digits.size() || use.length_max < low ||
          use.length_max > high) {
        return fault(fmt::format("filter '{}' takes a length from {} to {}, not {}", name, low,
                                 high, quote_for_message(digits)));
      }
    }
    return use;
  }

  std::string_view text_;
  std::span<const FieldSpec> fields_;
  size_t at_ = 0;
  std::vector<Pattern::Part> parts_;
  std::vector<size_t> open_;                  // kIf parts that are still open
  size_t barrier_ = static_cast<size_t>(-1);  // where the last optional part ended
};

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text, std::span<const FieldSpec> fields) {
  Pattern pattern;
  TRY_ASSIGN(pattern.parts_, PatternParser(text, fields).parse());
  return pattern;
}

Template Pattern::expand(std::span<const std::string_view> texts, std::span<const FieldSpec> fields,
                         std::string_view store_tag) const {
  Template result;
  size_t bytes = 0;
  for (const Part& part : parts_) {
    bytes += part.literal.size();
    if (part.kind == Part::Kind::kField) bytes += texts[part.field].size();
  }
  result.reserve(bytes);
  for (size_t i = 0; i < parts_.size();) {
    const Part& part = parts_[i++];
    switch (part.kind) {
      case Part::Kind::kLiteral:
        result.add(part.literal);
        break;
      case Part::Kind::kSlot:
        result.add(part.slot);
        break;
      case Part::Kind::kStore:
        if (!store_tag.empty()) result.add(fmt::format("-s{}", store_tag));
        break;
      case Part::Kind::kIf:
        if ((part.field == kStoreField ? store_tag : texts[part.field]).empty()) i = part.skip_to;
        break;
      case Part::Kind::kField:
        if (texts[part.field].empty()) break;
        if (part.filters.empty()) {
          result.add(texts[part.field]);
        } else {
          result.add(apply_filters(part, texts[part.field], fields[part.field]));
        }
        break;
    }
  }
  return result;
}

bool Pattern::uses(Slot slot) const {
  return std::ranges::any_of(parts_, [&](const Part& part) {
    return part.kind == Part::Kind::kSlot && part.slot == slot;
  });
}

std::optional<uint32_t> Pattern::single_field(bool bare) const {
  if (parts_.size() != 1 || parts_[0].kind != Part::Kind::kField) return std::nullopt;
  if (bare && !parts_[0].filters.empty()) return std::nullopt;
  return parts_[0].field;
}

bool is_slot_name(std::string_view name) {
  return name == "store" || find_slot(name).has_value();
}

namespace {
uint32_t three_byte_code(const char* bytes) {
  const auto bits = [&](int i) { return static_cast<uint32_t>(bytes[i]) & 0x3fu; };
  return (static_cast<uint32_t>(bytes[0]) & 0xfu) << 12 | bits(1) << 6 | bits(2);
}
}  // namespace

std::string to_one_line(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    size_t control_bytes = 0;
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) {
      control_bytes = 1;
    } else if (byte == 0xc2 && i + 1 < text.size() &&
               static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      control_bytes = 2;  // U+0080…U+009F
    } else if (text.substr(i).starts_with("\u2028") || text.substr(i).starts_with("\u2029")) {
      control_bytes = 3;
    }
    const size_t bidi_bytes = byte == 0xd8 ? 2 : byte == 0xe2 ? 3 : 0;
    if (bidi_bytes != 0 && i + bidi_bytes <= text.size() &&
        find_bidi_control(text.substr(i, bidi_bytes)) == 0) {
      result += bidi_bytes == 2 ? "<U+061C>" : fmt::format("<U+{:04X}>", three_byte_code(&text[i]));
      i += bidi_bytes;
      continue;
    }
    if (control_bytes == 0) {
      if (text[i] != ' ' || !result.empty()) result += text[i];
      ++i;
    } else {
      if (!result.empty() && result.back() != ' ') result += ' ';
      i += control_bytes;
    }
  }
  while (result.ends_with(' ')) result.pop_back();
  return result;
}

std::string limit_length(std::string_view text, size_t length_max) {
  size_t count = 0, cut = text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    ++count;
    if (count == length_max) cut = i;  // where the last code point that fits begins
    if (count > length_max) return std::string(text.substr(0, cut)).append(kEllipsis);
  }
  return std::string(text);
}

}  // namespace syncline
