#include "sync/git/attributes_off.h"

#include <string_view>

#include "journal/base/try.h"
#include "journal/os/whole_file.h"

namespace syncline {
namespace {

constexpr std::string_view kFile = "info/attributes";
// A false filter is none; a false encoding is an error, so that one is made as if never said.
constexpr std::string_view kOff = " -text -ident !filter !working-tree-encoding";

std::string line_for(std::string_view pattern) {
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
  line += kOff;
  return line;
}

bool has_line(std::string_view text, std::string_view line) {
  for (size_t at = text.find(line); at != std::string_view::npos; at = text.find(line, at + 1)) {
    const size_t end = at + line.size();
    const bool begins = at == 0 || text[at - 1] == '\n';
    if (begins && (end == text.size() || text[end] == '\n')) return true;
  }
  return false;
}

Result<std::string> read_attributes(Directory& common_dir) {
  Result<std::string> text = read_file(common_dir, kFile);
  if (!text && text.error().code == Code::kNotFound) return std::string{};
  return text;
}

}  // namespace

Status switch_attributes_off(Directory& common_dir, std::span<const std::string> patterns) {
  Result<std::string> text = read_attributes(common_dir);
  if (!text && text.error().code == Code::kUnsafePath) return {};
  if (!text) return std::move(text).error();
  std::string more;
  for (const std::string& pattern : patterns) {
    const std::string line = line_for(pattern);
    if (!has_line(*text, line)) more += line + '\n';
  }
  if (more.empty()) return {};
  if (!text->empty() && !text->ends_with('\n')) *text += '\n';
  TRY(common_dir.make_directories("info"));
  TRY(remove_temporaries(common_dir, kFile));
  TRY(replace_file(common_dir, kFile, as_bytes(*text + more)));
  return common_dir.sync_directory(".");
}

Result<std::vector<std::string>> attributes_off(Directory& common_dir,
                                                std::span<const std::string> patterns) {
  std::vector<std::string> off;
  const Result<std::string> text = read_attributes(common_dir);
  if (!text && text.error().code == Code::kUnsafePath) return off;
  if (!text) return text.error();
  for (const std::string& pattern : patterns) {
    if (has_line(*text, line_for(pattern))) off.push_back(pattern);
  }
  return off;
}

}  // namespace syncline
