// What the log says about records that are not applied yet: outcomes and offsets that an applier
// which died before its COMMIT had journalled, what checkpoints claim, ids given out.
//
// Invariant: nothing is applied before the log up to its end, as of the step's begin and made
// durable, was looked through: an outcome that is in the log but not yet durable could else become
// durable later and contradict what was done.
//
// Each frame is read once; memory grows with the outcomes and offsets ahead, not with the records.
// Under apply.lock, so nobody else journals outcomes meanwhile. Not thread-safe.
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

class LookAhead {
 public:
  LookAhead(Directory& store_directory, Journal& journal)
      : store_directory_(store_directory), journal_(journal) {}

  // Reads on to the durable end of the log. `applied` is where everything begins; where it is not
  // what was passed last, another process has applied, and all is read anew from it.
  Status scan(const Mark& applied);
  // The caller has applied up to here.
  void set_applied(const Mark& applied) { applied_ = applied; }

  // After a step that failed: all is read anew.
  void reset() { reader_.reset(); }

  // Outcomes, offsets and claims ahead; what was projected is passed out of it.
  LogTail& tail() { return tail_; }
  const LogTail& tail() const { return tail_; }

  // Highest id that records after the applied watermark and before `end` have for the table; `end`
  // is that of an append turn held by the caller, so that nobody gives out more meanwhile. Call
  // read_ids() before taking the turn, to keep it short.
  Status read_ids();
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
