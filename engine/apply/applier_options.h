// What an Applier is told when it is opened, and what it reports of a step.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "journal/log/format.h"
#include "syncline/result.h"

namespace syncline {

// A kind's table, as it is made where it is missing.
struct TableDdl {
  std::string table;
  std::string statement;
  std::vector<std::string> indexes = {};  // engine/sqlite/table_indexes.h
};

struct ApplierOptions {
  std::string work_tree;
  std::string database_path;         // absolute
  const char* sqlite_vfs = nullptr;  // null: SQLite's own
  uint64_t batch_records_max = 1000;
  uint64_t batch_bytes_max = 8u << 20;
  uint64_t wal_bytes_max = 8u << 20;         // beyond it the step checkpoints SQLite
  uint64_t checkpoint_records_max = 10'000;  // unsynced files that make a checkpoint due
  bool write_files = true;
  bool journal_outcomes = true;  // false in replay: outcomes come from the journal alone
  std::vector<TableDdl> ddl;     // of the current configuration's kinds
  // The store was given a new identity, so its database is the projection of another journal: the
  // engine's tables in it are begun anew, its rows stay as foreign ones. Without this option such a
  // database is kDisagree.
  bool take_over_database = false;
  // True while the person's git state forbids changing tracked files: sections then wait.
  std::function<bool()> files_must_wait;
  // True while the store's branch is not the one checked out: nothing of ours belongs into the work
  // tree then, and files and sections wait.
  std::function<Result<bool>()> branch_is_away;
  // True where the file that a record once made was removed by a person, who meant it. Asked where
  // files of applied records are written again.
  std::function<bool(uint64_t seq, const std::string& path)> is_removed;
  // True where a sparse checkout leaves the path out of the work tree: nothing is written there.
  std::function<bool(const std::string& path)> is_outside;
  // A section for a file that is there waits until write_waiting_files() is called: by who is about
  // to publish it, so that no command of a person meets it between work tree and branch.
  bool sections_await_publish = false;
  // How long a lock of another program on the database is waited for.
  int busy_timeout_ms = 5000;
  // Called for each time that such a lock was waited for and is tried again.
  std::function<void()> on_busy;
};

struct ApplyReport {
  uint64_t records = 0;
  uint64_t set_aside = 0;
  uint64_t rebound = 0;
  Mark applied;  // after the step
  bool more = false;
};

}  // namespace syncline
