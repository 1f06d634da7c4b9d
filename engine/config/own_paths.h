// Git's patterns (gitattributes(5), gitignore(5)) for the paths that records of a configuration can
// have, and for the configuration itself: each kind's folder, or the shape of its paths where they
// stand in no folder of their own; and for the database.
//
// Pure. Threading: any thread.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config.h"

namespace syncline {

// Sorted, each once. The kinds' patterns are parsed.
std::vector<std::string> own_path_patterns(const Config& config);

// The database and what SQLite keeps beside it.
std::vector<std::string> database_patterns(const Config& config);

// A path that a record of the kind could have: id 1, the fields' names for their texts. Empty where
// the kind makes no file.
std::string example_path(const KindSpec& kind);

}  // namespace syncline
