// The paths that rows have written down.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/config/config.h"
#include "engine/sqlite/database.h"
#include "engine/verify/orphans.h"
#include "syncline/result.h"

namespace syncline {

// From the top of the work tree, which is at `root`; empty where the path leaves it.
std::string path_in_tree(std::string_view path, std::string_view root);

// Of the rows among the orphans: which path each names → its id, the lowest of several.
Result<std::map<std::string, uint64_t>> paths_of_rows(Database& database, const Config& config,
                                                      std::string_view root,
                                                      const Orphans& orphans);

}  // namespace syncline
