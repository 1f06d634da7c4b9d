// The apply role: durable records → rows and files (engine/apply/applier.h), under apply.lock.
//
// The connection that writes the database is opened by the first who needs it: a one-shot command
// that finds its record applied by another opens none.
//
// Invariants and lock order: role.h. Threading: any thread; one at a time applies. Failure: the
// watermark stands where it stood, the journal holds the records, and the next turn tries again.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/apply/applier.h"
#include "engine/roles/current_applier.h"
#include "engine/roles/role.h"
#include "engine/roles/role_context.h"
#include "syncline/result.h"

namespace syncline {

class ApplyRole {
 public:
  explicit ApplyRole(RoleContext& context);

  // Does what is pending, if the role is free. True: this process had the role. False: another
  // process has it, and will do what is pending. kBusy where another program holds the database's
  // lock past `deadline`, or longer than SQLite waits by itself.
  Result<bool> try_turns(Deadline deadline = kForever) EXCLUDES(role_.mutex) {
    return try_turns_within(context_.clock.left_ms(deadline, Database::kBusyTimeoutMs));
  }
  // The same for who has its answer already: a lock of another program on the database, or a turn
  // of another thread of this process, is not waited for.
  Result<bool> try_turns_in_passing() EXCLUDES(role_.mutex);
  // Returns once record `seq` is applied, by this process or another. kTimeout when it was not.
  Status until(uint64_t seq, Deadline deadline) EXCLUDES(role_.mutex);

  // Did this process, in its last turn, leave sections to be written by the publish? Then it sees
  // to the publish itself.
  bool left_files_waiting() EXCLUDES(role_.mutex);

  // With the role, waited for, and the applier open. kTimeout where another has the role past
  // `deadline`, which also bounds the wait for the database's lock (see try_turns).
  Status with_applier(const std::function<Status(Applier&)>& use, Deadline deadline = kForever)
      EXCLUDES(role_.mutex);
  // Makes files, directories and SQLite durable, where something was not.
  Status checkpoint(Deadline deadline = kForever) EXCLUDES(role_.mutex);
  // Where the database is damaged: moves it aside (it is kept, and a note says so) and applies the
  // whole journal anew.
  Status rebuild_database() EXCLUDES(role_.mutex);

 private:
  Result<bool> try_turns_within(int64_t patience_ms) EXCLUDES(role_.mutex);
  Result<bool> take_turns(int64_t patience_ms) REQUIRES(role_.mutex);
  Status apply_pending() REQUIRES(role_.mutex);
  Status leave_memo() REQUIRES(role_.mutex);
  bool is_pending() const;

  RoleContext& context_;
  Role role_;
  CurrentApplier current_ GUARDED_BY(role_.mutex);
  bool left_files_waiting_ GUARDED_BY(role_.mutex) = false;
};

}  // namespace syncline
