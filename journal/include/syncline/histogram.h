// How often something took how long: a count for each range of durations, and their sum.
//
// The bounds are fixed, so that processes and machines can be added up, and none has to be chosen
// before anything is known: 1-2-5 steps from 100 µs to 50 s, wide enough for a flush of a fast disk
// and for a commit that waited for a lock. A value; not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace syncline {

class Histogram {
 public:
  // A duration counts in the first range whose bound it does not exceed; the last has none.
  static constexpr std::array<int64_t, 18> kBoundsUs{
      100,       200,       500,       1'000,      2'000,      5'000,
      10'000,    20'000,    50'000,    100'000,    200'000,    500'000,
      1'000'000, 2'000'000, 5'000'000, 10'000'000, 20'000'000, 50'000'000};
  static constexpr size_t kRanges = kBoundsUs.size() + 1;

  // A negative one (of a clock that was set back) counts as 0.
  void observe_ns(int64_t duration_ns) {
    duration_ns = std::max<int64_t>(duration_ns, 0);
    ++counts_[range_of(duration_ns)];
    sum_ns_ += static_cast<uint64_t>(duration_ns);
  }
  static size_t range_of(int64_t duration_ns) {
    const auto exceeded = [duration_ns](int64_t bound_us) { return duration_ns > bound_us * 1000; };
    return static_cast<size_t>(std::ranges::partition_point(kBoundsUs, exceeded) -
                               kBoundsUs.begin());
  }

  void add(size_t range, uint64_t count) { counts_[range] += count; }
  void add_sum_ns(uint64_t sum_ns) { sum_ns_ += sum_ns; }

  const std::array<uint64_t, kRanges>& counts() const { return counts_; }
  uint64_t count() const { return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0}); }
  uint64_t sum_ns() const { return sum_ns_; }

 private:
  std::array<uint64_t, kRanges> counts_{};
  uint64_t sum_ns_ = 0;
};

}  // namespace syncline
