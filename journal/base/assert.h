// Assertions that stay on in release: a broken invariant must stop the process before it writes.
#pragma once

namespace syncline {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}  // namespace syncline

#define SYNCLINE_ASSERT(expression)    \
  ((expression) ? static_cast<void>(0) \
                : ::syncline::assertion_failed(#expression, __FILE__, __LINE__))
