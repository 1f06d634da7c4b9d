// Why a publish must wait for the user, found out from files alone: no lock is taken, libgit2 is
// not loaded, nothing is written.
//
// A publish moves the checked-out branch and adds to its index. That is safe between two of the
// user's git commands, but not in the middle of an operation: a merge, rebase, cherry-pick, revert,
// bisect or `am` under way, HEAD detached or on another branch, a lock held, or an editor open on a
// commit message (`git commit` holds no lock then, and dies if HEAD moves).
//
// The same holds while its hooks run, of which nothing on disk tells: so for as long as a git
// program that may move HEAD runs with its work tree here, and while a hook of this repository has
// started us, a publish waits too.
//
// The editor rule. COMMIT_EDITMSG newer than logs/HEAD means that a message was begun since HEAD
// last moved. Finishing the commit moves HEAD but giving it up does not, so a wait by age alone
// could last forever. The message therefore counts only while a live process has that file among
// its arguments (git starts the editor with the file's whole path, and waits), or for
// kUnseenEditorMs after the last change, which covers the moments before the editor starts and
// after it ends, and `commit -m`. An editor on another machine or in another container is seen only
// for that long: the user may then have to repeat the commit, for which git keeps the message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "journal/base/clock.h"
#include "journal/os/file_system.h"
#include "sync/git/git_paths.h"
#include "sync/git/git_platform.h"
#include "sync/git/open_watch.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr int64_t kUnseenEditorMs = 2000;
inline constexpr int64_t kQuietAfterMoveMs = 2000;
// Whoever moves HEAD for so long without such a pause is not waited for any more.
inline constexpr int64_t kQuietLongestMs = 5 * 60'000;
// What the reflog says of our own commits begins so.
inline constexpr std::string_view kOurReflogMessage = "commit (syncline): ";

struct WorktreeQuestion {
  std::string branch;        // full ref name that is to be published to
  std::string lock_owner;    // see owned_lock.h: a lock of this owner is not a reason to wait
  bool locks_matter = true;  // false while we hold the locks ourselves
  // Whether a git program that may move HEAD is a reason: it is for who moves HEAD himself.
  bool programs_matter = false;
  OtherProcesses* others = nullptr;  // see GitPlatform::git_at_work_in
  // Of HEAD; begins with the look at programs. While it is quiet nobody needs to look at them or at
  // HEAD again.
  OpenWatch* watch = nullptr;
  bool head_matters = true;
};

// The sentence about a lock that is in the way: which lock, for how long, and what to do.
std::string held_lock_reason(std::string_view path, const FileInfo& info, Clock& clock);

// The full name of the branch that HEAD names; nothing where HEAD is missing or detached.
Result<std::optional<std::string>> head_target(Directory& git_dir);

// What is left of the kQuietAfterMoveMs after somebody else has moved HEAD (a commit, a reset, a
// checkout), by the reflog: who has just done that is likely to go on, to amend it or to take it
// back. 0: nobody has, or somebody does so all the time.
Result<int64_t> quiet_left_ms(const GitDirectories& git, Clock& clock);

// One line for the user; empty when nothing is in the way. An error only where the git directory
// cannot be read at all.
Result<std::string> worktree_waiting_reason(const GitDirectories& git,
                                            const WorktreeQuestion& question, Clock& clock);

}  // namespace syncline
