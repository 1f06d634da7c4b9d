// The indexes that a configuration wants a kind's table to have.
//
// A configuration gives columns, never a statement: "domain, created_at desc". So an index is on
// its own kind's table, changes how rows are found and never which rows the table takes, and
// nothing of what a clone brings is run by SQLite. A table has an index when it has one of just
// these columns in this order, whatever its name is and whoever made it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sqlite/database.h"

namespace syncline {

inline constexpr size_t kIndexesMax = 50;  // of a kind

struct IndexColumn {
  std::string name;
  bool descending = false;
};
// Empty where the text is no list of names, each with "asc", "desc" or nothing behind it.
std::optional<std::vector<IndexColumn>> parse_index(std::string_view text);

// Those of `indexes` that the table lacks. A table that is not there, or is a view, lacks none.
Result<std::vector<std::string>> missing_indexes(Database& database, std::string_view table,
                                                 std::span<const std::string> indexes);

// Adds them, and returns those that were added. One whose columns the table lacks, and one whose
// name somebody has used for something else, is left out. In the caller's transaction.
Result<std::vector<std::string>> add_missing_indexes(Database& database, std::string_view table,
                                                     std::span<const std::string> indexes);

// kInvalid where a table that `ddl` makes could not have one of them.
Status check_table_indexes(std::string_view table, const std::string& ddl,
                           std::span<const std::string> indexes);

}  // namespace syncline
