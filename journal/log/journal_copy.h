// A journal copied as it was durable at one moment, beside those who go on appending to it.
#pragma once

#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// Copies the journal below `from` into `to` (each a .git/syncline), which has none: its segments up
// to `durable`, and what was kept of trimmed ones, byte for byte. Every frame stays where it is, so
// all that names a place in the journal holds of the copy. Durable when it returns, but for the
// name of the journal's directory. The caller keeps anybody from trimming meanwhile.
Status copy_journal(Directory& from, Directory& to, const Mark& durable);

}  // namespace syncline
