// Keys and ids of records that are in the journal but perhaps not yet in SQLite.
//
// Under the append lock a record's key must be looked up among all earlier records: SQLite knows
// the applied ones, and this index the others. It starts at an applied watermark, reads every frame
// after it, whoever appended it, and is kept up to date under the lock.
//
// Invariant: every record after the mark it was restarted at and up to position() is in it, less
// what was pruned. Not thread-safe: used under the append lock, but for restart() and prune(),
// which its one owner calls between turns.
#pragma once

#include <memory>
#include <string>

#include "journal/contents/log_tail.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"

namespace syncline {

class AppendIndex {
 public:
  AppendIndex(Directory& store_directory, const StoreId& store)
      : directory_(store_directory), store_(store) {}

  // Starts over at the applied mark of SQLite, or at the journal's begin where nothing is applied.
  void restart(const Mark& applied) {
    position_ = applied;
    reader_.reset();
    tail_.clear();
    started_ = true;
  }
  // Called when a noted record may never have been written: the index is restarted before its next
  // use.
  void invalidate() { started_ = false; }
  bool started() const { return started_; }
  const Mark& position() const { return position_; }

  // Reads up to `end` every frame appended since, by whichever process. Refuses a frame that this
  // program cannot act on, because the caller is about to write behind it.
  Status catch_up(const Mark& end);

  // Keys and ids of what it has read, and the newest configuration.
  const LogTail& tail() const { return tail_; }

  // Notes a record that is about to be appended with this seq and id, before the append itself: the
  // next one of the same group must see it. If the append fails the index must be restarted.
  void note_record(const std::string& key, const ContentHash& hash, const std::string& table,
                   uint64_t seq, uint64_t id) {
    tail_.note_record(key, hash, table, seq, id);
  }
  // Notes the keys of records that were trimmed from the journal, where SQLite does not know them.
  void note_kept(const KeptKeys& kept) { tail_.note_kept(kept); }
  // After this process's own append: everything up to `end` is known without reading it back.
  void advance(const Mark& end) { position_ = end; }
  // Forgets records up to `applied`, which SQLite answers for.
  void prune(uint64_t applied_seq) { tail_.forget_records(applied_seq); }

 private:
  Directory& directory_;
  const StoreId store_;
  bool started_ = false;
  Mark position_;
  std::unique_ptr<Reader> reader_;  // kept for the next time: where it stands, or before position_
  LogTail tail_{LogTail::kKeys | LogTail::kIds | LogTail::kConfig};
};

}  // namespace syncline
