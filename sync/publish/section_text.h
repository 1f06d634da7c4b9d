// Finds the sections of records in a text that people edit too.
//
// A section is known by its heading: the number in its first line ("## H-12: …"), and by nothing in
// a body. One without such a number is known by its bytes alone. Either way the texts may be parts
// of each other, since a body can quote another record: so each section claims the bytes it is
// found in, longer ones before shorter, and no byte counts for two.
//
//   all its bytes, at the start of a line where there is a choice     whole
//   else its heading's number at the start of a line                  edited: a person's, not
//   missing else                                                              missing
//
// Bytes that are claimed already count for neither. Sections end with a line end (the engine sees
// to it), so one never begins within another's last line.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace syncline {

// Ranges of a text that are known to be somebody's, none of them overlapping.
class ClaimedRanges {
 public:
  // False, and nothing claimed, where a byte of it is another's.
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
  uint64_t offset = 0;  // of the whole section
};

// The answers are in the order of `sections`; what is found whole is claimed.
std::vector<FoundSection> find_sections(std::string_view text,
                                        std::span<const WantedSection> sections,
                                        ClaimedRanges& claimed);

// "## H-12" of "\n## H-12: rule\n…": up to the word that holds the number. Empty where the first
// line is no heading, or has another number.
std::string_view section_heading(std::string_view section, uint64_t id);

}  // namespace syncline
