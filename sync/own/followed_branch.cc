#include "sync/own/followed_branch.h"

#include <optional>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/tree.h"
#include "sync/git/worktree_state.h"
#include "sync/own/own_history.h"

namespace syncline {

Result<std::string> followed_branch(RefStore& refs, const std::string& configured,
                                    const SyncState& state) {
  if (state.branch.empty() || state.branch == configured) return configured;
  TRY_ASSIGN(const ObjectId tip, refs.read(configured));
  if (!tip.is_zero()) return configured;
  TRY_ASSIGN(const ObjectId published, refs.read(state.branch));
  return published.is_zero() ? configured : state.branch;
}

Result<std::string> renamed_branch(const GitDirectories& git, RefStore& refs, ObjectStore& objects,
                                   const std::string& gone, const SyncState& state) {
  TRY_ASSIGN(const ObjectId gone_tip, refs.read(gone));
  if (!gone_tip.is_zero()) return std::string{};
  TRY_ASSIGN(const std::optional<std::string> head, head_target(*git.git_dir));
  if (!head || *head == gone) return std::string{};
  TRY_ASSIGN(const ObjectId tip, refs.read(*head));
  if (tip.is_zero()) return std::string{};
  if (state.branch_commit.is_zero()) {
    TRY_ASSIGN(const ObjectId tree, tree_of(objects, tip));
    TRY_ASSIGN(const auto config, find_in_tree(objects, tree, kConfigFile));
    return config ? *head : std::string{};
  }
  TRY_ASSIGN(const bool reached, reaches(objects, tip, state.branch_commit, kCommitsLookedAtMax));
  return reached ? *head : std::string{};
}

}  // namespace syncline
