// Reads records from the journal and renders their effects on files, with the journalled outcomes.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/log/format.h"
#include "journal/log/reader.h"
#include "journal/os/file_system.h"
#include "journal/record/intent.h"
#include "sync/context/outcome_source.h"
#include "sync/fold/batch_policy.h"
#include "syncline/result.h"

namespace syncline {

// The part of a record's effects that git sees. (render_effects would render the row as well.)
struct FileEffect {
  uint64_t seq = 0;
  uint64_t id = 0;  // as the path and the text have it
  Operation operation = Operation::kCreate;
  std::string path;
  std::string header;
  std::string text;
  std::string subject;
  std::string kind;
  std::optional<RetractedRecord> retracted = std::nullopt;  // of an effect that takes another away
  uint64_t retracted_by = 0;  // the record that takes this effect away, where it is known; 0: none
};

// Records first_seq..last_seq, whole. `effects` leaves out those that were set aside, so it may be
// empty although the range is not.
struct RecordBatch {
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  std::vector<int64_t> times_ms;  // of all records, set aside or not
  std::vector<FileEffect> effects;
  Mark end;  // after the last record
};

class RecordSource {
 public:
  // Reads records from `after_seq` + 1 on; `from` is a durable mark at or before it.
  static Result<RecordSource> open(Directory& store_directory, const StoreId& store,
                                   const Mark& from, uint64_t after_seq);

  // The next batch: until the policy calls it full, `last_seq` is in, or `limit` is reached.
  // Empty when no record is left before `limit`. kCorrupt when the journal lacks a record;
  // kUnsupported for an operation that only a newer program knows.
  Result<std::optional<RecordBatch>> next(const BatchPolicy& policy, const Mark& limit,
                                          OutcomeSource& outcomes,
                                          uint64_t last_seq = std::numeric_limits<uint64_t>::max());

 private:
  RecordSource(std::unique_ptr<Reader> reader, uint64_t after_seq)
      : reader_(std::move(reader)), seq_(after_seq) {}
  std::unique_ptr<Reader> reader_;
  uint64_t seq_;  // the last one returned
};

}  // namespace syncline
