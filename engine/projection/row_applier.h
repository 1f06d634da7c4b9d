// Rows of records: one prepared INSERT for each (table, columns), inside the caller's transaction.
//
// Invariant: a foreign row is never changed. INSERT OR ABORT overrides whatever ON CONFLICT clause
// the user's table declares, so a conflict never replaces a row nor ends the transaction; only a
// trigger's RAISE(ROLLBACK) can, and says so.
//
// Not thread-safe. Failure: an error is about the database (busy, full, I/O, damage, a table that
// is missing or lacks a column) and says nothing about the record. Whether the table takes the
// record is told by RowResult.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/sqlite/database.h"
#include "journal/record/intent.h"

namespace syncline {

struct RowResult {
  enum class Kind : uint8_t {
    kInserted,    // or removed
    kOurs,        // our row is there: the database was restored, or has lost its watermark
    kIdTaken,     // a foreign row has our id
    kRefused,     // the table refuses the row; `reason` is SQLite's message
    kRolledBack,  // refused, and a trigger has rolled back the whole transaction
  };
  Kind kind = Kind::kInserted;
  std::string reason;
};

// Makes `shape` the table, the id's column and the columns of the row: rows of one shape share
// their statements.
void assign_row_shape(std::string& shape, const Effects& effects);

// Whether a column holds what was written to it: its affinity may have stored the integer 3 as the
// real 3.0, or a number as text.
bool same_value(const Value& a, const Value& b);

class RowApplier {
 public:
  explicit RowApplier(Database& database) : database_(database) {}

  // `effects` are those of `intent`. A row with our id is ours when all our columns are equal, or
  // when the column with the record's path is, since the path holds the id. In the second case a
  // user has edited the other columns, and the edit stays. So is any row with the id of a record
  // that found its row in place.
  Result<RowResult> insert(const Intent& intent, const Effects& effects);
  // Deletes the row with the id, where it has these columns: any other is a person's. kRefused,
  // kRolledBack: a constraint or a trigger of the table keeps it.
  Result<RowResult> remove(const Effects& effects);
  // Sets the columns of a row that is there to what was recorded, on a person's request. What they
  // held, column by column; kInvalid where the table refuses it.
  Result<std::vector<std::pair<std::string, Value>>> put_back(const Effects& effects);

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
  std::string shape_;  // of the row under way
};

}  // namespace syncline
