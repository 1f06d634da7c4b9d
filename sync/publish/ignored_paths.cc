#include "sync/publish/ignored_paths.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/tree.h"
#include "sync/own/own_history.h"
#include "sync/publish/publish_diff.h"

namespace syncline {

IgnoredPaths::IgnoredPaths(SyncContext& context, const GitDirectories& git, HeldPaths before)
    : context_(context),
      rules_(git),
      hold_back_{.ignores = [this](std::string_view path) { return ignores(path); },
                 .before = before},
      written_(std::move(before)) {}

Result<bool> IgnoredPaths::ignores(std::string_view path) {
  if (context_.options.publish_ignored) return false;
  return rules_.ignores(path);
}

Result<bool> IgnoredPaths::holds_still() {
  for (const auto& [path, entry] : hold_back_.before) {
    TRY_ASSIGN(const bool ignored, ignores(path));
    if (!ignored) return false;
  }
  return true;
}

Status IgnoredPaths::hold_retracted(std::span<const Retraction> retractions, PublishPlan& plan) {
  for (const Retraction& retraction : retractions) {
    if (retraction.on_branch) continue;
    TRY_ASSIGN(const bool ignored, ignores(retraction.path));
    if (!ignored) continue;
    plan.holds_new = true;
    plan.held.try_emplace(retraction.path, HeldPath{.removed_up_to = 0, .is_retracted = true});
  }
  return {};
}

Status IgnoredPaths::add(const HeldPaths& held) {
  HeldPaths all = held;
  all.insert(written_.begin(), written_.end());  // those that stay as they were come from `held`
  return replace(all);
}

Status IgnoredPaths::replace(const HeldPaths& held) {
  if (held == written_) return {};
  TRY(save_held_paths(context_.store_directory, context_.store(), held));
  written_ = held;
  return {};
}

Result<bool> own_ref_is_held(SyncContext& context) {
  const SyncState& state = context.state;
  if (context.options.publish_ignored || state.own_commit.is_zero()) return false;
  TRY_ASSIGN(const GitPaths paths, git_paths_at(context.work_tree, context.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  TRY_ASSIGN(HeldPaths before, load_held_paths(context.store_directory, context.store()));
  IgnoredPaths ignored(context, git, std::move(before));
  for (const auto& [path, entry] : ignored.hold_back().before) {
    TRY_ASSIGN(const bool still, ignored.ignores(path));
    if (still) return true;
  }
  if (state.published >= state.committed) return false;
  // No publish has looked at these yet.
  TRY_ASSIGN(const OwnHistory history,
             read_own_history(context.objects, context.store(), state.own_commit, state.published,
                              /*records_max=*/UINT64_MAX));
  TRY_ASSIGN(const ObjectId tip, context.refs.read(context.options.branch));
  PublishTrees trees{.own = history.tree, .own_before = history.tree_before, .left = {}, .tip = {}};
  TRY_ASSIGN(trees.tip, tree_of(context.objects, tip));
  if (history.before_known) trees.left = trees.tip;
  bool found = false;
  TRY(find_publish_candidates(context.objects, trees,
                              [&](const PublishCandidate& candidate) -> Status {
                                if (candidate.tip || found) return {};
                                TRY_ASSIGN(found, ignored.ignores(candidate.path));
                                return {};
                              }));
  return found;
}

std::string held_own_ref_sentence(std::string_view own_ref) {
  return fmt::format(
      "{} is not pushed, since it holds what the repository ignores; with `[publish] ignored = "
      "true`, or without the rule, it is",
      own_ref);
}

}  // namespace syncline
