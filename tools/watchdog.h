// --timeout for verbs that take no deadline of their own: when it passes, the failure is told and
// the process ends (exit 11) wherever it is. Any moment is safe to end at: that is what the journal
// is for. A Watchdog's death disarms it.
#pragma once

#include <string_view>

#include "tools/session.h"

namespace syncline {

class Watchdog {
 public:
  // `what` says what was cut short: "verify did not finish"; `hint` what to try.
  Watchdog(const Session& session, std::string_view what, std::string_view hint);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // While it lives the process does not end: output is whole or absent. Threads of the store may
  // not exist while one is used.
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
