// Packs into fewer packs: every batch and publish adds one, and git slows down by the hundred.
//
// `git repack --geometric=2` rewrites only the small ones, so the work stays linear in what was
// recorded; without delta search (pack.window=0) it costs about 21 µs a record at 50 packs. It is
// due when options.consolidate_packs have come since the last time, which is well below the 50 that
// wake a person's `gc --auto`. Git's own care applies: it keeps what .keep files protect and what
// is not reachable, and syncs what it writes (core.fsync=all).
//
// Git only adds a pack (no -d): one that outlives this process, or whose calls fail unseen, can
// lose nothing, whoever folds or consolidates beside it. What may go then is found out here, see
// redundant_packs.h. A death in between leaves packs for the next time.
#pragma once

#include <cstdint>
#include <string_view>

#include "journal/result.h"
#include "sync/sync_context.h"

namespace syncline {

// How many packs the last consolidation left. A cache: missing, the next one is only sooner.
inline constexpr std::string_view kConsolidatedFile = "consolidated";

class Consolidator {
 public:
  explicit Consolidator(SyncContext& context) : context_(context) {}

  // Under sync.lock, with no fold or publish under way. Failure harms nothing and is tried again
  // when as many packs have come once more.
  Status run_if_due();

 private:
  struct Packs {
    uint64_t count = 0;
    bool kept_by_us = false;  // a .keep of this store: something has not been settled yet
  };
  Result<Packs> look();
  Status consolidate();

  SyncContext& context_;
};

}  // namespace syncline
