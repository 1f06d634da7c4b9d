// What the log says about records that are not applied yet: outcomes and offsets that were
// journalled by an applier which died before its COMMIT, what checkpoints claim, and ids that were
// given out.
//
// Invariant: nothing is applied before the whole log, made durable up to its end at the beginning
// of the step, was looked through. Otherwise an outcome that is in the log, but not durable yet,
// could become durable later and contradict what was done.
//
// Each frame is read once; memory grows with the outcomes and offsets ahead, not with the records.
// The caller holds apply.lock, so nobody else journals outcomes meanwhile. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "journal/contents/log_tail.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"
#include "journal/record/outcome.h"

namespace syncline {

class UnappliedLog {
 public:
  UnappliedLog(Directory& store_directory, Journal& journal)
      : store_directory_(store_directory), journal_(journal) {}

  // Reads on to the durable end of the log, from `applied`. Where that is another mark than at the
  // last call, another process has applied, and everything is read anew.
  Status scan(const Mark& applied);
  // The caller has applied up to here.
  void set_applied(const Mark& applied) { applied_ = applied; }

  // After a failed attempt: the next scan reads everything anew.
  void reset() { reader_.reset(); }

  // Outcomes, offsets and claims ahead; whoever projects one of them passes it out of the tail.
  LogTail& tail() { return tail_; }
  const LogTail& tail() const { return tail_; }

  // Reads the ids up to the durable end. To be called before an append turn is taken, so that
  // highest_id() has little left to read while it is held.
  Status read_ids();
  // The highest id that records between the applied watermark and `end` have in the table; `end` is
  // that of an append turn which the caller holds, so that nobody gives out another meanwhile.
  Result<uint64_t> highest_id(const std::string& table, const Mark& end);

 private:
  using Ids = std::map<std::string, uint64_t>;  // by table name in lower case

  Status read_ids_until(Reader& reader, const Mark& end, Ids& ids);

  Directory& store_directory_;
  Journal& journal_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Reader> id_reader_;
  Mark applied_;
  LogTail tail_{LogTail::kOutcomes | LogTail::kOffsets | LogTail::kClaims};
  Ids ids_;
};

}  // namespace syncline
