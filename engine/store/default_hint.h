// What to try where an error gives no hint of its own. The command's failures and the reasons in
// status and verify use the same words.
#pragma once

#include <string_view>

#include "syncline/result.h"

namespace syncline {

std::string_view default_hint(Code code);

}  // namespace syncline
