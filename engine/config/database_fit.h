// How a database that is there fits a configuration: for `init` and `config check`.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/sqlite/database.h"

namespace syncline {

// What keeps tables that are there from taking records of their kinds, a sentence each.
Result<std::vector<std::string>> obstacles_in_tables(Database& database, const Config& config);

// The indexes that the configuration names and tables that are there lack, a sentence each.
Result<std::vector<std::string>> indexes_lacking(Database& database, const Config& config);

}  // namespace syncline
