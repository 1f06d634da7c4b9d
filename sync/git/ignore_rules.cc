#include "sync/git/ignore_rules.h"

#include <algorithm>
#include <utility>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

PathPatterns parse_rules(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return PathPatterns::parse(text);
}

Result<PathPatterns> read_rules(Directory& directory, std::string_view name) {
  const Result<std::string> text = read_file(directory, name);
  if (text) return parse_rules(*text);
  const Code code = text.error().code;
  if (code == Code::kNotFound || code == Code::kUnsafePath) return PathPatterns();
  return text.error();
}

// "a/b" of "a/b/c"; "" where nothing is above.
std::string_view folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace

Status IgnoreRules::open() {
  if (is_open_) return {};
  TRY_ASSIGN(excluded_, read_rules(*git_.common_dir, "info/exclude"));
  TRY_ASSIGN(const std::string personal, git_.paths.platform->personal_ignore_rules(git_.paths));
  personal_ = parse_rules(personal);
  is_open_ = true;
  return {};
}

bool IgnoreRules::is_ignored(const Folder& folder, std::string_view path, bool is_directory) const {
  for (const Folder* at = &folder; at != nullptr; at = at->above) {
    const auto found = at->patterns.last_match(path.substr(at->prefix_bytes), is_directory);
    if (found) return *found;
  }
  if (const auto found = excluded_.last_match(path, is_directory)) return *found;
  return personal_.last_match(path, is_directory).value_or(false);
}

Result<const IgnoreRules::Folder*> IgnoreRules::folder(std::string_view path) {
  if (const auto known = folders_.find(path); known != folders_.end()) return &known->second;
  Folder made;
  std::string file = ".gitignore";
  if (!path.empty()) {
    TRY_ASSIGN(made.above, folder(folder_of(path)));
    made.prefix_bytes = path.size() + 1;
    made.is_ignored = made.above->is_ignored || is_ignored(*made.above, path, true);
    file = std::string(path) + "/" + file;
  }
  if (!made.is_ignored) {
    TRY_ASSIGN(made.patterns, read_rules(*git_.work_tree, file));
  }
  return &folders_.emplace(std::string(path), std::move(made)).first->second;
}

Result<bool> IgnoreRules::ignores(std::string_view path) {
  TRY(open());
  TRY_ASSIGN(const Folder* const in, folder(folder_of(path)));
  return in->is_ignored || is_ignored(*in, path, false);
}

}  // namespace syncline
