// The history of a repository, copied into a fresh one.
#pragma once

#include <string>

#include "sync/repository.h"
#include "syncline/result.h"

namespace syncline {

// Brings all refs of the repository at `from` (its work tree) into `into`, which was just made,
// with the objects that they reach, and where `remote` is; checks `branch` out where it is born.
// Runs git. Nothing is synced. `from` is not changed, and may be at work meanwhile.
Status copy_repository(const std::string& from, const RepositoryState& into,
                       const std::string& branch, const std::string& remote);

}  // namespace syncline
