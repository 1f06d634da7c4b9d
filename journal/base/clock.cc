#include "journal/base/clock.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "journal/base/assert.h"
#include "journal/base/posix_fd.h"

namespace syncline {
namespace {

int64_t read_clock_ns(clockid_t clock) {
  timespec now{};
  SYNCLINE_ASSERT(clock_gettime(clock, &now) == 0);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  int64_t now_ms() override { return read_clock_ns(CLOCK_REALTIME) / 1'000'000; }
  int64_t monotonic_ns() override { return read_clock_ns(CLOCK_MONOTONIC); }
  void pause_ns(int64_t duration_ns) override {
    if (duration_ns <= 0) return;
    timespec left{};
    left.tv_sec = static_cast<time_t>(duration_ns / 1'000'000'000);
    left.tv_nsec = static_cast<long>(duration_ns % 1'000'000'000);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  }
};

class SystemRandom final : public Random {
 public:
  uint64_t next_u64() override {
    uint64_t value = 0;
    ssize_t taken = 0;
    // Up to 256 bytes come whole once the pool is seeded; before that a signal may interrupt.
    do {
      taken = getrandom(&value, sizeof value, 0);
    } while (taken < 0 && errno == EINTR);
    // A sandbox may forbid the call and still allow the device.
    if (taken < 0) taken = read_device(value);
    SYNCLINE_ASSERT(taken == static_cast<ssize_t>(sizeof value));
    return value;
  }

 private:
  static ssize_t read_device(uint64_t& value) {
    const PosixFd device(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
    ssize_t taken = 0;
    do {
      taken = ::read(device.get(), &value, sizeof value);
    } while (taken < 0 && errno == EINTR);
    return taken;
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace syncline
