// What git says to people, taken out of its words.
//
// Pure. Threading: any thread.
#pragma once

#include <string>
#include <string_view>

namespace syncline {

// The command that git names where it refuses another user's repository ("git config --global --add
// safe.directory …"), which may be the one that is pushed to; empty where it names none.
std::string safe_directory_remedy(std::string_view said);

}  // namespace syncline
