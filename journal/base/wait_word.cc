#include "journal/base/wait_word.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace syncline {

// The bitset form takes an absolute time of CLOCK_MONOTONIC. Its errors say that the value has
// changed, that the time has come or that a signal did: the caller looks again in each case.
void WaitWord::wait(uint32_t expected, Deadline deadline) const {
  const timespec until{.tv_sec = deadline.monotonic_ns / 1'000'000'000,
                       .tv_nsec = deadline.monotonic_ns % 1'000'000'000};
  syscall(SYS_futex, &value_, FUTEX_WAIT_BITSET_PRIVATE, expected,
          deadline.forever() ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void WaitWord::wake_one() const {
  syscall(SYS_futex, &value_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void WaitWord::wake_all() const {
  syscall(SYS_futex, &value_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace syncline
