// Time and randomness that a simulation owns: nothing in it asks the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "journal/base/clock.h"

namespace syncline::simulation {

// Monotonic time advances a little with every look and every operation of a disk that was given
// this clock; the wall clock follows it, and may be set to jump either way at any moment.
class SimulatedClock final : public Clock {
 public:
  static constexpr int64_t kLookNs = 1'000;
  static constexpr int64_t kYearMs = int64_t{365} * 24 * 3600 * 1000;

  explicit SimulatedClock(int64_t wall_ms = 1'700'000'000'000) : wall_offset_ms_(wall_ms) {}

  int64_t now_ms() override {
    advance_ns(kLookNs);
    return peek_ms();
  }
  int64_t monotonic_ns() override {
    advance_ns(kLookNs);
    return monotonic_ns_;
  }
  // A scheduler lets others run meanwhile; without one, time just passes.
  void pause_ns(int64_t duration_ns) override {
    const Deadline until{monotonic_ns_ + (duration_ns > 0 ? duration_ns : 0)};
    if (sleeper_) return sleeper_(until);
    advance_to(until);
  }

  int64_t peek_ms() const { return wall_offset_ms_ + monotonic_ns_ / 1'000'000; }
  int64_t peek_ns() const { return monotonic_ns_; }
  void advance_ns(int64_t duration_ns) { monotonic_ns_ += duration_ns; }
  void advance_to(Deadline deadline) {
    if (!deadline.forever() && deadline.monotonic_ns > monotonic_ns_) {
      monotonic_ns_ = deadline.monotonic_ns;
    }
  }
  // The wall clock alone: somebody set it.
  void jump_ms(int64_t difference_ms) { wall_offset_ms_ += difference_ms; }
  void set_sleeper(std::function<void(Deadline)> sleeper) { sleeper_ = std::move(sleeper); }

 private:
  int64_t monotonic_ns_ = 0;
  int64_t wall_offset_ms_;
  std::function<void(Deadline)> sleeper_;
};

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): small, and the same everywhere.
class SimulatedRandom final : public Random {
 public:
  explicit SimulatedRandom(uint64_t seed) : state_(seed) {}

  uint64_t next_u64() override {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // In [0, end); the bias is below 2^-32 for what tests ask.
  uint64_t below(uint64_t end) { return end <= 1 ? 0 : next_u64() % end; }
  bool coin() { return (next_u64() >> 63) != 0; }
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

}  // namespace syncline::simulation
