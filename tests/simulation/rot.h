// Rot after acknowledgement: a bit of the frame that ends the log flips, or more of it is lost,
// once the store is at rest. That frame has no later one to speak for it, so it is where damage is
// most easily taken for a torn tail. What was acknowledged and can still be known to have been (by
// the control page, the database or the store's ref) is refused with its place, and never cut.
//
// Works on a copy: the story goes on as if nothing had happened.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/machine.h"

namespace syncline::simulation {

struct RotReport {
  uint64_t tried = 0;
  uint64_t refused = 0;    // loudly, as it must be
  uint64_t salvaged = 0;   // of those, put back from what is still known
  uint64_t unclaimed = 0;  // cut: a power cut had taken back every claim
  std::vector<std::string> faults;
};

// `certain`: records that were acknowledged since the machine was booted, and it is still up: the
// page that the acknowledgement rests on cannot be gone.
RotReport rot_after_acknowledgement(const DiskImage& image, const SimulatedClock& clock,
                                    const Ledger& ledger, const std::set<uint64_t>& certain,
                                    SimulatedRandom& random);

}  // namespace syncline::simulation
