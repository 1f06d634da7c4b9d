// The attributes of our paths, in `info/attributes` of the git directory, which wins over every
// .gitattributes, is nobody's to commit, and keeps what a person has written into it. A line of
// theirs behind ours wins over ours.
//
// Off are those that would change a file's bytes on their way into git and out of it: filters
// (LFS), line ends (also by core.autocrlf), encodings, $Id$. A file of ours that they change is
// never as the journal has it: `git status` calls it modified for good, and `commit -a` takes it
// along. And two versions of a file are merged by our driver (merge_driver.h), if it is there.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// Adds what is missing, durably; `patterns` as in gitattributes(5). Where the file is a link or
// otherwise not to be written it stays as it is.
Status write_own_attributes(Directory& common_dir, std::span<const std::string> patterns);
// For which of them that was done.
Result<std::vector<std::string>> attributes_off(Directory& common_dir,
                                                std::span<const std::string> patterns);

}  // namespace syncline
