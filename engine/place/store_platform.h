// What a whole store needs of the outside world: all of the folders below, and SQLite's own way to
// its files.
#pragma once

#include "engine/sqlite/database_vfs.h"
#include "sync/git/git_platform.h"

namespace syncline {

class StorePlatform : public GitPlatform {
 public:
  // The name of the registered VFS that every connection is opened with; null for SQLite's default.
  virtual const char* sqlite_vfs() { return beneath_vfs(); }
};

StorePlatform& system_store_platform();

}  // namespace syncline
