// Brings two texts of one append file together: the sections of both, each number once.
//
//   a section that one side added        stays; those of theirs stand where they are, ours behind
//   that one side changed or removed     as that side has it
//   that both changed, alike             as both have it
//   that both changed, not alike         not merged: a person's to decide
//
// What stands before the first section counts as one more. A section begins with the empty lines
// before its heading; its heading is known by the words that ours begin with and by the number
// behind them ("## H-" and "12"), the section by its number and the store's tag (section_text.h).
// Everything up to the next such heading belongs to it.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "sync/publish/section_text.h"

namespace syncline {

struct TextSides {
  std::optional<std::string_view> base;    // both began with; nothing: the file is new on both
  std::optional<std::string_view> ours;    // nothing: removed
  std::optional<std::string_view> theirs;  // alike
};

struct UnitedText {
  std::string text;
  bool has_sections = false;  // false, where one side removed the file: it stays removed
};

// What headings begin with up to the number: "## H-".
using HeadingPrefixes = std::set<std::string_view>;
// Those of the sections that a store has in the file.
HeadingPrefixes heading_prefixes(std::span<const WantedSection> recorded);

// Nothing where it takes a person.
std::optional<UnitedText> unite_sections(const TextSides& sides, const HeadingPrefixes& prefixes);

}  // namespace syncline
