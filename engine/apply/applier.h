// Journal → rows and files: applies what is durable, in order, exactly once.
//
// An Applier holds one ApplyContext and what acts on it: ApplyStep (engine/apply/apply_step.h) has
// the protocol of a step, with what is on disk at each arrow. Here is what holds of all of it.
//
// Files: a created file appears whole (O_TMPFILE + link). A record is set aside where its path is
// taken by a directory, by a link, or by a file that was last changed before the record was
// accepted and so cannot be our own, edited. A file with other bytes is a person's edit of ours: it
// stays and the record counts as applied. A section is written at its journalled offset, or found
// again. Files are synced by a checkpoint, not one by one: after an unclean start, when the page
// cache may be lost, files above `files_synced` are checked again. One that is absent or torn (ours
// with zeros in place of bytes, or cut short) is written again, which replaces nothing but zeros;
// anything else is a person's edit.
//
// Tables: a kind's table is made from the DDL of the journalled configuration when its frame is
// applied (and from ApplierOptions::ddl when the database is opened), so a replay needs nothing but
// the journal. The engine's own tables in the user's database, all rebuilt from the journal:
//   syncline_meta(name PRIMARY KEY, value)
//   syncline_keys(key PRIMARY KEY, seq, content_hash) WITHOUT ROWID
//                                                     -- those of trimmed records too: they come
//                                                     -- from what the journal keeps of these
//   syncline_outcomes(seq PRIMARY KEY, kind, new_id, reason, file_id)
//                                                     -- see Outcome; new_id of a retracted record
//                                                     -- is the record that took it away
//   syncline_offsets(seq PRIMARY KEY, offset)         -- of sections
//   syncline_waiting(seq PRIMARY KEY, path)           -- files and sections that wait
//   syncline_positions(seq PRIMARY KEY, segment, offset)  -- one a batch, to seek a record by
//   syncline_commits(ref, last_seq, first_seq, commit_id, PRIMARY KEY(ref, last_seq))
//                                                     -- of kBatch and kPublish frames
//   syncline_ids(table_name PRIMARY KEY, last_id)     -- highest id given out
//
// Not thread-safe. What changes anything is called under apply.lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/apply/applier_options.h"
#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"

namespace syncline {

class Applier {
 public:
  // Opens the database, creating it and its tables where they are missing, and runs the kinds' DDL.
  // `store_directory` is .git/syncline; it, `journal` and `clock` outlive the Applier.
  // kCorrupt when the database is damaged, or a sync of it has failed: move it (and its -wal, -shm)
  // away and open again, which builds it anew from the journal.
  // kDisagree when it is the projection of another journal, or is ahead of this one.
  static Result<std::unique_ptr<Applier>> open(Directory& store_directory, Journal& journal,
                                               Clock& clock, std::unique_ptr<Directory> work_tree,
                                               ApplierOptions options);
  ~Applier();

  // Under apply.lock. Applies at most one batch; nothing to do is a report of zeros.
  Result<ApplyReport> step(std::optional<uint64_t> stop_after_seq = std::nullopt);
  // Under apply.lock, when the page cache may have been lost: checks the files above files_synced
  // and writes again what is absent or torn.
  Status recheck_files();
  // Under apply.lock. Makes files, directories and SQLite durable, in this order, and raises
  // files_synced. After a failed sync nothing is raised, and what was not synced is written again
  // before the next try; a database whose sync failed answers kCorrupt from then on.
  Status checkpoint();
  bool checkpoint_due() const;
  // Under apply.lock. Writes the sections that wait (ApplierOptions), of records up to `last_seq`,
  // where the person's git state allows it; those up to `published` are on the branch already.
  // settle: their offsets alone, durably. place: so that they are in the files, for who is about to
  // publish them; where all is settled nothing is synced. write: durably, and they wait no longer;
  // answers how many.
  Status settle_waiting_files(uint64_t last_seq, uint64_t published);
  Status place_waiting_files(uint64_t last_seq, uint64_t published);
  Result<uint64_t> write_waiting_files(uint64_t last_seq, uint64_t published);
  // Under apply.lock. Writes, durably, the created files that wait for the store's branch to be
  // checked out, where it is.
  Status write_waiting_created(uint64_t published);

  // Under apply.lock, for repair: writes the rows or files of applied records again where they are
  // missing. What is there stays, whatever it holds. Sequences may come in any order.
  Status restore_rows(std::vector<uint64_t> seqs);
  Status restore_files(std::vector<uint64_t> seqs);
  // The row of one applied record as it was recorded, on a person's request: written where it is
  // missing, else set to what it was. Says what was there, a sentence; nothing where it is as it
  // was.
  Result<std::vector<std::string>> put_back_row(uint64_t seq);

  // Under apply.lock. Why a record would be set aside if it were applied now, with this id or the
  // next; empty where it would not. Tried in a transaction that is rolled back; an error is a fault
  // of the place, for which a record waits.
  Result<std::string> refusal_of(const Intent& intent, std::optional<uint64_t> id);

  // What was changed in people's tables, a sentence each, once.
  std::vector<std::string> take_notes();

  Mark applied() const;  // as of the last step or refresh
  Status refresh();      // another process may have applied meanwhile
  uint64_t files_synced() const;
  // How long another program's lock on the database is waited for, now and where it is opened
  // again.
  void set_busy_timeout(int64_t timeout_ms);
  // Valid until the next call, which opens another where the file was replaced or deleted. Not to
  // be asked for after a call that failed to open it.
  Database& database();

 private:
  struct Impl;
  explicit Applier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
