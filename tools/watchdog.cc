#include "tools/watchdog.h"

#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "journal/base/clock.h"
#include "tools/failure.h"
#include "tools/json_output.h"

namespace syncline {
namespace {

// Made before the timer is armed: a handler may neither allocate nor format.
std::string* farewell = nullptr;
int farewell_descriptor = -1;

void end_process(int) {
  // A short write leaves a part of the message on the terminal or in the pipe; nobody could be
  // told.
  [[maybe_unused]] const ssize_t written =
      write(farewell_descriptor, farewell->data(), farewell->size());
  _exit(to_int(ExitCode::kTimeLimit));
}

sigset_t alarm_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  return set;
}

void set_timer_ms(int64_t milliseconds) {
  itimerval timer{};
  timer.it_value.tv_sec = milliseconds / 1000;
  timer.it_value.tv_usec = milliseconds % 1000 * 1000;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

Watchdog::Watchdog(const Session& session, std::string_view what, std::string_view hint,
                   int64_t grace_ms) {
  if (!session.options().timeout_ms) return;
  const Failure failure{
      .error =
          make_error(Code::kTimeout, fmt::format("{} in the time given", what), std::string(hint)),
      .kept = "everything recorded stays",
      .stage = {}};
  // Lives until the process ends: the handler may run to the very last moment.
  static std::string message;
  message = session.json() ? failure_json(failure) : failure_text(failure);
  farewell = &message;
  farewell_descriptor = fileno(session.json() ? session.console().out : session.console().err);
  struct sigaction action{};
  action.sa_handler = end_process;
  sigemptyset(&action.sa_mask);
  sigaction(SIGALRM, &action, nullptr);
  armed_ = true;
  const int64_t left_ms = system_clock().left_ms(session.deadline(), *session.options().timeout_ms);
  set_timer_ms(std::max<int64_t>(1, left_ms) + grace_ms);
}

Watchdog::~Watchdog() {
  if (!armed_) return;
  set_timer_ms(0);
  std::signal(SIGALRM, SIG_DFL);
}

Watchdog::Hold::Hold() {
  const sigset_t set = alarm_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Watchdog::Hold::~Hold() {
  const sigset_t set = alarm_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace syncline
