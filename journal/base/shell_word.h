// A text as one word of a POSIX shell, whatever is in it. Pure. Threading: any thread.
#pragma once

#include <string>
#include <string_view>

namespace syncline {

inline std::string quoted_for_shell(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace syncline
