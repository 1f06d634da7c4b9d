// Finds a record by sequence or key, and renders its receipt: SQLite tells where to look, the
// journal what was recorded.
//
// Works without a database too, and beside one that is being made: everything is then found by
// reading the journal. Not
// thread-safe; its owner opens one for each use or guards it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/projection/projection.h"
#include "journal/contents/log_tail.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"
#include "syncline/store.h"

namespace syncline {

// A record as the journal holds it.
struct FoundRecord {
  Intent intent;
  uint64_t seq = 0;
  uint64_t id = 0;
  int64_t time_ms = 0;
};
// Nothing beyond `end`, or where it was trimmed. `database` shortens the way; it may be null.
Result<std::optional<FoundRecord>> find_record(Directory& store_directory, Journal& journal,
                                               Database* database, uint64_t seq, const Mark& end);

class Lookup {
 public:
  // The journal may still be writing; what is read lies before its durable mark.
  static Result<Lookup> open(Directory& store_directory, Journal& journal,
                             const DatabaseFile& database_file, const std::string& own_ref);

  Result<Receipt> receipt(uint64_t seq);  // kNotFound beyond the log
  Result<std::optional<KeyEntry>> key(std::string_view key);
  // Visits receipts from `from_seq` up to what is durable now; stops when the visitor answers
  // false.
  Result<uint64_t> visit(uint64_t from_seq, const std::function<bool(const LogEntry&)>& visit);
  Result<AppliedState> state();
  // What SQLite and the journal's tail say was reached.
  struct Progress {
    uint64_t applied = 0, committed = 0, published = 0;
  };
  Result<Progress> progress();
  // The outcome of an applied record, if it was not the plain case.
  Result<std::optional<Outcome>> applied_outcome(uint64_t seq);
  // That of any record, applied or not.
  Result<std::optional<Outcome>> outcome_of(uint64_t seq);
  // Bytes of journal after record `seq`, to within an apply batch.
  Result<uint64_t> bytes_after(uint64_t seq);

 private:
  Lookup(Directory& directory, Journal& journal) : directory_(directory), journal_(journal) {}
  Result<std::unique_ptr<Reader>> reader_before(uint64_t seq);
  // Control frames after the applied watermark: SQLite does not know them yet.
  Status read_tail();
  Receipt make_receipt(const FoundRecord& record, const std::optional<Outcome>& outcome) const;
  Stage stage_of(uint64_t seq) const;
  // Of a record that was trimmed.
  Result<Receipt> kept_receipt(uint64_t seq, const Mark& begin);
  Status add_commits(Receipt& receipt);

  Directory& directory_;
  Journal& journal_;
  std::unique_ptr<Database> database_;
  // What the database says is of one moment, so that what it does not know is behind the watermark
  // that the tail is read from.
  std::optional<ReadView> view_;
  std::string own_ref_;
  bool tail_read_ = false;
  LogTail tail_{LogTail::kOutcomes | LogTail::kCommits | LogTail::kKeys};
};

}  // namespace syncline
