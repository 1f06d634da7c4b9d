// What is ours in the work tree and no record, the database above all, is ignored by git for this
// clone: its patterns stand in `info/exclude` of the git directory, which is nobody's to commit,
// beside what a person has written there.
#pragma once

#include <span>
#include <string>

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// Adds the lines that are missing, durably; `patterns` as in gitignore(5). Where the file is a link
// or otherwise not to be written it stays as it is.
Status write_own_excludes(Directory& common_dir, std::span<const std::string> patterns);

}  // namespace syncline
