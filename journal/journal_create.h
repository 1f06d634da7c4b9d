// Makes a journal whose records do not begin with the first: that of a store which goes on above
// one that was lost. The sequences below are another store's; what is still known of their keys
// stands in the place of a trimmed segment's.
#pragma once

#include "journal/journal.h"

namespace syncline {

// As Journal::create. `below`, where it is given, is of segment 1 and ends before `first_seq`: the
// journal then begins with segment 2. Done again after a death anywhere, it ends the same.
Status create_journal_from(Directory& directory, const StoreId& store, Clock& clock,
                           const JournalOptions& options, uint64_t first_seq,
                           const KeptKeys* below = nullptr);

}  // namespace syncline
