#include "engine/roles/database_outcomes.h"

#include "engine/projection/projection.h"
#include "journal/base/try.h"

namespace syncline {

Result<std::map<uint64_t, Outcome>> DatabaseOutcomes::outcomes(uint64_t first_seq,
                                                               uint64_t last_seq) {
  return read_outcomes(database_, first_seq, last_seq);
}

Result<OutcomeSource::Retractions> DatabaseOutcomes::retractions(uint64_t first_seq,
                                                                 uint64_t last_seq) {
  Retractions found;
  TRY_ASSIGN(found.seqs, read_retractions(database_, first_seq, last_seq));
  if (!found.seqs.empty()) {
    TRY_ASSIGN(found.before, position_before(database_, found.seqs.front()));
  }
  return found;
}

}  // namespace syncline
