// How long ago something was, by two looks at the wall clock, which may have been set in between.
#pragma once

#include <algorithm>
#include <cstdint>

namespace syncline {

// Never negative, and never more than some centuries, whatever times a journal holds.
constexpr int64_t elapsed_ns(int64_t from_ms, int64_t to_ms) {
  constexpr int64_t kLongestMs = INT64_MAX / 1'000'000;
  if (to_ms <= from_ms) return 0;
  const uint64_t elapsed_ms = static_cast<uint64_t>(to_ms) - static_cast<uint64_t>(from_ms);
  return static_cast<int64_t>(std::min<uint64_t>(elapsed_ms, kLongestMs)) * 1'000'000;
}

}  // namespace syncline
