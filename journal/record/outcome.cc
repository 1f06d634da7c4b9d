#include "journal/record/outcome.h"

namespace syncline {

void settle_file(Outcome& outcome, const Outcome* before, uint64_t batched_seq) {
  outcome.file_id.reset();
  if (before != nullptr && before->file_id) {
    outcome.file_id = before->file_id;
  } else if (outcome.seq <= batched_seq) {
    const uint64_t decided = before != nullptr ? before->new_id : 0;  // a rebind's, or none
    outcome.file_id = before == nullptr || before->has_file() ? decided : Outcome::kNoFile;
  }
}

EffectIds::EffectIds(uint64_t decided_id, const Outcome* outcome)
    : row(decided_id), file(decided_id) {
  if (outcome == nullptr) return;
  if (outcome->new_id != 0) row = file = outcome->new_id;
  if (outcome->file_id && outcome->has_file()) {
    file = *outcome->file_id == 0 ? decided_id : *outcome->file_id;
  }
}

}  // namespace syncline
