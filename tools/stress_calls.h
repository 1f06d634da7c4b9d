// The records that `syncline stress` has its processes write, and how it finds them afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/config/config.h"

namespace syncline {

struct StressCall {
  std::string token;                   // occurs in the record's text and nowhere else
  std::vector<std::string> arguments;  // of `syncline record`, from the kind on
};

// Call number `number` of a run: the kinds of the store in turn, every required field filled, the
// token in each text that has room for it.
StressCall make_stress_call(const Config& config, const std::string& run, uint64_t number);

}  // namespace syncline
