// How a target says under libFuzzer that a property does not hold: as a crash, which it keeps.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {

void property_failed(std::string_view what, const std::source_location& where) {
  std::fprintf(stderr, "%s:%u: property failed: %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace syncline::fuzz
