// The files that a SqliteVfs opens for SQLite: on the simulated disk, or in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/sqlite_vfs.h"

namespace syncline::simulation {

// The directory that `name` is in, for a sync of it; "." is the root.
std::string parent_of(std::string_view name);

// The database, its WAL or its journal.
class SqliteVfs::Connection {
 public:
  Connection(SqliteVfs& vfs, std::unique_ptr<File> file, std::string name, uint64_t inode,
             bool sync_parent);
  int read(void* into, int count, sqlite3_int64 offset);
  int write(const void* from, int count, sqlite3_int64 offset);
  int truncate(sqlite3_int64 size);
  int sync();
  int size(sqlite3_int64* into);

  // SHARED < RESERVED < PENDING < EXCLUSIVE. A RESERVED lives beside SHARED ones; a PENDING keeps
  // new ones out.
  int lock(int level);
  int unlock(int level);
  bool somebody_reserved();
  int map_region(int index, int bytes, bool extend, void volatile** into);
  int lock_regions(int offset, int count, int flags);
  int unmap_regions();
  void close();
  bool has_moved();

  SqliteVfs& vfs() { return vfs_; }

 private:
  SqliteShared::Node& node() { return vfs_.shared().node(inode_); }
  int failed(const Error& error, int code);

  SqliteVfs& vfs_;
  std::unique_ptr<File> file_;
  std::string name_;
  uint64_t inode_;
  bool sync_parent_;
};

// A file without a name. No other process sees it and no crash leaves it behind, so it is plain
// memory.
class SqliteVfs::TemporaryFile {
 public:
  int read(void* into, int count, sqlite3_int64 offset);
  int write(const void* from, int count, sqlite3_int64 offset);
  int truncate(sqlite3_int64 size);
  sqlite3_int64 size() const { return static_cast<sqlite3_int64>(bytes_.size()); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace syncline::simulation
