// The profile of the agent-memory framework ELF: its tables, its directories, its four kinds.
#pragma once

#include <string>

namespace syncline {

// The text of its syncline.toml, as profiles.cc keeps the other profiles: %SETTINGS% stands where
// the settings that all of them share go.
std::string elf_profile_text();

}  // namespace syncline
