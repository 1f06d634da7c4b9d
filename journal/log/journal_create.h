// Makes a journal whose records do not begin with the first: that of a store which goes on above
// one that was lost. Nothing of it was trimmed; the sequences below are another store's.
#pragma once

#include "journal/log/journal.h"

namespace syncline {

// As Journal::create.
Status create_journal_from(Directory& directory, const StoreId& store, Clock& clock,
                           const JournalOptions& options, uint64_t first_seq);

}  // namespace syncline
