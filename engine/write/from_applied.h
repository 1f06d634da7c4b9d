// Where to read the log from for what SQLite does not know yet.
//
// The answer is the applied mark; where nothing is applied (there is no database, or it is being
// made) it is the begin of the journal, which need not be the first record's place: the segments
// before it may have been trimmed.
#pragma once

#include "journal/log/format.h"
#include "journal/log/journal.h"
#include "syncline/result.h"

namespace syncline {

Mark from_applied(const Mark& applied, const Mark& begin);
// Asks the journal for its begin only where that is the answer.
Result<Mark> from_applied(const Mark& applied, const Journal& journal);

}  // namespace syncline
