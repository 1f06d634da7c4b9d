// Finds the sections of records in a text that users edit too.
//
// A section is recognised by the number in its heading, the first line ("## H-12: …"), and by the
// store's tag on the line behind it, if there is one ("<!-- store-sa1b2c3 -->"): sections of two
// stores may have one number. Nothing else of its body counts. Older sections have the tag in the
// word that holds the number ("## H-12-sa1b2c3: …"), and are recognised by that. A section without
// such a number is recognised by its bytes alone. One text
// may contain another, since a body can quote another record. So each section claims the bytes in
// which it is found, longer sections before shorter ones, and no byte counts for two.
//
//   all its bytes, at the start of a line where there is a choice     whole
//   otherwise its heading's number at the start of a line, and tag    edited by a user, not missing
//   otherwise                                                         missing
//
// Bytes that are claimed already count for neither. Every section ends with a line end (the engine
// takes care of that), so none begins within another's last line.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace syncline {

// Ranges of a text that sections have claimed; no two of them overlap.
class ClaimedRanges {
 public:
  // False, with nothing claimed, where another section has one of the bytes.
  bool claim(uint64_t offset, uint64_t count);
  bool is_claimed(uint64_t offset) const;
  bool empty() const { return ranges_.empty(); }
  const std::map<uint64_t, uint64_t>& ranges() const { return ranges_; }  // offset → count

 private:
  std::map<uint64_t, uint64_t> ranges_;
};

struct WantedSection {
  std::string_view text;
  uint64_t id = 0;  // the record's, as its heading has it
};

struct FoundSection {
  enum class Standing : uint8_t { kMissing, kWhole, kEdited };
  Standing standing = Standing::kMissing;
  uint64_t offset = 0;  // of the whole section; of an edited one's heading
};

// The answers are in the order of `sections`; sections found whole are claimed.
std::vector<FoundSection> find_sections(std::string_view text,
                                        std::span<const WantedSection> sections,
                                        ClaimedRanges& claimed);

// What is known of a section whatever its body holds.
struct SectionKey {
  std::string_view heading;  // "## H-12" of "## H-12: rule": up to the word that holds the number
  std::string_view tag;      // "-sa1b2c3", or nothing
  auto operator<=>(const SectionKey&) const = default;
};
// The heading is empty where the first line is none, or has another number.
SectionKey section_key(std::string_view section, uint64_t id);
// The tag that a text begins with, when empty lines are passed over.
std::string_view leading_tag(std::string_view text);
// "## H-" of "## H-12: rule": what stands before the number.
std::string_view heading_prefix(std::string_view section, uint64_t id);

// A character of the word that a number stands in: "12-a1b2c3" beside another store's.
bool is_number_word(char c);

}  // namespace syncline
