// Sections of applied records that could not be written when their records were applied, because
// the person's git state (a merge, a rebase, another branch) forbids changing tracked files.
//
// A section that waits is a row of syncline_waiting; ApplyStep and FileRecheck add it in their
// transaction. Sections of one file are written in the journal's order, so those behind a waiting
// one wait too. When the state has cleared:
//
//   offsets journalled, durable, projected ─► sections written ─► files synced ─► rows removed
//
// The sync comes before the rows go: a waiting record may lie below `files_synced`, where nothing
// would look at its file again. A death at any arrow leaves the rows, and the next run finds what
// was written at its offset; it writes it once more, in case its sync has failed.
//
// The caller holds apply.lock, has refreshed the context and looked ahead.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/apply/applied_records.h"
#include "engine/apply/apply_context.h"
#include "engine/apply/attempt.h"

namespace syncline {

class WaitingSections {
 public:
  explicit WaitingSections(ApplyContext& context) : context_(context) {}

  // Writes all of them where the state allows it; answers how many.
  Result<uint64_t> write();

 private:
  // One attempt. Adds to `written`.
  Result<Attempt> write(const std::vector<AppliedRecord>& records, uint64_t& written);

  ApplyContext& context_;
};

}  // namespace syncline
