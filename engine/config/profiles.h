// The configurations that come with the program, and that init writes.
#pragma once

#include <string>
#include <string_view>

#include "syncline/result.h"

namespace syncline {

// The text of a profile's syncline.toml: "notes", "packages", "elf"; kInvalid names the three.
Result<std::string> profile_text(std::string_view name);

}  // namespace syncline
