// Why folding and publishing do not get on, where git's state alone does not tell it: the last try
// failed, or what is to be published meets something of a person's. A file in the store's
// directory, for `status` and `verify` of whoever asks later; gone with the next publish that went
// through. It only informs: without a sync, and nothing depends on it.
#pragma once

#include <string>
#include <string_view>

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// One line; empty: there is none any more.
Status note_trouble(Directory& store_directory, std::string_view trouble);
Result<std::string> read_trouble(Directory& store_directory);

}  // namespace syncline
