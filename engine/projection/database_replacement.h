// What becomes of a database that cannot be trusted: it goes aside, and another takes its place.
//
// Where the journal holds every record, nothing takes its place but an empty one that the applier
// fills. Where the journal was trimmed, the rows of what went are nowhere else: a database whose
// sync failed reads well, so that what SQLite finds sound is carried over into a new file, whose
// sync has not failed.
//
//   copy made, checked and synced ─► named database.copy ─► the old files moved aside ─► the copy
//   moved into their place ─► no longer suspect
//
// From the second arrow on a process that dies leaves a copy, and finish() goes on from there. Who
// calls holds apply.lock and has no connection open.
#pragma once

#include <optional>
#include <string>

#include "engine/place/identity.h"
#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/os/file_system.h"

namespace syncline {

// In the store's folder, holding the reason, once a sync of the database has failed: its pages may
// read back well and yet not be on disk, which no later look can tell.
inline constexpr std::string_view kDatabaseSuspect = "database.suspect";
inline constexpr std::string_view kDatabaseCopy = "database.copy";

class DatabaseReplacement {
 public:
  DatabaseReplacement(const StorePlaces& places, Directory& store_directory,
                      const DatabaseFile& file, Clock& clock)
      : places_(places), store_directory_(store_directory), file_(file), clock_(clock) {}

  // `begins_after`: the last record that the journal no longer holds; 0 when it holds all. Answers
  // what to tell people.
  Result<std::string> replace(uint64_t begins_after);
  // What another began; nothing where nobody did.
  Result<std::optional<std::string>> finish();

 private:
  // False when it is not sound enough, or does not reach what the journal no longer holds.
  Result<bool> copy(uint64_t begins_after);
  Result<std::string> move_aside();
  Status move_copy_in();

  const StorePlaces& places_;
  Directory& store_directory_;
  const DatabaseFile& file_;
  Clock& clock_;
};

// kCorrupt when SQLite's own check finds damage, or the file is none of its.
Status check_database(const DatabaseFile& file);

}  // namespace syncline
