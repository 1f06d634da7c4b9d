// Where a store's database may be.
//
// The setting `database` comes with a clone or a pull. It may name a place only once: a new store's
// database, or one that `init --moved` takes there, goes where nothing is, or to a database of
// SQLite's that git does not track. From then on the store knows its place, and a setting that
// names another is refused before anything is touched.
#pragma once

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "engine/sqlite/database.h"
#include "journal/os/file_system.h"

namespace syncline {

// SQLite's file of a store.
DatabaseFile database_file(const StorePlaces& places, const Config& config);

// kDisagree, with the ways back and on, where the configuration names another database than the
// store has.
Status check_known_database(const Identity& identity, Directory& store_directory,
                            const Config& config);
// kUnsafePath where a person's file, a link or what git tracks is at the place.
Status check_new_database(const StorePlaces& places, Directory& root, const Config& config);
// Takes the store's database to where the configuration says, unless one is there; the identity
// knows the place afterwards. Who calls holds apply.lock.
Status move_database(const StorePlaces& places, Directory& root, Directory& store_directory,
                     Identity& identity, const Config& config);

}  // namespace syncline
