// The sync role: applied records → commits on the own ref → the branch (sync/syncer.h), under
// sync.lock. Trims the journal too, where the configuration asks for it.
//
// The git library and a connection that reads the database are opened by the first who needs them.
//
// Invariant: nothing goes from the journal before rows, files and commits hold it durably.
// Further invariants and the lock order: role.h; a trim, and a publish that sections wait for, take
// the apply role inside this one.
// Threading: any thread; one at a time syncs. Failure: the next turn tries again; folding done
// again makes the same commits, and what was not published waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>

#include "engine/roles/apply_role.h"
#include "engine/roles/database_outcomes.h"
#include "engine/roles/role.h"
#include "engine/roles/role_context.h"
#include "engine/sqlite/database.h"
#include "journal/log/format.h"
#include "sync/syncer.h"
#include "syncline/result.h"

namespace syncline {

class SyncRole {
 public:
  SyncRole(RoleContext& context, ApplyRole& apply);

  // Folds what is applied, if the role is free; publishes if that is due or `publish_now`. True:
  // this process had the role. False: another process has it, and will fold what is pending.
  // kTimeout: what the files wait for was not done, as another has the apply role past `deadline`.
  Result<bool> try_turns(bool publish_now, Deadline deadline) EXCLUDES(role_.mutex);
  // Returns once record `seq` is committed, by this process or another. kTimeout when it was not.
  Status fold_until(uint64_t seq, Deadline deadline) EXCLUDES(role_.mutex);
  // `waiting` in the report says why the branch had to wait when `deadline` came first.
  Result<PublishReport> publish_until(uint64_t seq, Deadline deadline) EXCLUDES(role_.mutex);
  // What a person has removed of these paths comes back, `wanted` of sections (Publisher::restore).
  Result<PublishReport> restore(const std::set<std::string>& paths,
                                const std::function<bool(uint64_t seq)>& wanted)
      EXCLUDES(role_.mutex);
  // Answers up to which record the remote has now; nothing without a remote.
  Result<std::optional<uint64_t>> push(Deadline deadline) EXCLUDES(role_.mutex);

  // With the role, waited for: for recovery and repair.
  Status with_syncer(const std::function<Status(Syncer&, OutcomeSource&)>& use)
      EXCLUDES(role_.mutex);
  // For reading (status, verify): as ref and journal stand now, without sync.lock, and without
  // waiting for a thread that has the role.
  Status read_syncer(const std::function<Status(Syncer&)>& use) EXCLUDES(role_.mutex);

 private:
  Result<bool> take_turns(bool publish_now, Deadline deadline) REQUIRES(role_.mutex);
  Status read_beside(const std::function<Status(Syncer&)>& use) const;
  Status with_applier(const std::function<Status(Applier&)>& use) REQUIRES(role_.mutex);
  // Does `work`. Memory that runs out in it is an error, and all that is kept open is closed: half
  // of a fold or of a publish may be in it, while journal, database and refs hold the whole.
  template <typename Work>
  std::invoke_result_t<Work> within_memory(const Work& work) REQUIRES(role_.mutex);
  Status sync_pending(bool publish_now) REQUIRES(role_.mutex);
  Status publish(bool files_wait, Pace pace) REQUIRES(role_.mutex);
  Status write_waiting_created() REQUIRES(role_.mutex);
  Status write_published_sections(Applier& applier) REQUIRES(role_.mutex);
  Status tell_files_wait() REQUIRES(role_.mutex);
  Status leave_memo() REQUIRES(role_.mutex);
  void note_failure(const Error& error) REQUIRES(role_.mutex);
  bool is_pending() const;
  Status open_syncer() REQUIRES(role_.mutex);
  Status open_outcomes() REQUIRES(role_.mutex);
  Result<Mark> carried_mark() REQUIRES(role_.mutex);
  Status trim_journal() REQUIRES(role_.mutex);
  Status follow_branch() REQUIRES(role_.mutex);
  void note_committer() REQUIRES(role_.mutex);

  RoleContext& context_;
  ApplyRole& apply_;
  Role role_;
  std::unique_ptr<Database> database_ GUARDED_BY(role_.mutex);
  std::unique_ptr<DatabaseOutcomes> outcomes_ GUARDED_BY(role_.mutex);  // reads database_
  std::unique_ptr<Syncer> syncer_ GUARDED_BY(role_.mutex);
  PublishReport last_publish_ GUARDED_BY(role_.mutex);
  // So long the turn at hand waits for the apply role and for SQLite's locks.
  Deadline turn_until_ GUARDED_BY(role_.mutex) = kForever;
};

}  // namespace syncline
