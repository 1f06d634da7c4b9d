// A word that threads of this process sleep on until it changes (futex(2)).
//
// Unlike a condition variable it needs no mutex, so that those who are woken do not queue for one:
// of 256 threads that wait for one flush, each goes its own way as soon as it is woken.
//
// Threading: any thread. Waits may end early: always wait in a loop on the condition itself. What
// was written before store() or add() is seen by whoever then reads the new value.
#pragma once

#include <atomic>
#include <cstdint>

#include "syncline/deadline.h"

namespace syncline {

class WaitWord {
 public:
  uint32_t load() const { return value_.load(std::memory_order_acquire); }
  // Those who sleep are not woken by a change alone.
  void store(uint32_t value) { value_.store(value, std::memory_order_release); }

  // Sleeps while the word equals `expected`, until woken, or until `deadline`.
  void wait(uint32_t expected, Deadline deadline) const;
  void wake_one() const;
  void wake_all() const;

 private:
  std::atomic<uint32_t> value_{0};
  static_assert(std::atomic<uint32_t>::is_always_lock_free);
};

}  // namespace syncline
