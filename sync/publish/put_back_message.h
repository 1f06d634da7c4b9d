// The message of a commit that holds no new record: what the branch had, and has no longer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sync/publish/publish_plan.h"

namespace syncline {

// "syncline: 2 files put back, 1 file without what was retracted", the paths, and the trailer of
// the store; where all of them were held back until now, "syncline: 3 files ignored no more".
// `released`: how many those are. Pure.
std::string put_back_message(const std::vector<PlannedChange>& changes, size_t released,
                             std::string_view store_hex);

}  // namespace syncline
