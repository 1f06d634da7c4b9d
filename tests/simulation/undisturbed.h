// The fate of a process that nothing happens to but what its machine's plan of faults says.
#pragma once

#include "tests/simulation/machine.h"

namespace syncline::simulation {

class Undisturbed final : public Fate {
 public:
  explicit Undisturbed(const SimulatedPlatform& platform) : platform_(platform) {}
  bool dead() const override { return platform_.dead(); }
  bool errors_allowed() const override { return false; }

 private:
  const SimulatedPlatform& platform_;
};

}  // namespace syncline::simulation
