// The command line: finds the verb, reads its options, runs it.
//
//   syncline [GLOBAL OPTIONS] VERB [ARGUMENTS AND OPTIONS, global ones too]
//
// Only the requested verb is set up, because a one-shot command is bound by how fast it starts. No
// exception and no signal handler of a verb outlives the call.
#pragma once

#include <string>
#include <vector>

#include "tools/console.h"

namespace syncline {

// `arguments` without the program's name. Returns the exit code.
int run_cli(const std::vector<std::string>& arguments, const Console& console);

std::string program_help();

}  // namespace syncline
