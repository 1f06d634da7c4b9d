// Finds a record by sequence or key, and makes its receipt: SQLite says where to look, the journal
// what was recorded.
//
// It also works without a database, or while one is being made: then everything is found by reading
// the journal. Not thread-safe; its owner opens one for each use or guards it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/projection/projection.h"
#include "journal/contents/log_tail.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"
#include "sync/own/held_paths.h"
#include "syncline/store.h"

namespace syncline {

// A record as the journal holds it.
struct FoundRecord {
  Intent intent;
  uint64_t seq = 0;
  uint64_t id = 0;
  int64_t time_ms = 0;
};
// Empty for a record beyond `end`, and for one that was trimmed. `database` shortens the search; it
// may be null.
Result<std::optional<FoundRecord>> find_record(Directory& store_directory, Journal& journal,
                                               Database* database, uint64_t seq, const Mark& end);

class ReceiptLookup {
 public:
  // Others may be appending to the journal; only what lies before its durable mark is read.
  static Result<ReceiptLookup> open(Directory& store_directory, Journal& journal,
                                    const DatabaseFile& database_file, const std::string& own_ref);

  Result<Receipt> receipt(uint64_t seq);  // kNotFound beyond the log
  Result<std::optional<KeyEntry>> key(std::string_view key);
  // Visits records from `from_seq` up to what is durable now; stops when the visitor, who may take
  // the entry, answers false. Returns the sequence to go on from.
  Result<uint64_t> visit(uint64_t from_seq,
                         const std::function<bool(LogEntry& entry, const Intent& intent)>& visit);
  Result<AppliedState> state();
  // How far each stage has come, by SQLite and the journal's tail.
  struct Progress {
    uint64_t applied = 0, committed = 0, published = 0;
  };
  Result<Progress> progress();
  // The outcome of an applied record, by SQLite; empty in the plain case.
  Result<std::optional<Outcome>> applied_outcome(uint64_t seq);
  // The same for any record: the journal's tail knows more than SQLite.
  Result<std::optional<Outcome>> outcome_of(uint64_t seq);
  // The time of a durable record that the journal still holds; empty where there is none.
  Result<std::optional<int64_t>> time_of(uint64_t seq);
  // Bytes of journal after record `seq`, to the accuracy of an apply batch.
  Result<uint64_t> bytes_after(uint64_t seq);

 private:
  ReceiptLookup(Directory& directory, Journal& journal)
      : directory_(directory), journal_(journal) {}
  Result<std::unique_ptr<Reader>> reader_before(uint64_t seq);
  // Reads what lies after the applied mark: SQLite does not know it yet.
  Status read_tail();
  Receipt receipt_of(const FoundRecord& record, const std::optional<Outcome>& outcome) const;
  // For a record at or before `begin`: it was trimmed.
  Result<Receipt> kept_receipt(uint64_t seq, const Mark& begin);
  Status add_commits(Receipt& receipt);
  Status note_if_ignored(Receipt& receipt);

  Directory& directory_;
  Journal& journal_;
  std::unique_ptr<Database> database_;
  // The database is read in one snapshot, so that everything it does not know lies after the
  // applied mark from which the tail is read.
  std::optional<ReadView> view_;
  std::string own_ref_;
  std::optional<HeldPaths> held_;  // read for the first receipt that counts as published
  bool tail_read_ = false;
  LogTail tail_{LogTail::kOutcomes | LogTail::kCommits | LogTail::kKeys};
};

}  // namespace syncline
