// How many records make a commit.
#pragma once

#include <cstdint>

#include "sync/context/sync_options.h"

namespace syncline {

struct BatchPolicy {
  uint64_t records_max = 1000;
  uint64_t bytes_max = 16u << 20;  // of journal payload; the record that passes it is still in

  static BatchPolicy from(const SyncOptions& options);

  // True when a batch of this size takes no more records. A limit of 0 counts as 1, so that a batch
  // always takes a record.
  bool full(uint64_t records, uint64_t bytes) const;
};

}  // namespace syncline
