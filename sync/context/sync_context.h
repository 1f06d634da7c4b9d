// What folding and publishing share: one store, one repository, one thread at a time (sync.lock).
#pragma once

#include <string>

#include "journal/base/clock.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"
#include "sync/context/sync_options.h"
#include "sync/git/git_platform.h"
#include "sync/git/object_reader.h"
#include "sync/git/pack_writer.h"
#include "sync/git/ref_store.h"
#include "sync/own/sync_state.h"

namespace syncline {

// Everything it refers to outlives it.
struct SyncContext {
  GitPlatform& platform;
  std::string work_tree;  // absolute path
  std::string own_ref;    // refs/syncline/<store id>
  const SyncOptions& options;
  Directory& common_dir;       // the git common directory
  Directory& store_directory;  // .git/syncline
  Journal& journal;
  Clock& clock;
  ObjectStore& objects;
  RefStore& refs;    // of common_dir
  PackWriter& pack;  // whoever builds a pack resets it first
  SyncState& state;  // kept by the Committer; the publisher owns the published part
  const StoreId& store() const { return journal.store(); }
};

}  // namespace syncline
