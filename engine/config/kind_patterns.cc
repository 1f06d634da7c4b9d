#include "engine/config/kind_patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "engine/config/path_rules.h"
#include "journal/base/try.h"
#include "journal/record/intent.h"

namespace syncline {
namespace {

using Part = Pattern::Part;

Error pattern_error(std::string message, std::string hint = {}) {
  return make_error(Code::kInvalid, std::move(message), std::move(hint));
}

bool has_default(const FieldSpec& field) {
  return !std::holds_alternative<std::monostate>(field.default_value);
}

// The most bytes a slot can take in a path: ids have up to 20 digits.
size_t slot_width(Slot slot) {
  switch (slot) {
    case Slot::kId:
      return 20;
    case Slot::kShard:
      return 17;
    case Slot::kDate:
      return 16;  // years beyond 9999 have a sign and more digits
    case Slot::kDateBasic:
      return 14;
    case Slot::kTime:
    case Slot::kTimeSeconds:
      return 32;
    case Slot::kPath:
      return kPathBytesMax;
  }
  return kPathBytesMax;
}

constexpr size_t kStoreWidth = 18;  // "-s" and a tag of at most 16

Status check_path_parts(const Pattern& path, std::span<const FieldSpec> fields) {
  for (const Part& part : path.parts()) {
    switch (part.kind) {
      case Part::Kind::kIf:
        return pattern_error("a path has no optional parts");
      case Part::Kind::kSlot:
        if (part.slot == Slot::kPath) return pattern_error("{path} cannot be part of itself");
        if (part.slot == Slot::kTime || part.slot == Slot::kTimeSeconds) {
          return pattern_error("a time of day has colons, which no path may have", "use {date}");
        }
        break;
      case Part::Kind::kField: {
        const FieldSpec& field = fields[part.field];
        if (!field.required && !has_default(field)) {
          return pattern_error(
              fmt::format("field '{}' may be absent, so it cannot be in the path", field.name),
              "make the field required, or give it a default");
        }
        break;
      }
      case Part::Kind::kLiteral:
      case Part::Kind::kStore:
        break;
    }
  }
  return {};
}

// Untrusted text enters a path only as a slug.
void add_slug_filters(Pattern& path) {
  for (Part& part : path.parts()) {
    if (part.kind != Part::Kind::kField) continue;
    if (part.filters.empty() || part.filters.back().filter != Pattern::Filter::kSlug) {
      part.filters.push_back({Pattern::Filter::kSlug, kSlugLengthDefault});
    }
  }
}

// Another store's records may have the same ids: the store tag stands right after the id.
void add_store_part(Pattern& path) {
  auto& parts = path.parts();
  if (std::ranges::any_of(parts, [](const Part& p) { return p.kind == Part::Kind::kStore; }))
    return;
  for (size_t i = parts.size(); i-- > 0;) {
    if (parts[i].kind != Part::Kind::kSlot || parts[i].slot != Slot::kId) continue;
    Part store;
    store.kind = Part::Kind::kStore;
    parts.insert(parts.begin() + static_cast<ptrdiff_t>(i) + 1, store);
    return;
  }
}

// Two records never share a created path. For that the id must be readable back from the text of
// some component: nothing that could be taken for its digits may touch it, and slugs, which may
// hold any digits and dashes, may stand on one side of it only.
Status check_id_is_separable(const Pattern& path) {
  std::string component;  // literals as they are; i: the id, f: a field, s: a slot, t: store tag
  std::vector<std::string> components;
  const auto add_literal = [&](const std::string& literal) {
    for (const char c : literal) {
      if (c == '/') {
        components.push_back(std::exchange(component, {}));
      } else {
        component += c >= '0' && c <= '9' ? 's' : '_';
      }
    }
  };
  for (const Part& part : path.parts()) {
    if (part.kind == Part::Kind::kLiteral) add_literal(part.literal);
    if (part.kind == Part::Kind::kField) component += 'f';
    if (part.kind == Part::Kind::kStore) component += 't';
    if (part.kind == Part::Kind::kSlot) component += part.slot == Slot::kId ? 'i' : 's';
  }
  components.push_back(component);
  bool has_id = false;
  for (const std::string& shape : components) {
    const size_t id = shape.find('i');
    if (id == std::string::npos) continue;
    has_id = true;
    const std::string_view before = std::string_view(shape).substr(0, id);
    const std::string_view after = std::string_view(shape).substr(id + 1);
    if (!before.empty() && before.back() != '_') continue;
    if (!after.empty() && after.front() != '_' && after.front() != 't') continue;
    if (before.find('f') != std::string_view::npos && after.find('f') != std::string_view::npos) {
      continue;
    }
    return {};
  }
  return has_id
             ? pattern_error("{id} runs into other parts, so two records could share a path",
                             "set it apart, as in '{title|slug:100}-{id}.md'")
             : pattern_error("a created file's path must hold {id}: two records never share a path",
                             "write for example '{title|slug:100}-{id}.md'");
}

Status check_path_length(const Pattern& path) {
  size_t total = 0, component = 0;
  for (const Part& part : path.parts()) {
    size_t width = 0;
    switch (part.kind) {
      case Part::Kind::kLiteral: {
        width = part.literal.size();
        const size_t slash = part.literal.rfind('/');
        // The component that ends in this literal is checked together with its earlier parts.
        const size_t head = std::min(part.literal.find('/'), width);
        if (component + head > kPathComponentBytesMax) {
          return pattern_error(
              fmt::format("a component could be longer than {} bytes", kPathComponentBytesMax),
              "shorten it with slug:N");
        }
        if (slash != std::string::npos) component = 0;
        component += slash == std::string::npos ? width : width - slash - 1;
        break;
      }
      case Part::Kind::kField:
        width = part.filters.back().length_max;
        component += width;
        break;
      case Part::Kind::kSlot:
        width = slot_width(part.slot);
        component += width;
        break;
      case Part::Kind::kStore:
        width = kStoreWidth;
        component += width;
        break;
      case Part::Kind::kIf:
        break;
    }
    total += width;
    if (component > kPathComponentBytesMax || total > kPathBytesMax) {
      return pattern_error(fmt::format("it could grow past {} bytes a component, or {} in all",
                                       kPathComponentBytesMax, kPathBytesMax),
                           "shorten it with slug:N");
    }
  }
  return {};
}

Status check_path_pattern(const KindSpec& kind, Pattern& path) {
  if (path.empty()) return pattern_error("it is empty");
  TRY(check_path_parts(path, kind.fields));
  add_slug_filters(path);
  if (kind.operation == Operation::kCreate) {
    TRY(check_id_is_separable(path));
    add_store_part(path);
  }
  TRY(check_path_length(path));
  // A sample shows what is wrong with the literal parts; each record's own path is checked again.
  const std::vector<std::string_view> samples(kind.fields.size(), "sample");
  const Template sample = path.expand(samples, kind.fields, {});
  return check_path(render(sample, {.id = 1, .time_ms = 0, .path = {}}));
}

class KindParser {
 public:
  KindParser(const KindSpec& kind, KindPatterns& patterns) : kind_(kind), patterns_(patterns) {}

