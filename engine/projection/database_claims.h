// The database's claims on the journal (journal/log/recovery.h): how far the database has applied,
// and how far the journal was durable at that time, which covers the outcomes journalled for the
// applied records.
#pragma once

#include <string>
#include <vector>

#include "engine/sqlite/database.h"
#include "journal/log/format.h"
#include "journal/log/journal.h"

namespace syncline {

// `name` is the database's name for messages. Empty where the database is another store's, or has
// applied nothing.
Result<std::vector<DurableClaim>> database_claims(Database& database, const StoreId& store,
                                                  const std::string& name);

}  // namespace syncline
