// Sections of records that are applied already, and the journalling of offsets that are decided for
// them anew.
//
// The order is the same as in a step: an offset is journalled and durable, and then projected,
// before the section is written there. A death between journal and database leaves the offset in
// the log ahead, where the next look finds it.
#pragma once

#include <vector>

#include "engine/apply/applied_records.h"
#include "engine/apply/apply_context.h"
#include "engine/apply/section_applier.h"
#include "journal/record/control_frame.h"

namespace syncline {

// The sections among `records` whose files can be written to and are to be there, with the offsets
// that are known of them. They point into `records`.
Result<std::vector<Section>> sections_of(ApplyContext& context,
                                         const std::vector<AppliedRecord>& records);
Status journal_offsets(ApplyContext& context, const std::vector<AppendOffset>& offsets);

}  // namespace syncline
