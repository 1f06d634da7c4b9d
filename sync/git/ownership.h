// Whose repository it is: only its owner, and whom git itself lets in, may have it opened.
//
// Opening a store runs SQLite, git and a repository's hooks on files that their owner chose,
// reading included. So, as git does, nothing in another user's repository is used, root being no
// exception, unless `safe.directory` names it in the system's or the user's own configuration. What
// git would say is asked of git: SUDO_UID, included files and "*" are its own affair.
#pragma once

#include "sync/git/git_paths.h"

namespace syncline {

// kUnsafePath, with the command that allows it, where it is not to be used.
Status check_owner(const GitPaths& paths);

}  // namespace syncline
