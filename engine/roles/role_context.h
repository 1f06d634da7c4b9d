// What both roles of an open store work on.
//
// Invariant: fixed from the first turn on, but for the notes, which guard themselves.
// Threading: any thread reads it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "engine/roles/notes.h"
#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"

namespace syncline {

class Syncer;  // sync/syncer.h

struct RoleContext {
  RoleContext(const StorePlaces& store_places, const Identity& identity,
              std::shared_ptr<const Config> store_config, Directory& directory,
              Journal& store_journal, Clock& store_clock, bool take_over);

  // As Syncer::open() does it, for this store.
  Result<std::unique_ptr<Syncer>> open_syncer() const;
  // The same, as ref, journal and branch stand now.
  Result<std::unique_ptr<Syncer>> open_current_syncer() const;

  const StorePlaces places;
  const std::shared_ptr<const Config> config;
  const DatabaseFile database_file;
  const std::string branch;       // full ref name that is published to
  const bool branch_was_born;     // init has committed to it
  const bool take_over_database;  // see ApplierOptions
  Directory& store_directory;     // .git/syncline; it, journal and clock outlive the context
  Journal& journal;
  Clock& clock;
  Notes notes;
  // The store is open for a call or two: memos are left for who comes next
  // (engine/projection/memos.h), and SQLite's log is kept short, for each of them reads it whole.
  bool short_lived = false;
  // The store is being made from another's journal: its files are written before there is a branch
  // for them, and nothing of them waits.
  bool replays = false;
  std::function<void(const std::string& why)> on_wait;  // see StoreOptions
  // From then on a turn ends with the batch at hand: the store is being closed.
  std::atomic<int64_t> end_by_ns = Deadline::kNever;
  bool is_over() const { return clock.passed(Deadline{end_by_ns.load()}); }
};

}  // namespace syncline
