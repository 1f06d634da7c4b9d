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

#include "engine/sqlite/database.h"
#include "journal/base/bytes.h"

namespace syncline {

class KindTables {
 public:
  // Runs `ddl` where there is no such table.
  Status create(Database& database, const std::string& table, const std::string& ddl);
  // The tables of all kinds of a journalled configuration.
  Status create_of(Database& database, ByteSpan config_payload);
  // What an insert into `table` failed with, and why the table is not there.
  Error explain(const std::string& table, Error error) const;

 private:
  std::map<std::string, std::string> refused_;  // table -> SQLite's message
};

}  // namespace syncline
