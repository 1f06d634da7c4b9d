// The two roles of a store, apply and sync: whoever gets a role's lock does what is pending,
// others' records too, and looks again after letting go, so that nothing is left behind.
//
//   apply.lock: durable records → rows and files (engine/apply/applier.h)
//   sync.lock:  applied records → commits on the own ref → the branch (sync/syncer.h)
//
// A caller that finds a lock taken may leave: the holder looks at the shared watermarks once more
// after it let go, and what the caller had made durable (or applied) before it tried is seen then.
//
// The SQLite connection that writes and the git library are opened by the first who needs them: a
// one-shot command that finds its record applied by another opens neither.
//
// Threading: any thread; within a process one thread holds a role at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/apply/applier.h"
#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "engine/projection/projection.h"
#include "journal/base/mutex.h"
#include "journal/log/journal.h"
#include "sync/syncer.h"

namespace syncline {

// OutcomeSource over a read connection.
class DatabaseOutcomes : public OutcomeSource {
 public:
  explicit DatabaseOutcomes(Database& database) : database_(database) {}
  Result<std::map<uint64_t, Outcome>> outcomes(uint64_t first_seq, uint64_t last_seq) override {
    return read_outcomes(database_, first_seq, last_seq);
  }

 private:
  Database& database_;
};

class Projector {
 public:
  Projector(const StorePlaces& places, const Identity& identity,
            std::shared_ptr<const Config> config, Directory& store_directory, Journal& journal,
            Clock& clock, bool take_over_database = false);
  ~Projector();

  // Does what is pending, if the role is free. True: this process had the role, and left nothing
  // pending behind. False: another process or thread has it, and will do what is pending.
  Result<bool> try_apply() EXCLUDES(apply_mutex_);
  Result<bool> try_sync(bool publish_now) EXCLUDES(sync_mutex_);

  // Until the watermark has reached `seq`, by this process or another. kTimeout when it did not.
  Status apply_until(uint64_t seq, Deadline deadline) EXCLUDES(apply_mutex_);
  Status fold_until(uint64_t seq, Deadline deadline) EXCLUDES(sync_mutex_);
  // `waiting` in the report says why the branch had to wait when `deadline` came first.
  Result<PublishReport> publish_until(uint64_t seq, Deadline deadline) EXCLUDES(sync_mutex_);
  Result<std::optional<uint64_t>> push(Deadline deadline) EXCLUDES(sync_mutex_);

  // Files, directories and SQLite made durable, where something was not.
  Status checkpoint() EXCLUDES(apply_mutex_);
  // Where the database is damaged: moves it aside (kept, said) and applies the whole journal anew.
  Status rebuild_database() EXCLUDES(apply_mutex_);

  // Under sync.lock, for recovery and repair.
  Status with_syncer(const std::function<Status(Syncer&, OutcomeSource&)>& use)
      EXCLUDES(sync_mutex_);
  // For reading (status, verify): as ref and journal stand now, without sync.lock.
  Status read_syncer(const std::function<Status(Syncer&)>& use) EXCLUDES(sync_mutex_);
  // Under apply.lock.
  Status with_applier(const std::function<Status(Applier&)>& use) EXCLUDES(apply_mutex_);

  // What was done that a person should hear of, once: "rebuilt the database from the journal".
  std::vector<std::string> take_notes();

 private:
  Result<bool> apply_turn() REQUIRES(apply_mutex_);
  Result<bool> sync_turn(bool publish_now) REQUIRES(sync_mutex_) EXCLUDES(apply_mutex_);
  Status open_applier() REQUIRES(apply_mutex_);
  Status reach_applier() REQUIRES(apply_mutex_);
  Status make_applier() REQUIRES(apply_mutex_);
  Status open_applier_with(const ApplierOptions& options) REQUIRES(apply_mutex_);
  Status open_syncer() REQUIRES(sync_mutex_);
  Status open_outcomes() REQUIRES(sync_mutex_);
  Status replace_database() REQUIRES(apply_mutex_);
  Status finish_replacement() REQUIRES(apply_mutex_);
  Status recheck_after_cache_loss() REQUIRES(apply_mutex_);
  Result<Mark> applied_mark() REQUIRES(sync_mutex_);
  Result<Mark> carried_mark() REQUIRES(sync_mutex_);
  Status trim_journal() REQUIRES(sync_mutex_) EXCLUDES(apply_mutex_);
  bool apply_pending() const;
  bool fold_pending() const;
  bool files_must_wait();
  void note(std::string text) EXCLUDES(notes_mutex_);

  const StorePlaces places_;
  const Identity identity_;
  const std::shared_ptr<const Config> config_;
  const DatabaseFile database_file_;
  const std::string branch_;    // that is published to
  const bool branch_was_born_;  // init has committed to it
  const bool take_over_database_;
  Directory& store_directory_;
  Journal& journal_;
  Clock& clock_;

  Mutex apply_mutex_;
  std::unique_ptr<FileLock> apply_lock_ GUARDED_BY(apply_mutex_);
  std::unique_ptr<Applier> applier_ GUARDED_BY(apply_mutex_);
  bool replaced_ GUARDED_BY(apply_mutex_) = false;  // the database, and none opened since

  Mutex sync_mutex_;
  std::unique_ptr<FileLock> sync_lock_ GUARDED_BY(sync_mutex_);
  std::unique_ptr<Database> sync_database_ GUARDED_BY(sync_mutex_);
  std::unique_ptr<DatabaseOutcomes> outcomes_ GUARDED_BY(sync_mutex_);
  std::unique_ptr<Syncer> syncer_ GUARDED_BY(sync_mutex_);
  PublishReport last_publish_ GUARDED_BY(sync_mutex_);

  Mutex notes_mutex_;
  std::vector<std::string> notes_ GUARDED_BY(notes_mutex_);
};

}  // namespace syncline
