// One role of a store, such as applying: of all threads of all its processes, one at a time has it
// and does what is pending, the others' work too.
//
//   mutex      between the threads of this process; what the role keeps open is guarded by it
//   file lock  between processes (Journal::open_role); the kernel frees it when its holder dies
//
// Lock order: the mutex, then the file lock; both are let go in the opposite order. Between roles:
// roles.h. The journal's own locks (journal/log/journal.h) come after.
//
// Invariant: whoever had the role looks once more at what is pending after letting the file lock
// go. A caller that finds the role taken may therefore leave: what it made durable (or applied)
// before it tried is seen then.
//
// Threading: any thread. Failure: the role is let go, what was pending stays pending, and the next
// caller tries again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "journal/base/backoff.h"
#include "journal/base/clock.h"
#include "journal/base/mutex.h"
#include "journal/log/journal.h"
#include "syncline/result.h"

namespace syncline {

// How long to rely on the holder of a role before trying its lock oneself: it may have died. A
// wake-up comes with every progress; this only bounds what a death costs, to about what was waited
// before it.
constexpr BackoffLimits kRoleRetry = {.first_ns = 20'000'000, .longest_ns = 1'000'000'000};

class Role {
 public:
  // `lock_name` as in journal/base/layout.h. `journal`, `clock` and `random` outlive the role.
  Role(Journal& journal, Clock& clock, Random& random, std::string_view lock_name);

  // Alone it is enough for reading what this process keeps open. RoleGuard takes the file lock too.
  Mutex mutex;

  // Where the file lock is free: takes it, does `work`, lets it go, and begins again while
  // something is `pending`, a bounded number of times. False: somebody else has the role, and will
  // do what is pending.
  Result<bool> try_turns(const std::function<Status()>& work, const std::function<bool()>& pending)
      REQUIRES(mutex);

  // Whether nobody else has the role at this moment. Who finds it free has not taken it.
  Result<bool> is_free() REQUIRES(mutex);

  // Uses this handle of the file lock, which may be held shared: of all who share it the last who
  // tries has the role; each before it is told that somebody else does what is pending.
  void adopt(std::unique_ptr<FileLock> file_lock) EXCLUDES(mutex);

  // A watermark that somebody waits for.
  struct Goal {
    Watermark watermark;
    uint64_t seq;
    Deadline deadline;
    std::string_view on_timeout;  // the sentence for kTimeout
    // For where this process had the role, did all that was pending and still is not there.
    std::function<Error()> on_stuck;
  };
  // Returns once the goal is reached, by this process (`attempt` is to be its try_turns) or by
  // another. kTimeout when it was not reached by the deadline.
  Status reach(const Goal& goal, const std::function<Result<bool>()>& attempt) EXCLUDES(mutex);

 private:
  friend class RoleGuard;
  std::string holder() EXCLUDES(mutex);
  Status open_file_lock() REQUIRES(mutex);

  Journal& journal_;
  Clock& clock_;
  Random& random_;
  const std::string lock_name_;
  std::unique_ptr<FileLock> file_lock_ GUARDED_BY(mutex);
};

// Holds both: the mutex from its making on, the file lock from a lock() that succeeded on.
class SYNCLINE_TSA(scoped_lockable) RoleGuard {
 public:
  explicit RoleGuard(Role& role) SYNCLINE_TSA(acquire_capability(role.mutex));
  ~RoleGuard() SYNCLINE_TSA(release_capability());
  RoleGuard(const RoleGuard&) = delete;
  RoleGuard& operator=(const RoleGuard&) = delete;

  // Waits for the file lock. The analysis cannot see that this guard has the mutex.
  Status lock(Deadline deadline) SYNCLINE_TSA(no_thread_safety_analysis);

 private:
  Role& role_;
  FileLock* held_ = nullptr;
};

}  // namespace syncline
