// Serialises the threads of one process before they take a file lock, which belongs to the open
// descriptor and so does not tell them apart.
//
// Unlike a mutex it may be released by another thread than the one that took it (an AppendTurn may
// move), and waiting for it ends at a deadline or as soon as it is not needed any more.
#pragma once

#include <cstdint>

#include "journal/base/mutex.h"
#include "syncline/deadline.h"
#include "syncline/result.h"

namespace syncline {

class Gate {
 public:
  enum class Outcome : uint8_t { kTaken, kNotNeeded, kTimeout };

  template <typename NotNeeded>
  Outcome take(Deadline deadline, NotNeeded not_needed) {
    const MutexLock lock(mutex_);
    for (;;) {
      if (not_needed()) return Outcome::kNotNeeded;
      if (!taken_) {
        taken_ = true;
        return Outcome::kTaken;
      }
      if (!condition_.wait_until(mutex_, deadline) && taken_) return Outcome::kTimeout;
    }
  }
  Outcome take(Deadline deadline) {
    return take(deadline, [] { return false; });
  }
  // `everyone`: wake all waiters, where they may find that they no longer need the gate.
  void leave(bool everyone) {
    const MutexLock lock(mutex_);
    taken_ = false;
    if (everyone) {
      condition_.notify_all();
    } else {
      condition_.notify_one();
    }
  }

 private:
  Mutex mutex_;
  CondVar condition_;
  bool taken_ GUARDED_BY(mutex_) = false;
};

}  // namespace syncline
