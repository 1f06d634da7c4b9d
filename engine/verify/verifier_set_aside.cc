// The part of the Verifier that judges records that were set aside.
#include "engine/verify/verifier.h"
#include "journal/base/try.h"

namespace syncline {

// One whose content a later record has taken in anew is settled, whatever became of that one: it is
// a record of its own.
Status Verifier::check_set_aside(const Effects& effects, const std::string& reason) {
  TRY_ASSIGN(const auto outcomes, read_outcomes(database_, effects.seq, effects.seq));
  const auto known = outcomes.find(effects.seq);
  if (known != outcomes.end() && known->second.again_as != 0) return {};
  find(FindingClass::kSetAside, effects, reason);
  return {};
}

}  // namespace syncline
