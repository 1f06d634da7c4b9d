// A moment that a person writes: "2026-11-30", "2026-11-30T09:15:00Z", with a space in place of the
// T, with milliseconds, without the Z. UTC, as every time that the program prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "syncline/result.h"

namespace syncline {

// Milliseconds since 1970. kInvalid names the option.
Result<int64_t> parse_time_argument(std::string_view option, const std::string& text);

}  // namespace syncline
