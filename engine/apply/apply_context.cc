#include "engine/apply/apply_context.h"

#include "engine/apply/database_opening.h"
#include "engine/projection/database_replacement.h"
#include "engine/projection/schema.h"
#include "journal/base/try.h"
#include "journal/os/file_system.h"

namespace syncline {

ApplyContext::ApplyContext(Directory& store_directory_, Journal& journal_, Clock& clock_,
                           std::unique_ptr<Directory> work_tree_, ApplierOptions options_)
    : store_directory(store_directory_),
      journal(journal_),
      clock(clock_),
      work_tree(std::move(work_tree_)),
      options(std::move(options_)),
      parents(*work_tree),
      files(parents, clock),
      sections(parents),
      ahead(store_directory_, journal_) {}

Status ApplyContext::open_database() {
  projection.reset();
  rows.reset();
  database.reset();
  reader.reset();
  ahead.reset();
  TRY_ASSIGN(auto opened,
             DatabaseOpening(store_directory, journal, *work_tree, options, kinds).open());
  auto row_applier = std::make_unique<RowApplier>(*opened);
  TRY_ASSIGN(projection, ProjectionWriter::prepare(*opened));
  rows = std::move(row_applier);
  database = std::move(opened);
  return read_marks();
}

Status ApplyContext::refresh() {
  if (database == nullptr || database->has_moved()) return open_database();
  if (database->sync_failed()) return database_sync_failed();
  // Somebody dropped our tables: they are begun anew, and filled from the journal.
  TRY_ASSIGN(const bool known, has_engine_tables(*database));
  if (!known) return open_database();
  return read_marks();
}

Status ApplyContext::read_marks() {
  TRY_ASSIGN(const auto mark, read_applied_mark(*database));
  if (!mark) return make_error(Code::kCorrupt, "the database has lost its applied watermark");
  TRY_ASSIGN(const auto synced, read_meta(*database, "files_synced"));
  applied = *mark;
  files_synced = static_cast<uint64_t>(synced.value_or(0));
  return {};
}

Status ApplyContext::until_done(const std::function<Result<Attempt>()>& attempt) {
  for (int tried = 0; tried < kAttemptsMax; ++tried) {
    auto done = attempt();
    parents.clear();
    if (!done) return std::move(done).error();
    if (*done == Attempt::kDone) return {};
    TRY(look_ahead());
  }
  return keeps_changing();
}

Status ApplyContext::sync_files() {
  if (!options.write_files) return {};
  auto synced = work_tree->sync_file_system();
  if (synced) return {};
  Error error = std::move(synced).error();
  error.message = "the record files could not be synced: " + error.message;
  error.hint = "they are written again before the next try";
  return error;
}

Status ApplyContext::note_damage(Error& error) {
  if (!database->sync_failed()) return {};
  error.code = Code::kRetryLater;  // nothing is damaged that the journal would not make again
  error.hint = "the database is moved aside and rebuilt from the journal";
  return replace_file(store_directory, kDatabaseSuspect, as_bytes(error.message));
}

}  // namespace syncline