  std::optional<PatternFault> parse() {
    patterns_.fields_by_name.resize(kind_.fields.size());
    std::iota(patterns_.fields_by_name.begin(), patterns_.fields_by_name.end(), 0u);
    std::ranges::sort(patterns_.fields_by_name, {},
                      [this](uint32_t i) -> const std::string& { return kind_.fields[i].name; });
    for (const auto& [name, text] : kind_.columns) {
      ColumnPattern column;
      column.name = name;
      if (auto fault = take("columns." + name, text, column.pattern)) return fault;
      if (const auto field = column.pattern.single_field(false)) {
        const bool bare = column.pattern.single_field(true).has_value();
        const bool number = kind_.fields[*field].type != FieldSpec::Type::kText;
        (bare && number ? column.typed_field : column.null_when_absent) = field;
      }
      patterns_.columns.push_back(std::move(column));
    }
    if (auto fault = take("file.path", kind_.path_pattern, patterns_.path)) return fault;
    if (auto status = check_path_pattern(kind_, patterns_.path); !status) {
      return PatternFault{"file.path", status.error()};
    }
    if (auto fault = take("file.text", kind_.text_pattern, patterns_.text)) return fault;
    if (patterns_.text.empty()) return PatternFault{"file.text", pattern_error("it is empty")};
    if (auto fault = take("file.header", kind_.header_pattern, patterns_.header)) return fault;
    if (auto fault = check_header()) return fault;
    if (auto fault = take("subject", kind_.subject_pattern, patterns_.subject)) return fault;
    if (patterns_.subject.empty()) return PatternFault{"subject", pattern_error("it is empty")};
    if (patterns_.subject.uses(Slot::kPath)) {
      return PatternFault{"subject", pattern_error("{path} is too long for a subject")};
    }
    return std::nullopt;
  }

 private:
  std::optional<PatternFault> take(std::string setting, const std::string& text, Pattern& out) {
    auto parsed = Pattern::parse(text, kind_.fields);
    if (!parsed) return PatternFault{std::move(setting), std::move(parsed).error()};
    out = std::move(*parsed);
    // Each part becomes at most one piece of the journalled intent, whose pieces are limited.
    parts_ += out.parts().size();
    if (parts_ > kIntentPiecesMax) {
      return PatternFault{std::move(setting),
                          pattern_error("the kind's patterns have too many parts")};
    }
    return std::nullopt;
  }

  // Every record of one path must give the file the same header, because any of them may come
  // first; so the header may hold no slot that differs between them.
  std::optional<PatternFault> check_header() {
    if (patterns_.header.empty()) return std::nullopt;
    if (kind_.operation != Operation::kAppend) {
      return PatternFault{"file.header",
                          pattern_error("a created file has no header",
                                        "put it into text, or use mode = \"append\"")};
    }
    for (const Slot slot : {Slot::kId, Slot::kTime, Slot::kTimeSeconds}) {
      if (patterns_.header.uses(slot)) {
        return PatternFault{
            "file.header",
            pattern_error("a header belongs to all records of its file: no {id} or time")};
      }
    }
    return std::nullopt;
  }

  const KindSpec& kind_;
  KindPatterns& patterns_;
  size_t parts_ = 0;
};

}  // namespace

std::optional<PatternFault> parse_kind_patterns(const KindSpec& kind, KindPatterns& patterns) {
  return KindParser(kind, patterns).parse();
}

}  // namespace syncline
