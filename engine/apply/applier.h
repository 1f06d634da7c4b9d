// Journal → rows and files: applies what is durable, in order, exactly once.
//
// One step, under apply.lock (the caller holds it):
//   look ahead to the end of the log (made durable first) for outcomes and offsets that an applier
//   which died before its COMMIT has journalled: they are obeyed
//   → read up to a batch of frames after the watermark → BEGIN IMMEDIATE → insert rows (a foreign
//   row on our id: rebind; a refused row or an unusable path: set aside)
//   → journal those outcomes and the offsets of appends, flush → write files
//   → watermark, keys, outcomes, positions in the same transaction → COMMIT
//   → raise the shared watermark.
// What is on disk if power goes at any arrow: the watermark rises only with its rows, files are
// there before it rises, outcomes are durable before anybody acts on them; so doing the step again
// yields the same. An error (disk full, I/O, lock) rolls the step back and may be tried again.
//
// Files: a created file appears whole (O_TMPFILE + link). Where the path is taken by a directory, a
// link or by a file that was last changed before the record was accepted, and so cannot be ours
// edited, the record is set aside; other bytes are a person's edit of ours: they stay and the
// record counts as applied. A section is written at its journalled offset, or found again. Files
// are synced once a checkpoint, not each: after an unclean start (the page cache may be lost) files
// above `files_synced` are checked again: absent or torn (ours with zeros in place of bytes, or cut
// short) is rewritten, which replaces nothing but zeros; anything else is a person's edit.
//
// Tables: a kind's table is made from the DDL of the journalled configuration when its frame is
// applied (and from ApplierOptions::ddl at open), so a replay needs nothing but the journal.
// The engine's own tables in the user's database (all rebuilt from the journal):
//   syncline_meta(name PRIMARY KEY, value)
//   syncline_keys(key PRIMARY KEY, seq, content_hash) WITHOUT ROWID
//                                                     -- of trimmed records too: what is kept of
//                                                     -- them in the journal's folder fills it
//   syncline_outcomes(seq PRIMARY KEY, kind, new_id, reason, file_id)  -- see Outcome
//   syncline_offsets(seq PRIMARY KEY, offset)         -- of sections
//   syncline_waiting(seq PRIMARY KEY, path)           -- sections that wait for the git state
//   syncline_positions(seq PRIMARY KEY, segment, offset)  -- marks, one a batch: seek a record
//   syncline_commits(ref, last_seq, first_seq, commit_id, PRIMARY KEY(ref, last_seq))
//                                                     -- of kBatch and kPublish frames
//   syncline_ids(table_name PRIMARY KEY, last_id)     -- highest id given out
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"

namespace syncline {

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
  // DDL of the current configuration's kinds: table name and statement, run where it is missing.
  std::vector<std::pair<std::string, std::string>> ddl;
  // The database was the projection of another journal (a new identity was asked for): its engine
  // tables are begun anew, its rows stay as foreign ones. Without it that is kDisagree.
  bool take_over_database = false;
  // True while the person's git state forbids changing tracked files: sections then wait.
  std::function<bool()> files_must_wait;
};

struct ApplyReport {
  uint64_t records = 0;
  uint64_t set_aside = 0;
  uint64_t rebound = 0;
  Mark applied;  // afterwards
  bool more = false;
};

class Applier {
 public:
  // Opens (creating) the database and its tables, runs the kinds' DDL. `store_directory` is
  // .git/syncline; it, `journal` and `clock` outlive the Applier.
  // kCorrupt when the database is damaged, or a sync of it failed: move it (and its -wal, -shm)
  // away and open again, which rebuilds it from the journal, rows that are there already included.
  // kDisagree when it is the projection of another journal, or is ahead of this one.
  static Result<std::unique_ptr<Applier>> open(Directory& store_directory, Journal& journal,
                                               Clock& clock, std::unique_ptr<Directory> work_tree,
                                               ApplierOptions options);
  ~Applier();

  // Under apply.lock. Applies at most one batch; nothing to do is a report of zeros.
  Result<ApplyReport> step(std::optional<uint64_t> stop_after_seq = std::nullopt);
  // Under apply.lock, when the page cache may have been lost since: checks files above
  // files_synced.
  Status recheck_files();
  // Under apply.lock. Files, directories and SQLite made durable, in this order; files_synced
  // raised. After a failed sync nothing is raised, and what was not synced is written again before
  // the next try; a database whose sync failed answers kCorrupt from then on.
  Status checkpoint();
  bool checkpoint_due() const;
  // Under apply.lock: writes the sections that waited for the person's git state to clear.
  Result<uint64_t> write_waiting_files();

  // Under apply.lock, for repair: writes the rows or files of applied records again where they are
  // missing. What is there, whatever it holds, stays. Sequences may come in any order.
  Status restore_rows(std::vector<uint64_t> seqs);
  Status restore_files(std::vector<uint64_t> seqs);

  Mark applied() const;  // as of the last step or refresh
  Status refresh();      // another process may have applied meanwhile
  uint64_t files_synced() const;
  // Valid until the next call: a database file that was replaced or deleted meanwhile is reopened.
  Database& database();

 private:
  struct Impl;
  explicit Applier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
