#include "sync/publish/section_union.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "journal/base/ascii.h"

namespace syncline {
namespace {

// "## H-12-sa1b2c3" of "## H-12-sa1b2c3: rule"; empty where the line is no section's heading.
std::string_view heading_in(std::string_view line, const HeadingPrefixes& prefixes) {
  for (const std::string_view prefix : prefixes) {
    if (!line.starts_with(prefix)) continue;
    size_t end = prefix.size();
    if (end == line.size() || !is_ascii_digit(line[end])) continue;
    while (end < line.size() && is_number_word(line[end])) ++end;
    return line.substr(0, end);
  }
  return {};
}

// A text in its sections; the first, without a heading, is what stands before them.
class Sections {
 public:
  Sections(std::string_view text, const HeadingPrefixes& prefixes) {
    size_t begin = 0, blank_from = 0;
    SectionKey key;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, end - at);
      const size_t next = std::min(end + 1, text.size());
      if (const std::string_view found = heading_in(line, prefixes); !found.empty()) {
        add(key, text.substr(begin, blank_from - begin));
        begin = blank_from;
        key = {found, leading_tag(text.substr(next))};
      }
      at = next;
      if (!line.empty()) blank_from = next;
    }
    add(key, text.substr(begin));
  }

  bool all_once() const { return all_once_; }
  const std::vector<SectionKey>& keys() const { return order_; }
  std::optional<std::string_view> find(const SectionKey& key) const {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return {};
    return found->second;
  }

 private:
  void add(const SectionKey& key, std::string_view text) {
    order_.push_back(key);
    all_once_ &= by_key_.emplace(key, text).second;
  }

  std::vector<SectionKey> order_;
  std::map<SectionKey, std::string_view> by_key_;
  bool all_once_ = true;
};

// Line ends at the end are the next section's as much as this one's.
std::string_view without_end(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}
bool alike(const std::optional<std::string_view>& a, const std::optional<std::string_view>& b) {
  return a.has_value() == b.has_value() && (!a || without_end(*a) == without_end(*b));
}

class Union {
 public:
  Union(const Sections& base, const Sections& ours, const Sections& theirs)
      : base_(base), ours_(ours), theirs_(theirs) {}

  bool run() {
    for (const SectionKey& key : theirs_.keys()) add(key);
    for (const SectionKey& key : ours_.keys()) {
      if (!theirs_.find(key)) add(key);
    }
    return !conflict_;
  }
  UnitedText take() { return std::move(united_); }

 private:
  void add(const SectionKey& key) {
    const auto base = base_.find(key), ours = ours_.find(key), theirs = theirs_.find(key);
    const bool take_theirs = alike(ours, theirs) || alike(base, ours);
    if (!take_theirs && !alike(base, theirs)) conflict_ = true;
    const std::optional<std::string_view> chosen = take_theirs ? theirs : ours;
    if (!chosen || chosen->empty()) return;
    if (!united_.text.empty() && !united_.text.ends_with('\n')) united_.text += '\n';
    united_.text += *chosen;
    united_.has_sections |= !key.heading.empty();
  }

  const Sections& base_;
  const Sections& ours_;
  const Sections& theirs_;
  UnitedText united_;
  bool conflict_ = false;
};

// Of a side that removed the file: no section, and all before them as the other side has it.
std::string_view head_of(const Sections& other) {
  return other.find({}).value_or(std::string_view{});
}

}  // namespace

HeadingPrefixes heading_prefixes(std::span<const WantedSection> recorded) {
  HeadingPrefixes prefixes;
  for (const WantedSection& section : recorded) {
    const std::string_view prefix = heading_prefix(section.text, section.id);
    if (!prefix.empty()) prefixes.insert(prefix);
  }
  return prefixes;
}

std::optional<UnitedText> unite_sections(const TextSides& sides, const HeadingPrefixes& prefixes) {
  if (prefixes.empty()) return {};
  const Sections base(sides.base.value_or(std::string_view{}), prefixes);
  Sections ours(sides.ours.value_or(std::string_view{}), prefixes);
  Sections theirs(sides.theirs.value_or(std::string_view{}), prefixes);
  if (!base.all_once() || !ours.all_once() || !theirs.all_once()) return {};
  if (!sides.ours) ours = Sections(head_of(theirs), prefixes);
  if (!sides.theirs) theirs = Sections(head_of(ours), prefixes);
  Union united(base, ours, theirs);
  if (!united.run()) return {};
  return united.take();
}

}  // namespace syncline
