// Journals how far the branch has come, and what it was left at: what later publishes go on from.
#pragma once

#include <cstdint>

#include "sync/context/sync_context.h"
#include "syncline/result.h"

namespace syncline {

// Everything up to `last_seq` is on the branch at `commit`, which was moved there from `parent`.
// The caller holds sync.lock.
Status journal_publish(SyncContext& context, uint64_t last_seq, const ObjectId& parent,
                       const ObjectId& commit);

}  // namespace syncline
