// Time and randomness as seams, so that a simulation owns both.
#pragma once

#include <algorithm>
#include <cstdint>

#include "syncline/deadline.h"

namespace syncline {

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, milliseconds since 1970 UTC. May jump either way; nothing may rely on its order.
  virtual int64_t now_ms() = 0;
  virtual int64_t monotonic_ns() = 0;
  // For backoff between tries only, never to wait for something that could be waited for.
  virtual void pause_ns(int64_t duration_ns) = 0;

  Deadline after_ns(int64_t duration_ns) { return {monotonic_ns() + duration_ns}; }
  Deadline after_ms(int64_t duration_ms) { return after_ns(duration_ms * 1'000'000); }
  // Milliseconds until the deadline, from 0 to `most_ms`.
  int64_t left_ms(Deadline deadline, int64_t most_ms) {
    if (deadline.forever()) return most_ms;
    const int64_t left = (deadline.monotonic_ns - monotonic_ns()) / 1'000'000;
    return std::clamp<int64_t>(left, 0, most_ms);
  }
  bool passed(Deadline deadline) {
    return !deadline.forever() && monotonic_ns() >= deadline.monotonic_ns;
  }
};

inline Deadline later(Deadline a, Deadline b) {
  return a.monotonic_ns > b.monotonic_ns ? a : b;
}
inline Deadline sooner(Deadline a, Deadline b) {
  return a.monotonic_ns < b.monotonic_ns ? a : b;
}

Clock& system_clock();

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next_u64() = 0;
};

// getrandom(2); thread-safe.
Random& system_random();

}  // namespace syncline
