// How many records make a commit, and when a background syncer should make one.
#pragma once

#include <cstdint>

#include "sync/context/sync_options.h"

namespace syncline {

struct BatchPolicy {
  uint64_t records_max = 1000;
  uint64_t bytes_max = 16u << 20;  // of journal payload; the record that passes it is still in
  int64_t age_ms_max = 1000;

  static BatchPolicy from(const SyncOptions& options);

  // Nothing more goes into a batch that holds this much. A limit of 0 is taken as 1: a batch always
  // takes a record.
  bool full(uint64_t records, uint64_t bytes) const;
  // Whether what waits should be folded now: a full batch, or one that has waited long enough.
  // `waited_ms` is since the oldest became durable, on a clock that does not jump.
  bool due(uint64_t records, uint64_t bytes, int64_t waited_ms) const;
};

}  // namespace syncline
