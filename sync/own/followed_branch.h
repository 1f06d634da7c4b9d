// The branch that is published to, when a person has renamed it.
//
// A store publishes to the branch that was checked out at init. Where that ref is gone, it was
// renamed: the records that were published last say to what. They say so by the journal once
// something was published under the new name; until then by the history of the branch that is
// checked out.
#pragma once

#include <string>

#include "sync/git/git_paths.h"
#include "sync/git/object_reader.h"
#include "sync/git/ref_store.h"
#include "sync/own/sync_state.h"
#include "syncline/result.h"

namespace syncline {

// `configured`, unless it is gone and the branch that was published to last is there. Full names.
Result<std::string> followed_branch(RefStore& refs, const std::string& configured,
                                    const SyncState& state);

// The branch that is checked out, where `gone` is a ref that is not there and what was published
// last to it is in that branch's history; where nothing was, its tip holds the store's
// configuration. Empty where it is not.
Result<std::string> renamed_branch(const GitDirectories& git, RefStore& refs, ObjectStore& objects,
                                   const std::string& gone, const SyncState& state);

}  // namespace syncline
