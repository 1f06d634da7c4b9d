// Commits without a journal: init's own files, and the branch of a replayed store.
#pragma once

#include <span>
#include <string>

#include "journal/base/clock.h"
#include "journal/log/format.h"
#include "sync/repository.h"
#include "syncline/result.h"

namespace syncline {

// Commits exactly these files of the work tree to the branch (init's syncline.toml), nothing staged
// by others, under the publish protocol. No commit when the tip already holds them. With an `owner`
// (a store's id), whose sync.lock the caller holds, locks that it left when it died are taken away.
Status commit_paths(const RepositoryState& repository, std::span<const std::string> paths,
                    const std::string& message, const SyncOptions& options, Clock& clock,
                    const std::string& owner = {});
// Points a fresh repository's branch at the own ref's tip and builds its index (replay --into).
Status check_out_own_ref(const RepositoryState& repository, const StoreId& store, Clock& clock);

}  // namespace syncline
