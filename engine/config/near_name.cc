#include "engine/config/near_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/config/utf8.h"

namespace syncline {
namespace {

constexpr size_t kTypingErrorBytesMax = 64;  // longer names are not typing errors

// The edit distance, where swapping two neighbours counts as one edit.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replace, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  if (name.empty() || name.size() > kTypingErrorBytesMax) return {};
  std::string best;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kTypingErrorBytesMax) continue;
    // "descr" means "description", whatever the number of letters missing.
    const bool abbreviated = name.size() >= 3 && candidate.starts_with(name);
    const size_t distance = abbreviated ? 1 : edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string near_name_hint(std::string_view name, std::span<const std::string> candidates) {
  if (const std::string near = nearest_name(name, candidates); !near.empty()) {
    return fmt::format("did you mean '{}'?", near);
  }
  return fmt::format("there are: {}", fmt::join(candidates, ", "));
}

std::string quote_for_message(std::string_view text) {
  constexpr size_t kShownBytesMax = 80;
  const bool valid = is_valid_utf8(text);
  std::string shown = "'";
  size_t used = 0;
  for (; used < text.size(); ++used) {
    const auto byte = static_cast<unsigned char>(text[used]);
    // Cut only where a code point begins.
    if (used >= kShownBytesMax && (!valid || (byte & 0xc0) != 0x80)) break;
    shown += byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid) ? '?' : text[used];
  }
  shown += used < text.size() ? "…'" : "'";
  return shown;
}

}  // namespace syncline
