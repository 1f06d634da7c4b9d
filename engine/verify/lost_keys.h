// The keys of a store that is given up. If a record's row, file or commit is still there, the store
// that follows answers a retry of its key as a duplicate.
//
// Three places know keys, each perhaps only some: what was kept of trimmed segments, the database
// (every applied key with its sequence and content), and the readable frames (everything but the
// record's outcome). A record that was neither applied nor committed is lost with the journal: its
// key is free, so that a retry records it.
#pragma once

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "journal/contents/kept_keys.h"
#include "journal/os/file_system.h"

namespace syncline {

// The keys of all records before `first_seq`, in the form of segment 1's kept keys. `kept` is the
// directory that the lost store was moved to; its database is still in its place.
Result<KeptKeys> keys_of_lost_store(Directory& kept, const StorePlaces& places,
                                    const Config& config, uint64_t first_seq);

}  // namespace syncline
