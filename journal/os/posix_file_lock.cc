#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "journal/base/backoff.h"
#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "journal/os/posix_file.h"

namespace syncline {
namespace {

// flock has no timed form, so a lock with a deadline is tried again and again. Holders keep a lock
// for tens of microseconds (an append) to milliseconds (a flush): start there, and stay short.
constexpr BackoffLimits kLockRetry = {.first_ns = 20'000, .longest_ns = 10'000'000};

class PosixLock final : public FileLock {
 public:
  PosixLock(PosixFd descriptor, std::string path)
      : fd_(std::move(descriptor)), path_(std::move(path)) {}

  Result<bool> try_lock(Mode mode) override {
    while (flock(fd_.get(), operation_of(mode) | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return false;
      if (errno != EINTR) return failed(errno);
    }
    return true;
  }

  Status lock(Mode mode, Deadline deadline) override {
    if (deadline.forever()) {
      while (flock(fd_.get(), operation_of(mode)) != 0) {
        if (errno != EINTR) return failed(errno);
      }
      return {};
    }
    Clock& clock = system_clock();
    Backoff backoff(system_random(), kLockRetry);
    while (true) {
      TRY_ASSIGN(const bool locked, try_lock(mode));
      if (locked) return {};
      const int64_t left_ns = deadline.monotonic_ns - clock.monotonic_ns();
      if (left_ns <= 0) {
        return make_error(Code::kTimeout,
                          fmt::format("the lock {} was not free before the deadline", path_));
      }
      clock.pause_ns(std::min(backoff.next_delay_ns(), left_ns));
    }
  }

  void unlock() override {
    while (flock(fd_.get(), LOCK_UN) != 0 && errno == EINTR) {
    }
  }

 private:
  static int operation_of(Mode mode) { return mode == Mode::kShared ? LOCK_SH : LOCK_EX; }
  Error failed(int sys_errno) const {
    return errno_error(sys_errno, fmt::format("lock {}", path_));
  }

  PosixFd fd_;
  std::string path_;
};

}  // namespace

std::unique_ptr<FileLock> make_posix_lock(PosixFd descriptor, std::string path) {
  return std::make_unique<PosixLock>(std::move(descriptor), std::move(path));
}

}  // namespace syncline
