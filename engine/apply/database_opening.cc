#include "engine/apply/database_opening.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/projection/database_replacement.h"
#include "engine/projection/projection_writer.h"
#include "engine/projection/schema.h"
#include "journal/base/try.h"
#include "journal/contents/kept_keys.h"

namespace syncline {

Error database_sync_failed() {
  return make_error(Code::kCorrupt, "a sync of the database failed: what it holds is not known",
                    "it is moved aside and rebuilt from the journal");
}

Result<std::unique_ptr<Database>> DatabaseOpening::open() {
  TRY(make_directory());
  const DatabaseFile file(options_.database_path, options_.sqlite_vfs, options_.work_tree);
  TRY_ASSIGN(database_, Database::open(file, Database::Access::kWrite, options_.busy_timeout_ms,
                                       options_.on_busy));
  TRY(check_not_suspect());
  TRY(make_tables());
  return std::move(database_);
}

// Where the database's directory is gone, the database begins anew as where the file itself is.
Status DatabaseOpening::make_directory() {
  const std::string root = options_.work_tree + "/";
  if (!options_.database_path.starts_with(root)) return {};
  const std::string below = options_.database_path.substr(root.size());
  const size_t slash = below.rfind('/');
  return slash == std::string::npos ? Status()
                                    : work_tree_.make_directories(below.substr(0, slash));
}

// The mark of a failed sync means the database that failed. One without our tables is a new one, so
// the mark goes.
Status DatabaseOpening::check_not_suspect() {
  TRY_ASSIGN(const bool known, database_->has_table("syncline_meta"));
  const auto suspect = store_directory_.info(kDatabaseSuspect);
  if (suspect && known) return database_sync_failed();
  if (!suspect && suspect.error().code != Code::kNotFound) return suspect.error();
  if (suspect) TRY(store_directory_.remove_file(kDatabaseSuspect));
  return {};
}

Status DatabaseOpening::make_tables() {
  TRY_ASSIGN(Transaction transaction, Transaction::begin(*database_));
  TRY(check_identity());
  TRY(set_watermark());
  for (const TableDdl& table : options_.ddl) TRY(kinds_.create(*database_, table));
  return transaction.commit();
}

// Creates the engine's tables, or sees that those there are this journal's projection.
Status DatabaseOpening::check_identity() {
  // Somebody dropped one of them: the watermark in the others is no longer true.
  TRY_ASSIGN(const bool whole, has_engine_tables(*database_));
  if (!whole) TRY(drop_engine_tables(*database_));
  TRY(create_engine_tables(*database_));
  const std::string store_id = journal_.store().hex();
  TRY_ASSIGN(auto projected, read_meta_text(*database_, "store"));
  if (projected && *projected != store_id) {
    if (!options_.take_over_database) {
      return make_error(Code::kDisagree,
                        fmt::format("{} is the projection of store {}, not of {}",
                                    options_.database_path, *projected, store_id),
                        "put the store's own database back, or move this one away: it is rebuilt "
                        "from the journal");
    }
    TRY(drop_engine_tables(*database_));
    TRY(create_engine_tables(*database_));
    projected.reset();
  }
  if (!projected) TRY(write_meta_text(*database_, "store", store_id));
  return {};
}

Status DatabaseOpening::set_watermark() {
  TRY_ASSIGN(const auto mark, read_applied_mark(*database_));
  TRY_ASSIGN(const Mark begin, journal_.begin());
  if (mark && mark->seq > std::max(journal_.end().seq, journal_.durable().seq)) {
    return make_error(Code::kDisagree,
                      fmt::format("the database has applied {} records, the journal ends at {}",
                                  mark->seq, journal_.end().seq),
                      "the journal has lost records, or is an older copy: restore it");
  }
  const uint64_t seq = mark ? mark->seq : 0;
  if (seq < begin.seq) TRY(project_kept_keys(seq, begin.seq));
  // A mark whose segment was trimmed stays where no record behind it is missing: the reader finds
  // the place itself.
  if (!mark || seq < begin.seq) TRY(write_applied_mark(*database_, begin));
  return {};
}

// Keys and ids of records that the journal no longer holds: a retry must still find its first
// record, and no id may be given twice.
Status DatabaseOpening::project_kept_keys(uint64_t after_seq, uint64_t last_seq) {
  TRY_ASSIGN(const auto writer, ProjectionWriter::prepare(*database_));
  return visit_kept_keys(store_directory_, journal_.store(), after_seq, last_seq,
                         [&](const KeptKeys& kept) -> Status {
                           std::vector<ProjectionWriter::Key> keys;
                           for (const KeptRecord& record : kept.records) {
                             keys.push_back({record.key, record.seq, &record.content_hash});
                           }
                           TRY(writer->add_keys(std::move(keys)));
                           for (const auto& [table, id] : kept.last_ids)
                             TRY(writer->raise_id(table, id));
                           return {};
                         });
}

}  // namespace syncline
