#include "sync/publish/section_text.h"

#include "journal/base/ascii.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

namespace syncline {
namespace {

struct Line {
  std::string_view text;
  uint64_t offset = 0;
};

Line first_written_line(std::string_view text) {
  const size_t begin = text.find_first_not_of('\n');
  if (begin == std::string_view::npos) return {};
  return {text.substr(begin, text.find('\n', begin) - begin), begin};
}

// The lines of a text, to find a section's first line without reading all of it for each.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) : text_(text) {
    for (uint64_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = text.substr(begin, end - begin);
      by_text_[line].push_back(begin);
      if (line.starts_with('#')) headings_.push_back({line, begin});
      begin = end + 1;
    }
    std::ranges::sort(headings_, {},
                      [](const Line& line) { return std::pair(line.text, line.offset); });
  }

  // Claims the first unclaimed place of the section that begins at the start of a line, otherwise
  // any.
  bool claim_whole(std::string_view section, ClaimedRanges& claimed, uint64_t& offset) const {
    const Line first = first_written_line(section);
    if (const auto lines = by_text_.find(first.text); lines != by_text_.end()) {
      for (const uint64_t line : lines->second) {
        if (line < first.offset) continue;
        offset = line - first.offset;
        if (text_.substr(offset).starts_with(section) && claimed.claim(offset, section.size())) {
          return true;
        }
      }
    }
    // The section follows a user's last line that had no line end.
    for (size_t at = text_.find(section); at != std::string_view::npos;
         at = text_.find(section, at + 1)) {
      offset = at;
      if (claimed.claim(offset, section.size())) return true;
    }
    return false;
  }

  bool has(const SectionKey& key, const ClaimedRanges& claimed, uint64_t& offset) const {
    const std::string_view heading = key.heading;
    for (auto line = std::ranges::lower_bound(headings_, heading, {}, &Line::text);
         line != headings_.end() && line->text.starts_with(heading); ++line) {
      const bool same_word =
          line->text.size() == heading.size() || !is_number_word(line->text[heading.size()]);
      if (!same_word || claimed.is_claimed(line->offset)) continue;
      if (leading_tag(text_.substr(line->offset + line->text.size())) != key.tag) continue;
      offset = line->offset;
      return true;
    }
    return false;
  }

 private:
  std::string_view text_;
  std::unordered_map<std::string_view, std::vector<uint64_t>> by_text_;
  std::vector<Line> headings_;  // sorted by text, then by offset
};

}  // namespace

bool ClaimedRanges::claim(uint64_t offset, uint64_t count) {
  const auto after = ranges_.upper_bound(offset);
  if (after != ranges_.end() && after->first < offset + count) return false;
  if (after != ranges_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second > offset) return false;
  }
  ranges_.emplace(offset, count);
  return true;
}

bool ClaimedRanges::is_claimed(uint64_t offset) const {
  const auto after = ranges_.upper_bound(offset);
  return after != ranges_.begin() && std::prev(after)->first + std::prev(after)->second > offset;
}

bool is_number_word(char c) {
  return is_ascii_digit(c) || is_ascii_letter(c) || c == '-' || c == '_';
}

std::string_view heading_prefix(std::string_view section, uint64_t id) {
  const std::string_view line = first_written_line(section).text;
  const std::string number = std::to_string(id);
  if (!line.starts_with('#')) return {};
  for (size_t at = line.find(number); at != std::string_view::npos;
       at = line.find(number, at + 1)) {
    const size_t end = at + number.size();
    if (is_ascii_digit(line[at - 1]) || (end < line.size() && is_ascii_digit(line[end]))) continue;
    return line.substr(0, at);
  }
  return {};
}

SectionKey section_key(std::string_view section, uint64_t id) {
  const std::string_view prefix = heading_prefix(section, id);
  if (prefix.empty()) return {};
  const Line line = first_written_line(section);
  size_t end = prefix.size();
  while (end < line.text.size() && is_number_word(line.text[end])) ++end;
  return {line.text.substr(0, end), leading_tag(section.substr(line.offset + line.text.size()))};
}

std::string_view leading_tag(std::string_view text) {
  constexpr std::string_view kBefore = "<!-- store", kBehind = " -->";
  std::string_view line = first_written_line(text).text;
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  if (!line.starts_with(kBefore) || !line.ends_with(kBehind)) return {};
  line.remove_prefix(kBefore.size());
  line.remove_suffix(std::min(kBehind.size(), line.size()));
  const bool is_tag =
      line.starts_with("-s") && line.size() > 2 && std::ranges::all_of(line, is_number_word);
  return is_tag ? line : std::string_view{};
}

std::vector<FoundSection> find_sections(std::string_view text,
                                        std::span<const WantedSection> sections,
                                        ClaimedRanges& claimed) {
  std::vector<FoundSection> found(sections.size());
  std::vector<size_t> longest_first(sections.size());
  std::iota(longest_first.begin(), longest_first.end(), size_t{0});
  std::ranges::sort(longest_first, {}, [&](size_t i) {
    return std::pair(std::numeric_limits<size_t>::max() - sections[i].text.size(), i);
  });
  const LineIndex lines(text);
  for (const size_t i : longest_first) {
    if (sections[i].text.empty()) continue;
    if (lines.claim_whole(sections[i].text, claimed, found[i].offset)) {
      found[i].standing = FoundSection::Standing::kWhole;
    }
  }
  for (size_t i = 0; i < sections.size(); ++i) {
    if (found[i].standing == FoundSection::Standing::kWhole) continue;
    const SectionKey key = section_key(sections[i].text, sections[i].id);
    if (!key.heading.empty() && lines.has(key, claimed, found[i].offset)) {
      found[i].standing = FoundSection::Standing::kEdited;
    }
  }
  return found;
}

}  // namespace syncline
