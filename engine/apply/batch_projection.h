// Writes what a batch leaves in the engine's own tables: outcomes, keys, offsets, waiting sections,
// commits, ids given out, and the applied watermark.
//
// Everything goes into the caller's transaction, the watermark last: rows, tables and watermark
// are committed together or not at all. The files are written before.
#pragma once

#include <vector>

#include "engine/apply/apply_batch.h"
#include "engine/apply/apply_context.h"
#include "journal/record/control_frame.h"

namespace syncline {

// `offsets` are those that the step has journalled for the batch's sections.
Status project_batch(ApplyContext& context, const Batch& batch,
                     const std::vector<AppendOffset>& offsets);

}  // namespace syncline
