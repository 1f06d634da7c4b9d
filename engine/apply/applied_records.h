// Records that are applied already, read from the journal again with the effects that hold: what
// the rechecks, the waiting sections and repair act on.
//
// Outcomes come from the database, which has projected all of them up to the watermark. A record
// whose outcome leaves it no file is left out, and so is one that was retracted, also where the
// retraction is not applied yet: the caller has looked ahead (ApplyContext::look_ahead).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/apply/abandoned_effects.h"
#include "engine/apply/apply_context.h"
#include "journal/record/intent.h"

namespace syncline {

struct AppliedRecord {
  Intent intent;
  Effects effects;  // without a table where the record has no row
  std::vector<Abandoned> abandoned;
};

using VisitApplied = std::function<Status(const std::vector<AppliedRecord>&)>;

// Applied records of first..last that `include` wants, in order, some at a time, so that memory
// does not grow with their number.
Status visit_applied(ApplyContext& context, uint64_t first_seq, uint64_t last_seq,
                     const std::function<bool(uint64_t seq)>& include, const VisitApplied& visit);
// Records whose files have not been synced, without those whose sections wait.
Status visit_unsynced(ApplyContext& context, const VisitApplied& visit);

}  // namespace syncline
