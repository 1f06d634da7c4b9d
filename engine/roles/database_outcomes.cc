#include "engine/roles/database_outcomes.h"

#include "engine/projection/projection.h"

namespace syncline {

Result<std::map<uint64_t, Outcome>> DatabaseOutcomes::outcomes(uint64_t first_seq,
                                                               uint64_t last_seq) {
  return read_outcomes(database_, first_seq, last_seq);
}

}  // namespace syncline
