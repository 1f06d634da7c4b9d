// Which thresholds of the configuration a store's status breaches. Pure.
#pragma once

#include <vector>

#include "engine/config/config.h"
#include "syncline/store.h"

namespace syncline {

// Every threshold that is set, in the order of the configuration's page. One about something that
// is not known (the disk's free space, where it cannot be asked) is not breached.
std::vector<Alert> check_thresholds(const AlertLimits& limits, const StoreStatus& status);

}  // namespace syncline
