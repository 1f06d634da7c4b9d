// Replaces a database that cannot be trusted: it is moved aside, and another takes its place.
//
// Where the journal holds every record, the replacement is an empty database that the applier
// fills. Where the journal was trimmed, the rows of the trimmed records are nowhere else. A
// database whose sync failed still reads well, so what SQLite finds sound in it is copied into a
// new file, and that file is synced.
//
//   copy made, checked and synced ─► named database.copy ─► the old files moved aside ─► the copy
//   moved into their place ─► no longer suspect
//
// A process that dies behind the second arrow leaves a copy, and finish() continues from there.
//
// Of a database that begins anew, what is not a projection of the journal is carried over once all
// records are applied (carried_rows.h):
//
//   database.carry durable, it names the place ─► the old files moved there ─► a new database, the
//   journal applied ─► what people had, and the note that it was carried, in one transaction ─►
//   checkpoint ─► database.carry removed
//
// A death at any arrow leaves database.carry, and who opens the database next goes on; where the
// note is there, nothing is carried twice.
//
// The caller holds apply.lock and has no connection open.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/place/identity.h"
#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/os/file_system.h"

namespace syncline {

// A file in the store's directory that holds the reason once a sync of the database has failed: its
// pages may read back well and yet not be on disk, which cannot be found out later.
inline constexpr std::string_view kDatabaseSuspect = "database.suspect";
inline constexpr std::string_view kDatabaseCopy = "database.copy";
// Where the database is kept whose rows are to be carried over, below the store's directory.
inline constexpr std::string_view kDatabaseCarry = "database.carry";

class DatabaseReplacement {
 public:
  DatabaseReplacement(const StorePlaces& places, Directory& store_directory,
                      const DatabaseFile& file, Clock& clock)
      : places_(places), store_directory_(store_directory), file_(file), clock_(clock) {}

  // `begins_after` is the last record that the journal no longer holds; 0 when it holds all.
  // Returns what was done, as a sentence for the user.
  Result<std::string> replace(uint64_t begins_after);
  // Finishes a replacement that another process began; empty where there is none.
  Result<std::optional<std::string>> finish();
  // Carries over what is still to be, into `fresh`, which has all records applied. What was
  // carried, as a sentence; empty where there was nothing. `kinds` as in carried_rows.h.
  Result<std::string> carry(Database& fresh,
                            const std::vector<std::pair<std::string, std::string>>& kinds);
  Result<bool> carry_is_due();
  // Once that is durable.
  Status carried();

 private:
  // False when the database is damaged, or does not hold every record that was trimmed.
  Result<bool> copy(uint64_t begins_after);
  // A directory of its own for what is moved aside, below the store's directory.
  Result<std::string> make_kept_directory();
  Result<std::string> move_aside(const std::string& directory);
  Status move_copy_in();
  Status carry_once(Database& damaged, Database& fresh, const std::string& directory,
                    const std::vector<std::pair<std::string, std::string>>& kinds,
                    std::string& told);
  Status note_to_carry(const std::string& directory);
  std::string name() const;  // of the database's file
  std::string kept_database(const std::string& directory) const;

  const StorePlaces& places_;
  Directory& store_directory_;
  const DatabaseFile& file_;
  Clock& clock_;
};

// kCorrupt when SQLite's own check finds damage, or the file is not a database.
Status check_database(const DatabaseFile& file);

}  // namespace syncline
