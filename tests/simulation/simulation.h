// One seed, one story: processes that record, ingest, fold, publish, checkpoint, rotate, trim and
// verify on one store, with what goes wrong meanwhile, some crashes of recovery itself, and an
// undisturbed end that the oracle looks at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncline::simulation {

struct StoryReport {
  uint64_t operations = 0, worlds = 0, records = 0, acknowledged = 0;
  uint64_t kills = 0, power_cuts = 0, injected = 0;
  uint64_t rotted = 0, rot_refused = 0, rot_salvaged = 0;  // see rot.h
  std::vector<std::string> faults;
};

StoryReport run_story(uint64_t seed, bool trace);

}  // namespace syncline::simulation
