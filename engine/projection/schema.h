// The engine's own tables in the user's database, and the tables of kinds.
//
// Everything in the tables syncline_* is a projection of the journal. syncline_meta holds, by name:
//   store            the id, in hex, of the store whose projection the database is
//   applied_seq, applied_segment, applied_offset   the applied watermark, a Mark
//   files_synced     the files of records up to this seq have been synced
//   carried          the kept database whose rows were carried over (database_replacement.h)
//   checkpoint       1 while a checkpoint's syncs are under way: found set, one of them may have
//                    failed unseen
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/sqlite/database.h"
#include "journal/log/format.h"

namespace syncline {

Status create_engine_tables(Database& database);
// True when all of them are there. A database that is being made, or has lost one, knows nothing.
Result<bool> has_engine_tables(Database& database);
// For a database that was another journal's projection: the ids given out stay, all else goes.
Status drop_engine_tables(Database& database);

Result<std::optional<int64_t>> read_meta(Database& database, std::string_view name);
Result<std::optional<std::string>> read_meta_text(Database& database, std::string_view name);
Status write_meta(Database& database, std::string_view name, int64_t value);
Status write_meta_text(Database& database, std::string_view name, std::string_view value);

// Empty where the database has no watermark yet.
Result<std::optional<Mark>> read_applied_mark(Database& database);
Status write_applied_mark(Database& database, const Mark& mark);
// How far the journal was durable when the watermark was written: a claim (journal/log/recovery.h)
// that covers the outcomes of the applied records too, which lie behind the records.
Result<std::optional<Mark>> read_durable_mark(Database& database);
Status write_durable_mark(Database& database, const Mark& mark);

// Runs `ddl` where no table or view of the name is there (see engine/sqlite/table_ddl.h), within
// the caller's transaction if there is one.
Status create_kind_table(Database& database, std::string_view table, const std::string& ddl);

}  // namespace syncline
