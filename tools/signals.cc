#include "tools/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "journal/base/assert.h"

namespace syncline {
namespace {

// All that a handler touches: lock-free, and alive as long as the process.
std::atomic<int> received_signal{0};
std::atomic<int> wake_descriptor{-1};
std::atomic<bool> handlers_installed{false};
static_assert(std::atomic<int>::is_always_lock_free);

int wake_pipe[2] = {-1, -1};

void note_signal(int signal_number) {
  const int saved_errno = errno;
  received_signal.store(signal_number);
  const char byte = 1;
  // A full pipe wakes just as well.
  [[maybe_unused]] const ssize_t written = write(wake_descriptor.load(), &byte, 1);
  errno = saved_errno;
}

}  // namespace

StopSignals::StopSignals() {
  SYNCLINE_ASSERT(!handlers_installed.exchange(true));
  // Without a pipe (no descriptors left) a signal is still noted, only a blocked read not woken.
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) wake_pipe[0] = wake_pipe[1] = -1;
  received_signal.store(0);
  wake_descriptor.store(wake_pipe[1]);
  struct sigaction action{};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &interrupt_before_);
  sigaction(SIGTERM, &action, &terminate_before_);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
  wake_descriptor.store(-1);
  if (wake_pipe[0] >= 0) close(wake_pipe[0]);
  if (wake_pipe[1] >= 0) close(wake_pipe[1]);
  handlers_installed.store(false);
}

int StopSignals::received() const {
  return received_signal.load();
}

int StopSignals::descriptor() const {
  return wake_pipe[0];
}

}  // namespace syncline
