// Puts one of our commits on the checked-out branch: index first, then the ref.
//
//   look, no locks ─► pack, index image and locks beside, synced ─► index.lock, HEAD.lock ─► look
//   again ─► ref lock ─► the tip is still there ─► work tree's texts grown ─► index renamed into
//   place, synced ─► reflogs ─► ref renamed ─► locks let go ─► ref synced ─► .keep dropped
//
// A git command of theirs that meets index.lock fails, so the index's directory is all that is
// synced while it is held.
//
// A crash before the index is renamed leaves a pack and, at most, locks that recover_left_locks()
// knows as ours. A crash between index and ref leaves our files staged on the old tip: the next
// publish commits them, and so would the user's next commit; nothing is ever staged for deletion.
// Once the ref is renamed, everything is in place. The work tree's part is done under index.lock,
// without which no git command takes up a file's change: none of them meets one half.
//
// The commit's tree is the tip's tree with our changes, never the index, so it holds nothing that
// the user has staged. No hook runs and nothing is signed. HEAD.lock keeps the branch from being
// switched between the last look and the renaming of the ref.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/base/backoff.h"
#include "journal/base/clock.h"
#include "sync/git/commit.h"
#include "sync/git/git_paths.h"
#include "sync/git/git_platform.h"
#include "sync/git/object_reader.h"
#include "sync/git/pack_writer.h"
#include "sync/publish/publish_plan.h"
#include "syncline/result.h"

namespace syncline {

// How often a commit to the branch is planned anew when something changes meanwhile, and the pause
// in between.
inline constexpr BackoffLimits kMovedLimits = {
    .first_ns = 5'000'000, .longest_ns = 100'000'000, .tries_max = 5};

// A commit that brings another line of history in, made of trees that are there already.
struct MergedIn {
  ObjectId theirs;
  ObjectId tree;              // of both together
  bool fast_forward = false;  // theirs holds the tip: the branch goes on to that very commit
};

struct BranchCommitRequest {
  std::string branch;  // full ref name
  ObjectId tip;        // zero: the branch is unborn
  ObjectId tip_tree;
  std::span<const PlannedChange> changes;  // sorted by path
  std::vector<ObjectId> earlier_trees;  // what an interrupted publish may have been carrying over
  Signature author;
  std::string message;
  std::string reflog;      // what the reflogs say
  std::string lock_owner;  // a store's id; empty before there is one: a lock left then stays
  // What is to be written into the work tree in the same moment; answers why it has to wait, or "".
  std::function<Result<std::string>()> write_work_tree = {};
  // Takes that back, where the commit is given up at the last moment. False: it cannot be, and so
  // the commit is made.
  std::function<Result<bool>()> take_back_work_tree = {};
  OtherProcesses* others = nullptr;  // of the look without locks, if there was one
  // The changes are then those that the index gets beforehand, and the work tree has them already;
  // write_work_tree() finds the whole new index at image_name() and may write it anew.
  std::optional<MergedIn> merged = {};
};

struct BranchCommitResult {
  ObjectId commit;                // zero when nothing was committed
  std::string waiting;            // why nothing was committed: the user's git state
  bool plan_waits = false;        // `waiting` is about what is to be committed
  bool moved = false;             // tip, HEAD or index changed meanwhile: plan again
  uint64_t lock_retries = 0;      // tries of git's locks after a first one
  std::vector<std::string> kept;  // paths where the user has staged something else, which stays
};

// Of a file that is to get sections, and that a person has staged to be removed or moved: why the
// publish waits for it. Their next commit would take the sections from the branch again.
std::string staged_removal_reason(std::string_view path);

// `pack` may hold objects already (blobs); it is reset by the caller.
Result<BranchCommitResult> commit_to_branch(const GitDirectories& git, ObjectStore& objects,
                                            PackWriter& pack, const BranchCommitRequest& request,
                                            Clock& clock);

// The new index, below the git directory, beside the old one until it is renamed.
std::string image_name(std::string_view owner);

// Why the index itself makes a publish wait: it is damaged, of a kind that is not handled, or has
// conflicts. One line, or empty. Reads the whole index.
Result<std::string> index_waiting_reason(const GitDirectories& git);

// Removes the locks and the index image that a dead process of this owner left. The caller holds
// sync.lock.
Status recover_left_locks(const GitDirectories& git, const std::string& owner);

}  // namespace syncline
