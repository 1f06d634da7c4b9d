// What every way into a store opens first: its directories, its identity and its configuration.
//
//   init         StoreDirectories, of a store that is only being made
//   open, salvage, accept_loss    StoreParts, of a store that is there
//
// Nothing here changes a store that is there. Failure: kNoStore where there is none, with what to
// do about it.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "engine/place/store_platform.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// `platform`, or the real system where it is null.
StorePlatform& platform_or_system(StorePlatform* platform);

struct StoreDirectories {
  StorePlaces places;
  std::unique_ptr<Directory> root;    // top of the work tree
  std::unique_ptr<Directory> common;  // git common directory
  std::unique_ptr<Directory> store;   // .git/syncline
};
// Makes .git/syncline where it is missing; its name is durable then.
Result<StoreDirectories> make_store_directories(StorePlaces places);

struct StoreParts : StoreDirectories {
  Identity identity;
};
// `hint` says what to do where no store is there.
Result<StoreParts> open_store_parts(StorePlaces places, std::string_view hint);

// Refuses a store that an init, or giving up a loss, has left half made.
Status check_ready(const Identity& identity);

struct LoadedConfig {
  std::shared_ptr<const Config> config;
  std::string doubt;  // why it is not what syncline.toml says; a sentence for the person, or empty
};
// The file in the work tree. The configuration that was journalled last holds where the person has
// a branch checked out that lacks the file, and where the file cannot be followed: a conflict in
// it, or a typing error, must not stop recording. Fails where nothing was journalled.
Result<LoadedConfig> load_config(const StoreDirectories& directories);
// The same, once the store is known not to be a copy (check_identity).
Result<LoadedConfig> load_bound_config(const StoreParts& parts);

// What git and sync.state know to have been durable of the journal.
Result<std::vector<DurableClaim>> claims_of_git(const StoreParts& parts);

}  // namespace syncline
