// The engine's own tables in the user's database, and the tables of kinds.
//
// Everything in syncline_* is a projection of the journal. syncline_meta holds, by name:
//   store            hex of the store id the database is a projection of
//   applied_seq, applied_segment, applied_offset   the applied watermark, a Mark
//   files_synced     files of records up to here have been synced
//   checkpoint       1 while a checkpoint's syncs are under way: who finds it set knows that one
//                    may have failed unseen
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/sqlite/database.h"
#include "journal/log/format.h"

namespace syncline {

Status create_engine_tables(Database& database);
// All of them are there; a database that is being made, or that lost one, knows nothing.
Result<bool> has_engine_tables(Database& database);
// Of a database that was another journal's projection: ids given out stay, the rest goes.
Status drop_engine_tables(Database& database);

Result<std::optional<int64_t>> read_meta(Database& database, std::string_view name);
Result<std::optional<std::string>> read_meta_text(Database& database, std::string_view name);
Status write_meta(Database& database, std::string_view name, int64_t value);
Status write_meta_text(Database& database, std::string_view name, std::string_view value);

// Nothing where the database has no watermark yet.
Result<std::optional<Mark>> read_applied_mark(Database& database);
Status write_applied_mark(Database& database, const Mark& mark);
// How far the journal was durable when the watermark was written: a claim (journal/log/recovery.h).
// It covers what was journalled for the applied records and lies behind them.
Result<std::optional<Mark>> read_durable_mark(Database& database);
Status write_durable_mark(Database& database, const Mark& mark);

// Runs `ddl` where there is no table (or view) of the name; see engine/sqlite/table_ddl.h. In a
// transaction it stays in it.
Status create_kind_table(Database& database, std::string_view table, const std::string& ddl);

}  // namespace syncline
