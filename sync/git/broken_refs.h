// A HEAD or a branch whose file names nothing: git does not sync them, so a power cut can leave
// them empty, and git itself refuses to work then. What they named is a person's to say. Nothing of
// git can be compared, and no publish made, before they are put back.
#pragma once

#include <string>

#include "sync/git/git_platform.h"
#include "syncline/result.h"

namespace syncline {

// Which of the two it is, and the command that puts it back, as a sentence; empty where both can be
// read. `branch`: its full name.
Result<std::string> broken_ref(const std::string& work_tree, const std::string& branch,
                               GitPlatform& platform);

}  // namespace syncline
