// The real system, but for the time.
#pragma once

#include "journal/base/clock.h"
#include "journal/os/platform.h"

namespace syncline {

class ClockedPlatform final : public Platform {
 public:
  explicit ClockedPlatform(Clock& clock) : clock_(clock) {}
  Clock& clock() override { return clock_; }

 private:
  Clock& clock_;
};

}  // namespace syncline
