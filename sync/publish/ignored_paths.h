// What one publish, or one push, has to know of the paths that the repository ignores: the rules as
// they are now, and what was held back before (held_paths.h). With `[publish] ignored = true`
// nothing is ignored.
//
//   plan ─► add() ─► commit on the branch ─► PublishFrame ─► replace()
//
// A death behind add() leaves paths in the list that are held or published: the next publish knows
// which. The holder of sync.lock calls add() and replace().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sync/context/sync_context.h"
#include "sync/git/git_paths.h"
#include "sync/git/ignore_rules.h"
#include "sync/own/held_paths.h"
#include "sync/publish/publish_plan.h"
#include "sync/publish/publish_retractions.h"
#include "syncline/result.h"

namespace syncline {

class IgnoredPaths {
 public:
  // `context` and `git` outlive it; `before` is the list as it stands.
  IgnoredPaths(SyncContext& context, const GitDirectories& git, HeldPaths before);
  IgnoredPaths(const IgnoredPaths&) = delete;

  const HoldBack& hold_back() const { return hold_back_; }
  Result<bool> ignores(std::string_view path);
  // Is everything ignored that was held back?
  Result<bool> holds_still();

  // What was retracted before it was ever published is in the own ref's history all the same.
  Status hold_retracted(std::span<const Retraction> retractions, PublishPlan& plan);
  // The list, durably, with what is held from now on.
  Status add(const HeldPaths& held);
  Status replace(const HeldPaths& held);

 private:
  SyncContext& context_;
  IgnoreRules rules_;
  HoldBack hold_back_;
  HeldPaths written_;
};

// Does the own ref hold what is not to leave the repository: an ignored path, published over or
// still to be? Where that cannot be told, it is an error.
Result<bool> own_ref_is_held(SyncContext& context);
std::string held_own_ref_sentence(std::string_view own_ref);

}  // namespace syncline
