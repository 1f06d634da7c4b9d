// How a connection waits for the lock of another: exponential backoff with full jitter, by the
// clock and the randomness of the connection's VFS, so that a simulation drives it.
//
// SQLite's own handler waits the same steps in every process, so that those who were turned away
// together come back together; and it does not tell how often.
//
// Threading: the connection's. It lives as long as the connection and does not move: SQLite keeps
// its address.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "journal/base/backoff.h"
#include "journal/base/clock.h"

struct sqlite3;
struct sqlite3_vfs;

namespace syncline {

class BusyWait {
 public:
  // `on_again` is called for each try after a wait.
  BusyWait(sqlite3* handle, sqlite3_vfs* vfs, int64_t timeout_ms, std::function<void()> on_again);
  BusyWait(const BusyWait&) = delete;
  BusyWait& operator=(const BusyWait&) = delete;

  void install();  // once the connection is open
  void set_timeout(int64_t timeout_ms) { timeout_us_ = timeout_ms * 1000; }

 private:
  class VfsRandom final : public Random {
   public:
    explicit VfsRandom(sqlite3_vfs* vfs) : vfs_(vfs) {}
    uint64_t next_u64() override;

   private:
    sqlite3_vfs* vfs_;
  };
  static int wait(void* self, int tries);
  bool wait_once(int tries);

  sqlite3* handle_;
  sqlite3_vfs* vfs_;
  int64_t timeout_us_;
  int64_t waited_us_ = 0;  // for the lock that is waited for now
  std::function<void()> on_again_;
  VfsRandom random_;
  Backoff backoff_;
};

}  // namespace syncline
