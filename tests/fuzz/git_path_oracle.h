// What git itself takes as a path of its index, with core.protectHFS and core.protectNTFS on:
// written from git's documentation (git-config(1), git-fsck(1): hasDot, hasDotdot, hasDotgit,
// fullPathname; git-update-index(1)), not from engine/config/path_rules.cc. path_git_test.cc holds
// it against git.
#pragma once

#include <string>
#include <string_view>

namespace syncline::fuzz {

inline std::string ascii_lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

// The code points that HFS+ leaves out when it compares names, as UTF-8: U+200C to U+200F, U+202A
// to U+202E, U+206A to U+206F, U+FEFF.
inline size_t hfs_ignored_bytes(std::string_view text) {
  if (text.size() < 3) return 0;
  if (text.starts_with("\xef\xbb\xbf")) return 3;
  if (!text.starts_with("\xe2\x80") && !text.starts_with("\xe2\x81")) return 0;
  const auto last = static_cast<unsigned char>(text[2]);
  const bool ignored = text[1] == '\x80'
                           ? (last >= 0x8c && last <= 0x8f) || (last >= 0xaa && last <= 0xae)
                           : last >= 0xaa && last <= 0xaf;
  return ignored ? 3 : 0;
}

inline bool hfs_reads_dotgit(std::string_view component) {
  std::string seen;
  while (!component.empty()) {
    const size_t ignored = hfs_ignored_bytes(component);
    if (ignored == 0) seen += component.front();
    component.remove_prefix(ignored == 0 ? 1 : ignored);
  }
  return ascii_lowered(seen) == ".git";
}

// NTFS drops dots and spaces at a name's end, takes what follows a colon as a stream's name, a
// backslash as a separator, and may know .git by the short name git~1.
inline bool ntfs_reads_dotgit(std::string_view component) {
  for (;;) {
    std::string_view name = component.substr(0, component.find_first_of("\\:"));
    while (name.ends_with('.') || name.ends_with(' ')) name.remove_suffix(1);
    const std::string lowered = ascii_lowered(name);
    if (lowered == ".git" || lowered == "git~1") return true;
    const size_t separator = component.find('\\');
    if (separator == std::string_view::npos) return false;
    component.remove_prefix(separator + 1);
  }
}

inline bool git_takes_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  for (size_t begin = 0;;) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view component = path.substr(begin, end - begin);
    if (component.empty() || component == "." || component == ".." ||
        ascii_lowered(component) == ".git" || hfs_reads_dotgit(component) ||
        ntfs_reads_dotgit(component)) {
      return false;
    }
    if (end == path.size()) return true;
    begin = end + 1;
  }
}

}  // namespace syncline::fuzz
