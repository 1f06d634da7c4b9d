// SQLite on the simulated disk: a VFS over the Directory seam, one for each simulated process.
//
//   Database ──► SQLite ──► SqliteVfs (a process) ──► Directory of the simulated disk
//                               │
//                               └──► SqliteShared (a world): file locks, WAL-index pages
//
// What it claims of the disk is the least that SQLite can be told: sectors of 512 bytes, and no
// device characteristic at all (no power-safe overwrite, no atomic write, no safe append). xSync is
// File::sync_data; like SQLite's own unix VFS it syncs the directory once, after the first sync of
// a journal or WAL that it created, and never for the database itself.
//
// The WAL-index lives in memory that all processes of the world share, and is lost when the last
// connection to it is gone, which is what SQLite's unix VFS does with its -shm file; a power cut
// takes it too. A killed process's locks go with it, but what it had written there stays, torn
// where it stood.
//
// Nothing is thrown through SQLite. A process that has died gets SQLITE_IOERR from every call, and
// no call of it has an effect, except that what it held is let go.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <string>

#include "journal/base/clock.h"
#include "journal/os/file_system.h"
#include "tests/simulation/sqlite_shared.h"

namespace syncline::simulation {

// How a VFS reaches the rest of its world.
struct SqliteSurroundings {
  SqliteShared& shared;
  Clock& clock;
  Random& random;
  // Of "/": every name SQLite uses is absolute.
  std::function<Result<std::unique_ptr<Directory>>()> open_root;
  // Another process may run here: before every lock.
  std::function<void()> pause;
  std::function<bool()> dead;
};

// Registered under `name` for as long as it lives; every connection through it is closed before.
class SqliteVfs {
 public:
  SqliteVfs(std::string name, SqliteSurroundings surroundings);
  ~SqliteVfs();
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;

  const char* name() const { return name_.c_str(); }
  uint64_t opened() const { return opened_; }

 private:
  class Connection;
  class TemporaryFile;
  friend struct SqliteVfsCalls;

  Result<Directory*> root();
  SqliteShared& shared() { return surroundings_.shared; }
  bool dead() const { return surroundings_.dead && surroundings_.dead(); }
  void pause() {
    if (surroundings_.pause) surroundings_.pause();
  }

  std::string name_;
  SqliteSurroundings surroundings_;
  std::unique_ptr<Directory> root_;
  sqlite3_vfs vfs_{};
  int last_errno_ = 0;
  uint64_t opened_ = 0;
};

}  // namespace syncline::simulation
