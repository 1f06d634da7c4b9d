// Until when a call may wait.
#pragma once

#include <cstdint>
#include <limits>

namespace syncline {

// A point on the monotonic clock, CLOCK_MONOTONIC where the store is on the real system; kForever
// never comes.
struct Deadline {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  int64_t monotonic_ns = kNever;
  bool forever() const { return monotonic_ns == kNever; }
};
inline constexpr Deadline kForever{};

}  // namespace syncline
