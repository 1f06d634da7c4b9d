#include "engine/config/database_fit.h"

#include <fmt/format.h>

#include "engine/sqlite/table_ddl.h"
#include "engine/sqlite/table_indexes.h"
#include "journal/base/try.h"

namespace syncline {

Result<std::vector<std::string>> obstacles_in_tables(Database& database, const Config& config) {
  std::vector<std::string> told;
  for (const KindSpec& kind : config.kinds) {
    std::vector<std::string> columns = {kind.id_column};
    for (const auto& [column, pattern] : kind.columns) columns.push_back(column);
    TRY_ASSIGN(const auto obstacles,
               table_obstacles(database, kind.table, kind.create_table, columns));
    for (const std::string& obstacle : obstacles) {
      told.push_back(fmt::format("records of kind {} will wait: {}", kind.name, obstacle));
    }
  }
  return told;
}

Result<std::vector<std::string>> indexes_lacking(Database& database, const Config& config) {
  std::vector<std::string> told;
  for (const KindSpec& kind : config.kinds) {
    TRY_ASSIGN(const auto missing, missing_indexes(database, kind.table, kind.indexes));
    for (const std::string& index : missing) {
      told.push_back(fmt::format("table {} lacks the index ({})", kind.table, index));
    }
  }
  return told;
}

}  // namespace syncline
