#include "journal/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace syncline {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "syncline: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace syncline
