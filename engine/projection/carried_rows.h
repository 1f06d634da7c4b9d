// What people have in a database that was damaged, into the one that was made again in its place.
//
// The new one holds the rows of all records, as the journal has them. Everything else is nowhere
// but in the old file, and is carried over as far as SQLite can read that:
//
//   a column of a kind's table that is not ours   added, where rows can do without (table_ddl.h)
//   a record's row with other values              set to these: somebody changed them
//   a row that no record made                     inserted, with its id
//   another table                                 made, with its rows
//   an index, a view, a trigger                   made, once all rows are there
//
// A table is read from its first row on until SQLite cannot go on, and then from its last row
// backward. A page in which SQLite finds no fault may hold another value than was written: SQLite
// has no checksums, so that cannot be told from a person's change.
//
// Left out, and told: what could not be read, what the new database refuses, virtual tables with
// what they hold. A row that a person deleted comes back, as it does by repair.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/sqlite/database.h"

namespace syncline {

struct CarriedRows {
  uint64_t changed = 0;               // rows of records
  uint64_t inserted = 0;              // rows of nobody's record, in any table
  uint64_t tables = 0;                // made, with their rows
  std::vector<std::string> left_out;  // a sentence each

  // All of it in a sentence; empty where there was nothing to carry.
  std::string text() const;
};

// `kinds`: the tables of kinds, each with the column of its id. In the caller's transaction. An
// error is of the new database alone.
Result<CarriedRows> carry_rows(Database& damaged, Database& fresh,
                               const std::vector<std::pair<std::string, std::string>>& kinds);

}  // namespace syncline
