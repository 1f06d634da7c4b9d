#include "engine/apply/kind_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/config.h"
#include "engine/projection/schema.h"
#include "engine/sqlite/table_ddl.h"
#include "journal/base/try.h"
#include "journal/record/control_frame.h"

namespace syncline {

Status KindTables::create(Database& database, const std::string& table, const std::string& ddl) {
  auto created = create_kind_table(database, table, ddl);
  if (created) return {};
  if (created.error().code != Code::kInvalid || !database.in_transaction()) return created;
  refused_.insert_or_assign(table, created.error().message);
  return {};
}

// A table that was not made, or whose statement is at fault, is told of by the insert.
Status KindTables::add_columns(Database& database, const std::string& table,
                               const std::string& ddl) {
  TRY_ASSIGN(const bool there, database.has_table(table));
  if (!there || ddl.empty()) return {};
  auto added = add_missing_columns(database, table, ddl);
  if (!added && added.error().code == Code::kInvalid) return {};
  if (!added) return std::move(added).error();
  if (added->empty()) return {};
  notes_.push_back(fmt::format("table {}: added what its configuration has gained: {}", table,
                               fmt::join(*added, ", ")));
  return {};
}

Status KindTables::create_of(Database& database, ByteSpan config_payload) {
  TRY_ASSIGN(ConfigFrame frame, decode_config(config_payload));
  TRY_ASSIGN(const Config config, parse_config(std::move(frame.text)));
  for (const KindSpec& kind : config.kinds) {
    TRY(create(database, kind.table, kind.create_table));
    TRY(add_columns(database, kind.table, kind.create_table));
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
