// Until when a call may wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace syncline {

// A point on the monotonic clock, CLOCK_MONOTONIC (and std::chrono::steady_clock) where the store
// is on the real system; kForever never comes.
struct Deadline {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  int64_t monotonic_ns = kNever;
  bool forever() const { return monotonic_ns == kNever; }
  // So long from now: Deadline::in(std::chrono::seconds(5)).
  static Deadline in(std::chrono::nanoseconds duration) {
    return at(std::chrono::steady_clock::now() + duration);
  }
  static Deadline at(std::chrono::steady_clock::time_point moment) {
    return {std::chrono::nanoseconds(moment.time_since_epoch()).count()};
  }
};
inline constexpr Deadline kForever{};

}  // namespace syncline
