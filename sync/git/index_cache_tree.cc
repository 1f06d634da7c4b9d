#include "sync/git/index_cache_tree.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace syncline {
namespace {

// "<number><terminator>", decimal, -1 for invalid.
std::optional<int64_t> take_number(std::string_view& rest, char terminator) {
  int64_t value = 0;
  const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (fault != std::errc{} || end == rest.data() + rest.size() || *end != terminator) return {};
  rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  return value;
}

bool any_below(std::span<const std::string_view> paths, std::string_view directory) {
  const auto first = std::ranges::lower_bound(paths, directory);
  return first != paths.end() && first->starts_with(directory);
}

}  // namespace

std::optional<std::string> invalidate_cache_tree(std::string_view body,
                                                 std::span<const std::string_view> touched_paths) {
  // Nodes stand in pre-order: name NUL entries SP subtrees LF [object name, unless invalid].
  struct Level {
    std::string directory;  // with its slash; empty at the top
    int64_t subtrees_left = 0;
  };
  constexpr size_t kObjectIdBytes = 20;
  std::string out;
  out.reserve(body.size());
  std::vector<Level> levels;
  std::string_view rest = body;
  while (!rest.empty()) {
    const size_t nul = rest.find('\0');
    if (nul == std::string_view::npos) return {};
    const std::string_view name = rest.substr(0, nul);
    rest.remove_prefix(nul + 1);
    const std::optional<int64_t> entries = take_number(rest, ' ');
    const std::optional<int64_t> subtrees = take_number(rest, '\n');
    if (!entries || !subtrees || *subtrees < 0) return {};
    std::string_view object;
    if (*entries >= 0) {
      if (rest.size() < kObjectIdBytes) return {};
      object = rest.substr(0, kObjectIdBytes);
      rest.remove_prefix(kObjectIdBytes);
    }

    while (!levels.empty() && levels.back().subtrees_left == 0) levels.pop_back();
    const bool top = out.empty();
    if (top != levels.empty() || top != name.empty()) return {};
    std::string directory;
    if (!top) {
      --levels.back().subtrees_left;
      directory = levels.back().directory + std::string(name) + "/";
    }
    const bool invalid = *entries < 0 || any_below(touched_paths, directory);
    out.append(name).push_back('\0');
    out.append(invalid ? "-1" : std::to_string(*entries));
    out.append(" ").append(std::to_string(*subtrees)).append("\n");
    if (!invalid) out.append(object);
    levels.push_back({std::move(directory), *subtrees});
  }
  while (!levels.empty() && levels.back().subtrees_left == 0) levels.pop_back();
  if (!levels.empty()) return {};  // children are missing
  return out;
}

}  // namespace syncline
