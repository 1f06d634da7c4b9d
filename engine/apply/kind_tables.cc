#include "engine/apply/kind_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/config.h"
#include "engine/projection/schema.h"
#include "engine/sqlite/table_ddl.h"
#include "engine/sqlite/table_indexes.h"
#include "journal/base/try.h"
#include "journal/record/control_frame.h"

namespace syncline {

Status KindTables::create(Database& database, const TableDdl& table) {
  TRY_ASSIGN(const bool there, database.has_table(table.table));
  auto created = create_kind_table(database, table.table, table.statement);
  if (!created) {
    if (created.error().code != Code::kInvalid || !database.in_transaction()) return created;
    refused_.insert_or_assign(table.table, created.error().message);
    return {};
  }
  if (there) return {};
  TRY(add_missing_indexes(database, table.table, table.indexes));
  return {};
}

// A table that was not made, or whose statement is at fault, is told of by the insert.
Status KindTables::add_what_is_gained(Database& database, const TableDdl& table) {
  TRY_ASSIGN(const bool there, database.has_table(table.table));
  if (!there || table.statement.empty()) return {};
  auto columns = add_missing_columns(database, table.table, table.statement);
  if (!columns && columns.error().code == Code::kInvalid) return {};
  if (!columns) return std::move(columns).error();
  if (!columns->empty()) {
    notes_.push_back(fmt::format("table {}: added what its configuration has gained: {}",
                                 table.table, fmt::join(*columns, ", ")));
  }
  TRY_ASSIGN(const auto indexes, add_missing_indexes(database, table.table, table.indexes));
  if (!indexes.empty()) {
    notes_.push_back(fmt::format("table {}: added the indexes that its configuration names: ({})",
                                 table.table, fmt::join(indexes, "), (")));
  }
  return {};
}

Status KindTables::create_of(Database& database, ByteSpan config_payload) {
  TRY_ASSIGN(ConfigFrame frame, decode_config(config_payload));
  TRY_ASSIGN(const Config config, parse_config(std::move(frame.text)));
  for (const KindSpec& kind : config.kinds) {
    const TableDdl table{kind.table, kind.create_table, kind.indexes};
    TRY(create(database, table));
    TRY(add_what_is_gained(database, table));
  }
  return {};
}

Error KindTables::explain(const std::string& table, Error error) const {
  const auto refused = refused_.find(table);
  if (refused != refused_.end() && error.code == Code::kRetryLater) {
    error.message += fmt::format(" (it could not be made: {})", refused->second);
  }
  return error;
}

}  // namespace syncline
