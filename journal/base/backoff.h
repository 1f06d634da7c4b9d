// How long to wait before trying again what another holds: exponential backoff with full jitter.
//
// The n-th delay is uniform in [0, min(longest, first · 2ⁿ)]: of the variants compared it spreads
// competing clients best and does the least work in total (M. Brooker, "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015). Bounded by the number of tries and by the longest delay;
// not thread-safe; says how long, and leaves the waiting to its caller.
#pragma once

#include <algorithm>
#include <cstdint>

#include "journal/base/clock.h"

namespace syncline {

struct BackoffLimits {
  int64_t first_ns = 1'000'000;
  int64_t longest_ns = 1'000'000'000;
  uint32_t tries_max = UINT32_MAX;
};

class Backoff {
 public:
  Backoff(Random& random, BackoffLimits limits) : random_(random), limits_(limits) {}

  // False once every try has been used.
  bool may_try_again() const { return tries_ < limits_.tries_max; }
  uint32_t tries() const { return tries_; }
  void reset() { tries_ = 0; }

  // Counts a failed try; the delay before the next one.
  int64_t next_delay_ns() {
    const uint32_t doublings = std::min(tries_, 62u);
    const bool beyond = limits_.first_ns > (limits_.longest_ns >> doublings);
    const int64_t bound = beyond ? limits_.longest_ns : limits_.first_ns << doublings;
    if (tries_ != UINT32_MAX) ++tries_;
    return static_cast<int64_t>(random_.next_u64() % (static_cast<uint64_t>(bound) + 1));
  }

 private:
  Random& random_;
  BackoffLimits limits_;
  uint32_t tries_ = 0;
};

}  // namespace syncline
