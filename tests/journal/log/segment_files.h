// The bytes of a simulated machine's segments, for readers that are not ours.
#pragma once

#include <map>
#include <string>

#include "journal/log/segment.h"
#include "tests/simulation/test_machine.h"

namespace syncline {

inline std::map<uint64_t, std::string> segment_files(simulation::TestMachine& machine) {
  std::map<uint64_t, std::string> files;
  for (uint64_t id = 1; machine.image().exists("journal/" + segment_name(id)); ++id) {
    files[id] = std::string(as_text(machine.image().bytes("journal/" + segment_name(id))));
  }
  return files;
}

}  // namespace syncline
