// The kinds whose files would not be published, because the repository ignores where they go: for
// init and `config check`, which say so before there is a record.
//
// One path of each kind stands for all; a rule for some of its names is not seen. Reads the rules
// alone, changes nothing.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "sync/git/git_platform.h"
#include "syncline/result.h"

namespace syncline {

// A sentence for each, with the way out. Empty where nothing is ignored, and where the
// configuration has what is ignored published.
Result<std::vector<std::string>> ignored_kinds(const std::string& work_tree, const Config& config,
                                               GitPlatform& platform);

}  // namespace syncline
