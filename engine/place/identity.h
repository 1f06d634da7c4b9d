// Who a store is, and where it lives: .git/syncline/identity.
//
// The random store id is bound to what a copy changes and a reboot or remount does not: the inode
// of the git common directory and its file system's id. A copied directory would go on writing as
// its original; it is refused (kDisagree) until somebody runs `init --moved` or `init
// --new-identity` on it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/place/store_platform.h"
#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

struct Identity {
  StoreId store;
  Directory::Identity bound;
  bool ready = false;  // false until init has finished; another init continues with this id
  // The store's content is being given up: all of it goes to `kept`, and a new identity follows,
  // with the floors that this one already names.
  bool accepting_loss = false;
  bool read_only = false;  // made by replay or backup: takes no records
  // Which of the repository's work trees has the store's rows and files: "main", or "worktrees/…"
  // as git names a linked one. Empty in older stores, which are where they are called.
  std::string home;
  std::string branch;  // full name of the ref published to: the branch checked out at init
  std::string tag;     // tells this store's paths from those of other stores in the repository
  // Where the database is, below the root; another setting is refused. Empty in older stores.
  std::string database;
  uint64_t id_floor = 0;   // ids begin above it: other stores' paths use those up to here
  std::string kept;        // below the store's directory: what is left of a lost store
  uint64_t first_seq = 1;  // of the store's first record: above every seq of a lost store
};

// The places of a store, found without loading git: <root>/.git may be a directory, or the file of
// a linked work tree or submodule, whose common directory then holds the store.
struct StorePlaces {
  StorePlatform* platform = nullptr;  // what they are on; never null in a result
  std::string root;                   // top of the work tree
  std::string git_dir;                // of this work tree
  std::string common_dir;             // git common directory
  std::string store_dir;              // <common_dir>/syncline
};
// kNoStore when `root` is no work tree. Whether the work tree holds a store is not looked at.
Result<StorePlaces> find_places(const std::string& root, StorePlatform& platform);

// The name of a work tree, as Identity::home.
std::string home_name(const StorePlaces& places);
// The places of the work tree of that name, seen from another one of the same repository. kNoStore
// when it is not there any more, or cannot be told.
Result<StorePlaces> places_of_home(const StorePlaces& places, const std::string& home);

// Git's rule of ownership (sync/git/ownership.h), checked before anything in the store is read.
Status check_owner(const StorePlaces& places);

// kNotFound when there is none; kCorrupt when it does not parse.
Result<Identity> read_identity(Directory& store_directory);
Status write_identity(Directory& store_directory, const Identity& identity);
// kDisagree unless `common_directory` is the one that the identity is bound to.
Status check_identity(const Identity& identity, Directory& common_directory);

}  // namespace syncline
