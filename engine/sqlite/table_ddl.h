// The one statement that a configuration may give SQLite: how a kind's table is made.
//
// The text comes with a clone or a pull, so it is treated as hostile. It may make the table that it
// is for and nothing else: one statement, no other database (ATTACH), no setting (PRAGMA), no other
// table, index, view or trigger, no reading of rows (AS SELECT), no function beyond those that look
// at the values of one row, and no more work than making a table takes. SQLite's authorizer
// enforces this while the statement is compiled, so that no trick of spelling gets around it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/sqlite/database.h"

namespace syncline {

// Runs `ddl` for the table. kInvalid, with SQLite's reason or ours, where it is not such a
// statement; errors of the database itself are returned as they are.
Status run_table_ddl(Database& database, std::string_view table, const std::string& ddl);

// The same on an empty database in memory, for `config check` and parse_config.
Status check_table_ddl(std::string_view table, const std::string& ddl);

// Adds to the table the columns that one made by `ddl` would have, where the rows that are there
// can do without: nullable ones, and those with a constant default. Their names. Their CHECKs are
// not taken over, nor is a default that is computed. In the caller's transaction.
Result<std::vector<std::string>> add_missing_columns(Database& database, std::string_view table,
                                                     const std::string& ddl);

// The columns that both the table that is there and one made by `ddl` have, without those named in
// `but`: what people's hooks keep in a kind's table, and a table made anew can hold.
Result<std::vector<std::string>> shared_columns(Database& database, std::string_view table,
                                                const std::string& ddl,
                                                const std::vector<std::string>& but);

// What keeps a table that is there from taking rows of these columns, and what to do about it: a
// sentence each. `ddl` makes the table as it should be.
Result<std::vector<std::string>> table_obstacles(Database& database, std::string_view table,
                                                 const std::string& ddl,
                                                 const std::vector<std::string>& columns);

}  // namespace syncline
