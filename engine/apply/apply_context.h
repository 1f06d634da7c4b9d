// What the parts of an Applier share: the places they write to, the database they keep, what they
// have seen of the log, and the two marks.
//
//   ApplyStep        one attempt at applying a batch of records
//   WaitingFiles     the files and sections that wait for the person's git state to clear
//   FileRecheck      files of applied records: checked, and written again where they were lost
//   Checkpoint       files and database made durable
//
// Invariant: `applied` and `files_synced` are what the database says, as of the last refresh(). The
// database is the only place that they are read from; whoever raises one of them commits it there
// first. `reader` and `ahead` stand where the database stands, or are reset.
//
// The caller holds apply.lock. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/apply/applier_options.h"
#include "engine/apply/attempt.h"
#include "engine/apply/file_applier.h"
#include "engine/apply/kind_tables.h"
#include "engine/apply/parent_directories.h"
#include "engine/apply/section_applier.h"
#include "engine/apply/unapplied_log.h"
#include "engine/projection/projection_writer.h"
#include "engine/projection/row_applier.h"
#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"

namespace syncline {

struct ApplyContext {
  ApplyContext(Directory& store_directory_, Journal& journal_, Clock& clock_,
               std::unique_ptr<Directory> work_tree_, ApplierOptions options_);

  Directory& store_directory;  // .git/syncline
  Journal& journal;
  Clock& clock;
  std::unique_ptr<Directory> work_tree;
  ApplierOptions options;

  KindTables kinds;
  std::unique_ptr<Database> database;
  // They hold statements of the database, and go before it.
  std::unique_ptr<RowApplier> rows;
  std::unique_ptr<ProjectionWriter> projection;

  ParentDirectories parents;
  FileApplier files;
  SectionApplier sections;
  UnappliedLog ahead;
  std::unique_ptr<Reader> reader;  // of the next batch

  Mark applied;
  uint64_t files_synced = 0;

  // Closes the database, opens it (engine/apply/database_opening.h) and reads the marks.
  Status open_database();
  // Reads the marks: another process may have applied meanwhile. A database that was replaced,
  // deleted or lost a table of ours is opened anew first.
  Status refresh();
  // Reads the log from `applied` to its durable end.
  Status look_ahead() { return ahead.scan(applied); }
  // Makes attempts until one is kDone. Between two of them the directory handles are dropped and
  // the log is looked through again, for it holds the offsets that the last attempt journalled.
  Status until_done(const std::function<Result<Attempt>()>& attempt);

  // Makes all record files durable.
  Status sync_files();
  // After a failed sync of the database: leaves a mark for whoever opens the store next, however
  // this process ends, and makes `error` one to try again after.
  Status note_damage(Error& error);

  bool must_wait() const { return options.files_must_wait && options.files_must_wait(); }
  Result<bool> branch_is_away() const {
    return options.branch_is_away ? options.branch_is_away() : Result<bool>(false);
  }
  bool is_removed(const Effects& effects) const {
    return options.is_removed && options.is_removed(effects.seq, effects.path);
  }
  bool is_outside(const std::string& path) const {
    return options.is_outside && options.is_outside(path);
  }
  // What checkpoints ahead in the log claim. A replay makes its files anew and believes no claim.
  bool was_applied(uint64_t seq) const {
    return options.journal_outcomes && seq <= ahead.tail().claimed_applied();
  }
  bool was_synced(uint64_t seq) const {
    return options.journal_outcomes && seq <= ahead.tail().claimed_files_synced();
  }

 private:
  Status read_marks();
};

}  // namespace syncline
