// Keys of a store that is given up: whose row, file or commit is still there is answered as a
// duplicate by the store that follows it.
//
// Three places tell of them, each perhaps in part: what was kept of trimmed segments, the database
// (every key that was applied, with its sequence and content), and the frames that can be read (all
// of it, but nothing of what became of the record). A record that was neither applied nor committed
// is lost with the journal: its key is free, so that a retry records it.
#pragma once

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "journal/contents/kept_keys.h"
#include "journal/os/file_system.h"

namespace syncline {

// As kept keys of segment 1, of all records before `first_seq`. `kept` is the directory that the
// lost store was moved to; its database is still where it was.
Result<KeptKeys> keys_of_lost_store(Directory& kept, const StorePlaces& places,
                                    const Config& config, uint64_t first_seq);

}  // namespace syncline
