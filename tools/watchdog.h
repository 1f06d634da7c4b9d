// --timeout for verbs that take no deadline of their own: when it passes, the failure is reported
// and the process ends (exit 11) wherever it is. Ending is safe at any moment: that is what the
// journal is for. The destructor disarms the timer.
#pragma once

#include <cstdint>
#include <string_view>

#include "tools/session.h"

namespace syncline {

class Watchdog {
 public:
  // `what` says what was cut short: "verify did not finish"; `hint` what to try. A verb that keeps
  // the time by itself, and only may hang in a lock, is ended `grace_ms` later.
  Watchdog(const Session& session, std::string_view what, std::string_view hint,
           int64_t grace_ms = 0);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // While one lives the process does not end, so that output is whole or absent. Not to be used
  // while the store has threads.
  class Hold {
   public:
    Hold();
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
  };

 private:
  bool armed_ = false;
};

}  // namespace syncline
