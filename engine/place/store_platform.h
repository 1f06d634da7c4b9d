// What a whole store needs from the outside world: the platforms of the lower layers, and the VFS
// by which SQLite opens its files.
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
