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

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

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

  // The last one journalled; null where there is none.
  const Outcome* outcome(uint64_t seq) const;
  // Ids that rebinds before the last one gave.
  std::span<const uint64_t> earlier_ids(uint64_t seq) const;
  std::optional<uint64_t> offset(uint64_t seq) const;
  // A frame at `position` that names `seq` has been projected: forgets it, and tells whether it is
  // the last word (a later frame ahead names the record too, or not). Of an outcome that is ahead,
  // what is known of its place comes with it.
  bool pass_outcome(Outcome& outcome, const Position& position);
  bool pass_offset(uint64_t seq, const Position& position);

  // Up to here batches hold the records: files and commits are settled.
  uint64_t batched() const { return batched_; }
  // Highest claims of the batch and checkpoint frames ahead.
  uint64_t claimed_applied() const { return std::max(claimed_applied_, batched_); }
  uint64_t claimed_files_synced() const { return claimed_files_synced_; }

  // Highest id that records after the applied watermark and before `end` have for the table; `end`
  // is that of an append turn held by the caller, so that nobody gives out more meanwhile. Call
  // read_ids() before taking the turn, to keep it short.
  Status read_ids();
  Result<uint64_t> highest_id(const std::string& table, const Mark& end);

 private:
  template <typename What>
  struct At {
    What what;
    Position position;
  };
  using Ids = std::map<std::string, uint64_t>;  // by table name in lower case

  Status note(const FrameView& frame);
  Status read_ids_until(Reader& reader, const Mark& end, Ids& ids);

  Directory& store_directory_;
  Journal& journal_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Reader> id_reader_;
  Mark applied_;
  std::unordered_map<uint64_t, At<Outcome>> outcomes_;
  std::unordered_map<uint64_t, std::vector<uint64_t>> earlier_ids_;
  std::unordered_map<uint64_t, At<uint64_t>> offsets_;
  Ids ids_;
  uint64_t batched_ = 0;
  uint64_t claimed_applied_ = 0;
  uint64_t claimed_files_synced_ = 0;
};

}  // namespace syncline
