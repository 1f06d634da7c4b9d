// A mutex and condition variable that clang's thread-safety analysis understands.
//
// -Wthread-safety does not know std::mutex; these thin wrappers carry the annotations and nothing
// else. g++ sees plain classes. See https://clang.llvm.org/docs/ThreadSafetyAnalysis.html.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "syncline/deadline.h"

#if defined(__clang__)
#define SYNCLINE_TSA(x) __attribute__((x))
#else
#define SYNCLINE_TSA(x)
#endif

#define GUARDED_BY(x) SYNCLINE_TSA(guarded_by(x))
#define REQUIRES(...) SYNCLINE_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) SYNCLINE_TSA(locks_excluded(__VA_ARGS__))

namespace syncline {

class SYNCLINE_TSA(capability("mutex")) Mutex {
 public:
  void lock() SYNCLINE_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() SYNCLINE_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() SYNCLINE_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SYNCLINE_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SYNCLINE_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() SYNCLINE_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits may wake spuriously: always wait in a loop on the condition itself.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when `deadline` passed.
  bool wait_until(Mutex& mutex, Deadline deadline) REQUIRES(mutex) {
    if (deadline.forever()) {
      wait(mutex);
      return true;
    }
    const std::chrono::steady_clock::time_point due(
        std::chrono::nanoseconds(deadline.monotonic_ns));
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = condition_.wait_until(lock, due) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace syncline
