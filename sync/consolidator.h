// Consolidates packs: every batch and publish adds one, and git slows down with hundreds of them.
//
// `git repack --geometric=2` rewrites only the small packs, so the work stays linear in the number
// of records; without delta search (pack.window=0) it costs about 21 µs a record at 50 packs. It is
// due when options.consolidate_packs have been added since the last time, which is well below the
// 50 that trigger a user's `gc --auto`. Git's own care applies: it keeps what .keep files protect
// and what is not reachable, and syncs what it writes (core.fsync=all).
//
// Git only adds a pack (no -d): a git process that outlives this one, or misses a failed call, can
// lose nothing, whoever folds or consolidates at the same time. Which packs may be removed is
// decided here, see redundant_packs.h. A death in between leaves packs for the next time.
#pragma once

#include <cstdint>

#include "sync/context/sync_context.h"
#include "syncline/result.h"

namespace syncline {

class Consolidator {
 public:
  explicit Consolidator(SyncContext& context) : context_(context) {}

  // Called under sync.lock, with no fold or publish under way. A failure harms nothing; it is tried
  // again when as many packs have been added once more.
  Status run_if_due();

 private:
  struct Packs {
    uint64_t count = 0;
    bool kept_by_us = false;  // this store has a .keep: a fold or publish is unfinished
  };
  Result<Packs> look();
  Status consolidate();

  SyncContext& context_;
};

}  // namespace syncline
