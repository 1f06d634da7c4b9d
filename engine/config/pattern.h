// The pattern mini-language of syncline.toml: text with a record's fields in it.
//
//   {title}            the field's text; nothing when the record does not have it
//   {title|slug:100}   through filters, from left to right
//   {?tags}…{/tags}    only when the record has the field; may be nested
//   {id} {shard} {date} {date_basic} {time} {time_seconds} {path}
//                      slots, filled in once id and time are decided (journal/record/intent.h)
//   {store}            nothing, or "-s<tag>" where another store has written to the repository
//   {?store}…{/store}  only where another store has
//   {{                 a brace; a closing brace stands for itself
//
// Filters: slug[:N] (slug.h; default 100), first_line (the first that is not blank), one_line
// (line breaks and control characters become spaces), limit:N (code points; a cut ends in "…"),
// nest (a line that would read as a Markdown heading of level 1 or 2 gets a backslash before it, so
// that a section ends where the file says it does).
//
// A Pattern is parsed once for each kind, checked against its fields, and never changed after.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"
#include "journal/record/template.h"
#include "syncline/result.h"

namespace syncline {

class Pattern {
 public:
  enum class Filter : uint8_t { kSlug, kFirstLine, kOneLine, kLimit, kNest };
  struct FilterUse {
    Filter filter = Filter::kSlug;
    uint32_t length_max = 0;  // kSlug, kLimit
  };
  static constexpr uint32_t kStoreField = UINT32_MAX;  // kIf: the store's tag
  struct Part {
    enum class Kind : uint8_t { kLiteral, kField, kSlot, kStore, kIf };
    Kind kind = Kind::kLiteral;
    std::string literal;
    Slot slot = Slot::kId;
    uint32_t field = 0;              // kField, kIf: index into the kind's fields; or kStoreField
    uint32_t skip_to = 0;            // kIf: the part to go on with when the field is absent
    std::vector<FilterUse> filters;  // kField
  };

  // kInvalid says what is wrong and where; unknown fields and filters are named.
  static Result<Pattern> parse(std::string_view text, std::span<const FieldSpec> fields);

  // `texts` holds each field's text, by index; an empty view is an absent field. `names` are the
  // fields, for slugs that reduce to nothing.
  Template expand(std::span<const std::string_view> texts, std::span<const FieldSpec> fields,
                  std::string_view store_tag) const;

  const std::vector<Part>& parts() const { return parts_; }
  std::vector<Part>& parts() { return parts_; }
  bool empty() const { return parts_.empty(); }
  bool uses(Slot slot) const;
  // The field when the pattern is one field and nothing else; with `bare`, only when the field has
  // no filters either.
  std::optional<uint32_t> single_field(bool bare) const;

 private:
  std::vector<Part> parts_;
};

// The names that have a meaning in patterns, and that no field may have therefore.
bool is_slot_name(std::string_view name);

// Line breaks and control characters become single spaces, with none at the ends; characters that
// change the direction of text are written out, as in <U+202E>.
std::string to_one_line(std::string_view text);
// At most `length_max` code points; a cut ends in "…".
std::string limit_length(std::string_view text, size_t length_max);

inline constexpr size_t kSlugLengthDefault = 100;
inline constexpr size_t kSlugLengthMin = 12;
inline constexpr size_t kSlugLengthMax = 150;

}  // namespace syncline
