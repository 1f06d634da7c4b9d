#include "sync/git/path_patterns.h"

#include <algorithm>
#include <ranges>

namespace syncline {
namespace {

std::string_view without_trailing_blanks(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
  return line;
}

// Takes a class ("[a-z]") from the front of the pattern. Nothing where it has no end: then git
// matches nothing.
std::optional<bool> take_class(std::string_view& pattern, char c) {
  size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  bool found = false;
  for (bool first = true; at < pattern.size(); first = false) {
    if (pattern[at] == ']' && !first) {
      pattern.remove_prefix(at + 1);
      return found != negated && c != '/';
    }
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    const auto low = static_cast<unsigned char>(pattern[at++]);
    unsigned char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      if (pattern[at + 1] == '\\' && at + 2 < pattern.size()) ++at;
      high = static_cast<unsigned char>(pattern[at + 1]);
      at += 2;
    }
    found |= low <= static_cast<unsigned char>(c) && static_cast<unsigned char>(c) <= high;
  }
  return std::nullopt;
}

// The rest of the pattern begins with a star; `begins` where that stands at the start of a
// component.
bool match_stars(std::string_view pattern, std::string_view text, bool begins) {
  const size_t stars = std::min(pattern.find_first_not_of('*'), pattern.size());
  std::string_view rest = pattern.substr(stars);
  const bool any_depth = stars > 1 && begins && (rest.empty() || rest.starts_with('/'));
  if (any_depth && rest.empty()) return true;
  if (any_depth) {
    rest.remove_prefix(1);
    while (true) {
      if (wild_match(rest, text)) return true;
      const size_t slash = text.find('/');
      if (slash == std::string_view::npos) return false;
      text.remove_prefix(slash + 1);
    }
  }
  if (rest.empty()) return text.find('/') == std::string_view::npos;
  for (;; text.remove_prefix(1)) {
    if (wild_match(rest, text)) return true;
    if (text.empty() || text.front() == '/') return false;
  }
}

}  // namespace

bool wild_match(std::string_view pattern, std::string_view text) {
  bool begins = true;
  while (!pattern.empty()) {
    if (pattern.front() == '*') return match_stars(pattern, text, begins);
    if (text.empty()) return false;
    const char c = text.front();
    if (pattern.front() == '[') {
      const std::optional<bool> found = take_class(pattern, c);
      if (!found || !*found) return false;
    } else if (pattern.front() == '?') {
      if (c == '/') return false;
      pattern.remove_prefix(1);
    } else {
      if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
      if (pattern.front() != c) return false;
      pattern.remove_prefix(1);
    }
    begins = c == '/';
    text.remove_prefix(1);
  }
  return text.empty();
}

PathPatterns PathPatterns::parse(std::string_view text) {
  PathPatterns patterns;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = without_trailing_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    Entry entry;
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with('!')) {
      entry.negated = true;
      line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
      entry.directories_only = true;
      line.remove_suffix(1);
    }
    entry.by_name = line.find('/') == std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) continue;
    entry.pattern = line;
    patterns.entries_.push_back(std::move(entry));
  }
  return patterns;
}

std::optional<bool> PathPatterns::last_match(std::string_view path, bool is_directory) const {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const Entry& entry : std::views::reverse(entries_)) {
    if (entry.directories_only && !is_directory) continue;
    if (wild_match(entry.pattern, entry.by_name ? name : path)) return !entry.negated;
  }
  return std::nullopt;
}

}  // namespace syncline
