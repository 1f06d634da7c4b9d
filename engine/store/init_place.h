// The place in which init makes a store: looked at before anything there is touched, and kept from
// other inits until this one is done.
//
//   not within another repository, unless that is wanted → the directory, made where it is missing
//   → its lock → configuration and database as they are to be, checked → repository → .git/syncline
//
// Failure: what was there is as it was.
#pragma once

#include <memory>
#include <string>

#include "engine/config/config.h"
#include "engine/store/store_parts.h"
#include "journal/os/file_system.h"
#include "sync/repository.h"
#include "syncline/store.h"

namespace syncline {

struct Making : StoreDirectories {
  // The lock of the directory itself, for which nothing need be there: one init at a time makes a
  // repository in it.
  std::unique_ptr<FileLock> alone;
  RepositoryState repository;
};

Result<Making> begin_making(const std::string& directory, const InitOptions& options,
                            StorePlatform& platform);

// The profile that a new store gets.
std::string profile_for_new(const InitOptions& options);

// Another profile than `used` whose files are in the directory already, as a sentence; empty where
// there is none.
std::string fitting_profile(Directory& root, const std::string& used);

}  // namespace syncline
