#include "sync/fold/batch_policy.h"

namespace syncline {

BatchPolicy BatchPolicy::from(const SyncOptions& options) {
  return {options.batch_records_max, options.batch_bytes_max};
}

bool BatchPolicy::full(uint64_t records, uint64_t bytes) const {
  return records > 0 && (records >= records_max || bytes >= bytes_max);
}

}  // namespace syncline
