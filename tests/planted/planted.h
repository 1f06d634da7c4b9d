// Which of the planted bugs is awake: the one that SYNCLINE_PLANTED names, or none.
//
// Exists only in the copy of the sources that tests/planted/run_planted makes; it is put at the top
// of every file that one of the bugs is planted in. See tests/planted/README.md.
#pragma once

#include <cstdlib>
#include <string_view>

inline bool planted(std::string_view bug) {
  static const char* const awake = std::getenv("SYNCLINE_PLANTED");
  return awake != nullptr && bug == awake;
}
