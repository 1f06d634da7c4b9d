// For what a test of power cuts sets up: it cannot go on where that fails.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace syncline {

[[noreturn]] inline void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace syncline
