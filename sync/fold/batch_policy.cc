#include "sync/fold/batch_policy.h"

#include <algorithm>
#include <limits>

namespace syncline {

BatchPolicy BatchPolicy::from(const SyncOptions& options) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return {options.batch_records_max, options.batch_bytes_max,
          static_cast<int64_t>(std::min(options.batch_age_ms_max, kMax))};
}

bool BatchPolicy::full(uint64_t records, uint64_t bytes) const {
  return records > 0 && (records >= records_max || bytes >= bytes_max);
}

bool BatchPolicy::due(uint64_t records, uint64_t bytes, int64_t waited_ms) const {
  return full(records, bytes) || (records > 0 && waited_ms >= age_ms_max);
}

}  // namespace syncline
