// The tables of kinds, made from the DDL of the configuration.
//
// A statement that SQLite refuses is not the records' fault, nor that of other kinds: the refusal
// is remembered and the step goes on. Records of that kind then find no table and wait; the error
// that they meet is explained with SQLite's reason.
//
// Everything happens in the caller's transaction; a death before its COMMIT leaves no table.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/apply/applier_options.h"
#include "engine/sqlite/database.h"
#include "journal/base/bytes.h"

namespace syncline {

class KindTables {
 public:
  // Makes the table with its indexes where there is none of the name.
  Status create(Database& database, const TableDdl& table);
  // The tables of all kinds of a journalled configuration. One that is there gets the columns that
  // the configuration has gained, where that is safe (engine/sqlite/table_ddl.h), and the indexes:
  // only in the moment that it changes, for what a person takes away or renames is theirs to put
  // back.
  Status create_of(Database& database, ByteSpan config_payload);
  // What an insert into `table` failed with, and why the table is not there.
  Error explain(const std::string& table, Error error) const;
  // What was changed in people's tables, a sentence each, once.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  Status add_what_is_gained(Database& database, const TableDdl& table);

  std::vector<std::string> notes_;
  std::map<std::string, std::string> refused_;  // table -> SQLite's message
};

}  // namespace syncline
