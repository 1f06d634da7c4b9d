// Makes a journal whose records do not begin with the first: that of a store which goes on above
// one that was lost. The sequences below are another store's; what is still known of them stands in
// the place of a trimmed segment.
#pragma once

#include <functional>

#include "journal/log/journal.h"

namespace syncline {

// As Journal::create. `keep_below`, where it is given, makes durable in the journal's folder what
// is to outlive segment 1, which never was: the journal then begins with segment 2. Done again
// after a death anywhere, it ends the same.
Status create_journal_from(Directory& directory, const StoreId& store, Clock& clock,
                           const JournalOptions& options, uint64_t first_seq,
                           const std::function<Status(Directory& folder)>& keep_below = {});

}  // namespace syncline
