// Rows of records: one prepared INSERT for each (table, columns), inside the caller's transaction.
//
// Invariant: a foreign row is never changed. INSERT OR ABORT overrides whatever ON CONFLICT clause
// the user's table declares, so a conflict never replaces a row nor ends the transaction; only a
// trigger's RAISE(ROLLBACK) can, and says so.
//
// Not thread-safe. Failure: errors are the database's (busy, full, I/O, damage; a table that is not
// there or lacks a column) and mean nothing about the record; what the table thinks of the record
// is a RowResult.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "engine/sqlite/database.h"
#include "journal/record/intent.h"

namespace syncline {

struct RowResult {
  enum class Kind : uint8_t {
    kInserted,
    kOurs,        // our row is there already: a database that was restored or lost its watermark
    kIdTaken,     // a foreign row has our id
    kRefused,     // the table does not take the row; `reason` is SQLite's message
    kRolledBack,  // as refused, but a trigger took the whole transaction with it
  };
  Kind kind = Kind::kInserted;
  std::string reason;
};

class RowApplier {
 public:
  explicit RowApplier(Database& database) : database_(database) {}

  // `effects` are those of `intent`. A row at our id counts as ours when all our columns equal, or
  // when the column that holds the record's path (which holds its id) does: then a person has
  // edited the rest, and the edit stays.
  Result<RowResult> insert(const Intent& intent, const Effects& effects);

 private:
  struct Table {
    Statement insert;
    Statement exists;
    bool id_is_unique = false;
  };
  Result<Table*> table_for(const Effects& effects);
  Result<bool> id_is_unique(const Effects& effects);
  Result<bool> is_ours(const Intent& intent, const Effects& effects);

  Database& database_;
  std::unordered_map<std::string, std::unique_ptr<Table>> tables_;
  std::string table_key_;
};

}  // namespace syncline
