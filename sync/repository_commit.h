// Commits without a journal: init's own files, and the branch of a replayed store.
#pragma once

#include <span>
#include <string>

#include "journal/base/clock.h"
#include "journal/log/format.h"
#include "sync/repository.h"
#include "syncline/result.h"

namespace syncline {

// Commits exactly these files of the work tree to the branch (init's syncline.toml), and nothing
// that others have staged, under the publish protocol. Makes no commit when the tip already holds
// them. With an `owner` (the id of a store whose sync.lock the caller holds), locks that a dead
// process of that store left are removed.
Status commit_paths(const RepositoryState& repository, std::span<const std::string> paths,
                    const std::string& message, const SyncOptions& options, Clock& clock,
                    const std::string& owner = {});
// Gives files of ours that git has converted on checkout its own bytes back
// (sync/git/checked_out_bytes.h), then switches conversions off. Answers how many files changed.
Result<size_t> switch_conversions_off(const RepositoryState& repository,
                                      std::span<const std::string> patterns, Clock& clock);
// Points a fresh repository's branch at the own ref's tip and builds its index (replay --into).
Status check_out_own_ref(const RepositoryState& repository, const StoreId& store, Clock& clock);

}  // namespace syncline
