// What the database knows to have been durable of the journal: how far it has applied, and how far
// the journal was durable then (which covers the outcomes that were journalled for what it
// applied).
#pragma once

#include <string>
#include <vector>

#include "engine/sqlite/database.h"
#include "journal/log/format.h"
#include "journal/log/journal.h"

namespace syncline {

// `name` is the database's, for people. Nothing where it is another store's, or has applied
// nothing.
Result<std::vector<DurableClaim>> database_claims(Database& database, const StoreId& store,
                                                  const std::string& name);

}  // namespace syncline
