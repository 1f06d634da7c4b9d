#include "sync/git/own_attributes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "journal/base/try.h"
#include "sync/git/info_file.h"
#include "sync/git/merge_driver.h"

namespace syncline {
namespace {

constexpr std::string_view kFile = "info/attributes";
// A false filter is none; a false encoding is an error, so that one is made as if never said.
constexpr std::string_view kOff = " -text -ident !filter !working-tree-encoding";
// Older stores have lines without the driver, which are changed to these.
constexpr std::string_view kOffAndMerged =
    " -text -ident !filter !working-tree-encoding merge=syncline";
static_assert(kOffAndMerged.starts_with(kOff) && kOffAndMerged.ends_with(kMergeDriver));

std::string line_for(std::string_view pattern, std::string_view end) {
  const bool plain = pattern.find_first_of(" \t\"\\#!") == std::string_view::npos;
  std::string line;
  if (plain) {
    line = pattern;
  } else {
    line = "\"";
    for (const char c : pattern) {
      if (c == '"' || c == '\\') line += '\\';
      line += c;
    }
    line += '"';
  }
  line += end;
  return line;
}

size_t find_line(std::string_view text, std::string_view line) {
  size_t at = text.find(line);
  for (; at != std::string_view::npos; at = text.find(line, at + 1)) {
    const size_t end = at + line.size();
    const bool begins = at == 0 || text[at - 1] == '\n';
    if (begins && (end == text.size() || text[end] == '\n')) break;
  }
  return at;
}

}  // namespace

Status write_own_attributes(Directory& common_dir, std::span<const std::string> patterns) {
  return change_info_file(common_dir, kFile, [&](std::string& text) {
    for (const std::string& pattern : patterns) {
      const std::string line = line_for(pattern, kOffAndMerged);
      if (find_line(text, line) != std::string::npos) continue;
      const std::string old = line_for(pattern, kOff);
      if (const size_t at = find_line(text, old); at != std::string::npos) {
        text.replace(at, old.size(), line);
      } else {
        append_line(text, line);
      }
    }
  });
}

Result<std::vector<std::string>> attributes_off(Directory& common_dir,
                                                std::span<const std::string> patterns) {
  std::vector<std::string> off;
  TRY_ASSIGN(const std::optional<std::string> text, read_info_file(common_dir, kFile));
  if (!text) return off;
  for (const std::string& pattern : patterns) {
    const bool there =
        std::ranges::any_of(std::array{kOff, kOffAndMerged}, [&](std::string_view end) {
          return find_line(*text, line_for(pattern, end)) != std::string::npos;
        });
    if (there) off.push_back(pattern);
  }
  return off;
}

}  // namespace syncline
