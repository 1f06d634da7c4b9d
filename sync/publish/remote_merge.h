// Brings what somebody else has pushed into the branch, so that both sides can be pushed together.
//
//   fetch ─► theirs holds the tip: the branch goes on to theirs
//         ─► the tip holds theirs: nothing
//         ─► else both together (merged_tree.h); what takes a person changes nothing, and the
//         answer
//              names the paths
//   ─► commit_to_branch(), and under its locks `git read-tree -m -u` brings the work tree along, on
//      the index image that is renamed into place afterwards ─► PublishFrame
//
// What a person has edited, staged or left untracked where something is to change makes git refuse,
// or is seen before git is asked: then nothing has changed, and the answer says which path. Whoever
// dies between the work tree's files and the ref leaves files that hold the new bytes already: the
// next try sees that, and takes them as brought along.
//
// A remote that was rewritten (forced) without commits of people that the branch still has is not
// brought in: merging would put those back.
//
// The holder of sync.lock calls it, and holds apply.lock too while the branch is moved.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/git/git_paths.h"
#include "sync/publish/branch_commit.h"
#include "syncline/result.h"

namespace syncline {

class RemoteMerge {
 public:
  explicit RemoteMerge(SyncContext& context) : context_(context) {}

  // Makes the tracking ref what the remote's branch is. kRetryLater where the remote does not
  // answer. `known`: the branch's commit at the remote, as of our last push.
  Status fetch(const ObjectId& known, Deadline deadline);
  // kRetryLater, with the reason and what to do, where it takes a person or has to wait for one. A
  // sentence about what was done, or an empty one.
  Result<std::string> bring_in(OutcomeSource& outcomes, Deadline deadline);

  // "refs/remotes/<remote>/<branch>"
  static std::string tracking_ref(const SyncOptions& options);

 private:
  Result<CommandResult> git(std::vector<std::string> arguments, Deadline deadline);
  Result<bool> is_ancestor(const ObjectId& older, const ObjectId& newer, Deadline deadline);
  Status refuse_forced(const ObjectId& tip, const ObjectId& theirs, Deadline deadline);
  // Empty when something changed meanwhile.
  Result<std::optional<std::string>> attempt(OutcomeSource& outcomes, Deadline deadline);
  // What the work tree has of the merged tree already; an error where something is in the way.
  Result<std::vector<PlannedChange>> look_at_work_tree(const ObjectId& tip_tree,
                                                       const ObjectId& merged);
  Result<std::string> bring_work_tree_along(const ObjectId& tip_tree, const ObjectId& merged);
  Status sync_own_files(const ObjectId& tip_tree, const ObjectId& merged);

  SyncContext& context_;
  std::optional<GitDirectories> git_dirs_;
  std::vector<ObjectId> known_before_;  // the remote's branch, before it was fetched
};

}  // namespace syncline
