// Who a store is, and where it lives: .git/syncline/identity.
//
// The random store id is bound to what a copy changes and a reboot or remount does not: the inode
// of the git common directory and its file system's id. A copied folder that would go on writing as
// its original is thus refused (kDisagree) until it is told `init --moved` or `init
// --new-identity`.
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
  bool ready = false;  // false while init has not finished: init again goes on with this id
  // What this store held is being given up: all of it goes to `kept`, and a new identity follows,
  // with the floors that stand here already.
  bool accepting_loss = false;
  bool read_only = false;  // made by replay: takes no records
  std::string branch;      // full ref name that is published to: the one checked out at init
  std::string tag;         // marks this store's paths where others have written to the repository
  // Where its database is, below the root: another setting is refused. Empty: a store of before.
  std::string database;
  uint64_t id_floor = 0;   // ids begin above this: what other stores' paths were found to use
  std::string kept;        // below the store's folder: what is left of the store that was lost
  uint64_t first_seq = 1;  // of the store's first record: above those of a store that was lost
};

// The places of a store, found without loading git: <root>/.git may be a directory, or the file of
// a linked work tree or submodule, whose common directory then holds the store.
struct StorePlaces {
  StorePlatform* platform = nullptr;  // that they are on; never null in what is answered
  std::string root;                   // top of the work tree
  std::string common_dir;             // git common directory
  std::string store_dir;              // <common_dir>/syncline
};
// kNoStore when `root` is no work tree; says nothing about whether a store is there.
Result<StorePlaces> find_places(const std::string& root, StorePlatform& platform);

// See sync/git/ownership.h: asked before anything in the store is read.
Status check_owner(const StorePlaces& places);

// kNotFound when there is none; kCorrupt when it does not parse.
Result<Identity> read_identity(Directory& store_directory);
Status write_identity(Directory& store_directory, const Identity& identity);
// kDisagree unless `common_dir` is what the identity was bound to.
Status check_identity(const Identity& identity, Directory& common_directory);

}  // namespace syncline
