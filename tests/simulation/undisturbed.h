// The fate of a process that nothing happens to but what its machine's plan of faults says, and one
// life of such a process.
#pragma once

#include <cstdint>
#include <functional>

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

struct Life {
  DiskImage image;       // as it leaves the disk
  SimulatedClock clock;  // when it ends
  uint64_t changes = 0;  // to the disk
  bool crashed = false;
};
// A process that does `work` with a client on a machine of this disk; it dies at the nth change,
// where that is not 0.
inline Life live(const DiskImage& image, const SimulatedClock& clock, Ledger& ledger,
                 uint64_t crash_at,
                 const std::function<void(Client& client, SimulatedPlatform& platform)>& work) {
  FaultPlan plan;
  Machine machine(image, plan, clock, 7);
  plan = FaultPlan(&machine.clock);
  plan.crash_at(crash_at);
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const Undisturbed fate(platform);
    Client client(platform, kRoot, ledger, fate);
    work(client, platform);
  }
  return {machine.disk.image(), machine.clock, plan.operations(), plan.crashed()};
}

}  // namespace syncline::simulation
