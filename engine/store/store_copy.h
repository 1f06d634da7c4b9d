// The beginning of another store that is made from this one: by a replay, a backup, a restore.
// Until its identity is `ready`, nobody takes it for a store.
#pragma once

#include <string>

#include "engine/place/identity.h"
#include "engine/store/store_parts.h"
#include "sync/repository.h"
#include "syncline/result.h"

namespace syncline {

// kExists where `directory` is there and not empty.
Result<RepositoryState> make_empty_repository(const std::string& directory,
                                              StorePlatform& platform);
// Makes the store's directories in the repository. The identity is that of `source`, bound to the
// new place, to be read only and not ready; it is not written yet.
Result<StoreParts> begin_copy(const Identity& source, const RepositoryState& repository,
                              StorePlatform& platform);
// Makes the folder that the database goes into, and keeps git from looking at it.
Status prepare_database_place(const RepositoryState& repository, Directory& root,
                              const Config& config);

}  // namespace syncline
