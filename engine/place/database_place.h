// Where a store's database may be.
//
// The setting `database` comes with a clone or a pull, so it is believed only once: a new store's
// database, or one that `init --moved` moves there, goes where nothing is, or to an SQLite database
// that git does not track. From then on the store's identity names the place, and a setting that
// names another one is refused before anything is touched.
#pragma once

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "engine/sqlite/database.h"
#include "journal/os/file_system.h"

namespace syncline {

// The SQLite file of a store.
DatabaseFile database_file(const StorePlaces& places, const Config& config);

// kDisagree where the configuration names another database than the store has; the hint says how to
// go back, or on.
Status check_known_database(const Identity& identity, Directory& store_directory,
                            const Config& config);
// kUnsafePath where the place holds a user's file, a link, a database that SQLite cannot read, or a
// file that git tracks. `places` may be those of a directory that is no work tree yet: its root
// alone.
Status check_new_database(const StorePlaces& places, Directory& root, const Config& config);
// Whether a person has made git track the store's database, or what SQLite keeps beside it: a
// sentence with the commands that untrack it. Empty where git's index does not hold it, or cannot
// be read. Reads the whole index.
std::string tracked_database(const StorePlaces& places, const Config& config);
// The same sentence of files that are known to be tracked, and those that it may be about.
std::string tracked_database(const std::vector<std::string>& tracked);
std::vector<std::string> database_files(const Config& config);
// Moves the store's database to where the configuration says, unless a database is there already,
// and writes the place into the identity. The caller holds apply.lock.
Status move_database(const StorePlaces& places, Directory& root, Directory& store_directory,
                     Identity& identity, const Config& config);

}  // namespace syncline
