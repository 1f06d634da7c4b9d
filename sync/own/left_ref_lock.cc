#include "sync/own/left_ref_lock.h"

#include <utility>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/own/own_history.h"

namespace syncline {
namespace {

auto time_of(const FileInfo& info) {
  return std::pair(info.mtime_s, info.mtime_ns);
}

}  // namespace

Result<bool> RefLockJudge::is_ours(const ObjectId& id) {
  TRY_ASSIGN(const std::optional<ParsedCommit> commit, commit_if_there(objects_, id));
  return commit && names_store(commit->message, store_);
}

Result<RefLockJudge::Verdict> RefLockJudge::own_ref(std::string_view ref) {
  Verdict verdict;
  TRY_ASSIGN(verdict.seen, refs_.look_at_lock(ref));
  if (!verdict.seen) return verdict;
  TRY_ASSIGN(verdict.left, is_ours(verdict.seen->holds));
  return verdict;
}

Result<bool> RefLockJudge::could_be_published(std::string_view ref, const ObjectId& id,
                                              const ObjectId& published) {
  if (id == published) return true;
  TRY_ASSIGN(const std::optional<ParsedCommit> commit, commit_if_there(objects_, id));
  TRY_ASSIGN(const ObjectId tip, refs_.read(ref));
  if (commit && !commit->parents.empty() && commit->parents.front() == tip) return true;
  return reaches(objects_, tip, id, kCommitsLookedAtMax);
}

Result<RefLockJudge::Verdict> RefLockJudge::branch(std::string_view ref, const ObjectId& published,
                                                   GitPlatform& platform,
                                                   std::string_view work_tree, Clock& clock) {
  Verdict verdict;
  TRY_ASSIGN(verdict.seen, refs_.look_at_lock(ref));
  if (!verdict.seen) return verdict;
  const FileInfo& lock = verdict.seen->info;
  TRY_ASSIGN(const std::optional<FileInfo> loose, refs_.loose_info(ref));
  if (loose && loose->inode == lock.inode && loose->device == lock.device) {
    verdict.left = true;
    return verdict;
  }
  TRY_ASSIGN(const bool ours, is_ours(verdict.seen->holds));
  if (!ours) return verdict;
  TRY_ASSIGN(const bool possible, could_be_published(ref, verdict.seen->holds, published));
  if (!possible) return verdict;
  if (loose && time_of(lock) < time_of(*loose)) {
    verdict.left = true;
    return verdict;
  }
  const int64_t age_ms = clock.now_ms() - (lock.mtime_s * 1000 + lock.mtime_ns / 1'000'000);
  // Made in the future: the clock was set back since then, and cannot tell the lock's age.
  const bool just_made = age_ms > -kLiveRefLockMs && age_ms < kLiveRefLockMs;
  verdict.left = !just_made && !platform.git_runs_in(work_tree);
  return verdict;
}

}  // namespace syncline
