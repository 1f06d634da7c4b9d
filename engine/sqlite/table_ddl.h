// The one statement that a configuration may give SQLite: how a kind's table is made.
//
// The text comes with a clone or a pull, so it is taken for hostile. It may make the table that it
// is for and nothing else: one statement, no other database (ATTACH), no setting (PRAGMA), no other
// table, index, view or trigger, no rows read (AS SELECT), no function beyond those that look at
// the values of one row, and no more work than a table's making takes. SQLite's authorizer sees to
// it while it compiles the statement, so no trick of spelling matters.
#pragma once

#include <string>
#include <string_view>

#include "engine/sqlite/database.h"

namespace syncline {

// Runs `ddl` for the table; kInvalid, with SQLite's or our reason, where it is not such a
// statement. Trouble of the database itself is told as it is.
Status run_table_ddl(Database& database, std::string_view table, const std::string& ddl);

// The same on an empty database in memory: what `config check` and parse_config want to know.
Status check_table_ddl(std::string_view table, const std::string& ddl);

}  // namespace syncline
