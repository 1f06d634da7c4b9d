// Whether a publish is due, and for what it must wait.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/git_paths.h"
#include "sync/git/owned_lock.h"
#include "sync/git/stashed_files.h"
#include "sync/git/tree.h"
#include "sync/git/unborn.h"
#include "sync/git/worktree_state.h"
#include "sync/publish/branch_commit.h"
#include "sync/publish/ignored_paths.h"
#include "sync/publish/publisher.h"

namespace syncline {
namespace {

// How often the rules of what is held back are looked at where nothing else is to be published.
constexpr int64_t kHeldLookNs = 1'000'000'000;

}  // namespace

bool Publisher::nothing_new(const ObjectId& tip) const {
  const SyncState& state = context_.state;
  if (state.published < state.committed) return false;
  if (state.branch == context_.options.branch && state.branch_commit == tip) return true;
  return checked_tip_ == tip && checked_committed_ == state.committed;
}

std::optional<uint64_t> Publisher::due_in_ms(bool sections_wait) {
  const SyncState& state = context_.state;
  if (state.committed == 0) return std::nullopt;
  const Result<ObjectId> tip = context_.refs.read(context_.options.branch);
  // If something cannot be read, publish() reports it.
  if (tip && nothing_new(*tip) && !held_is_due().value_or(true)) return std::nullopt;
  const int64_t delay_ns = not_before_ns_ - context_.clock.monotonic_ns();
  const int64_t delay_ms = std::max<int64_t>(delay_ns + 999'999, 0) / 1'000'000;
  return static_cast<uint64_t>(std::max(delay_ms, left_ms(sections_wait)));
}

Result<bool> Publisher::held_is_due() {
  const int64_t now_ns = context_.clock.monotonic_ns();
  if (now_ns < held_look_ns_) return held_is_due_;
  TRY_ASSIGN(HeldPaths held, load_held_paths(context_.store_directory, context_.store()));
  if (held.empty()) return false;
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  IgnoredPaths ignored(context_, *git_dirs, std::move(held));
  TRY_ASSIGN(const bool still, ignored.holds_still());
  held_is_due_ = !still;
  held_look_ns_ = now_ns + kHeldLookNs;
  return held_is_due_;
}

// What is left of the interval since the last publish, and of the quiet time.
int64_t Publisher::left_ms(bool sections_wait) {
  const int64_t interval_ms = sections_wait ? 0 : interval_left_ms();
  const Result<const GitDirectories*> git_dirs = git();
  if (!git_dirs) return interval_ms;
  return std::max(interval_ms, quiet_left_ms(**git_dirs, context_.clock).value_or(0));
}

int64_t Publisher::interval_left_ms() {
  const ObjectId& last_id = context_.state.branch_commit;
  if (last_id.is_zero()) return 0;
  const Result<std::optional<Object>> last = context_.objects.read(last_id);
  if (!last || !*last) return 0;
  const Result<ParsedCommit> commit = parse_commit((*last)->bytes);
  if (!commit) return 0;
  // Every process of the store can see the commit's own time; the clock may have jumped since.
  const int64_t age_ms = context_.clock.now_ms() - commit->committer_time_s * 1000;
  if (age_ms < 0) return 0;
  return std::max<int64_t>(static_cast<int64_t>(context_.options.publish_interval_ms) - age_ms, 0);
}

Result<RefLockJudge::Verdict> Publisher::judge_branch_lock() {
  const SyncState& state = context_.state;
  const bool on_this = state.branch == context_.options.branch;
  return RefLockJudge(context_.refs, context_.objects, context_.store().hex())
      .branch(context_.options.branch, on_this ? state.branch_commit : ObjectId{},
              context_.platform, context_.work_tree, context_.clock);
}

Result<std::string> Publisher::standing_in_the_way(ObjectId& tip) {
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  const std::string& branch = context_.options.branch;
  others_.clear();
  const WorktreeQuestion question{.branch = branch,
                                  .lock_owner = context_.store().hex(),
                                  .programs_matter = true,
                                  .others = &others_};
  TRY_ASSIGN(std::string reason, worktree_waiting_reason(*git_dirs, question, context_.clock));
  if (!reason.empty()) return reason;
  TRY_ASSIGN(const RefLockJudge::Verdict lock, judge_branch_lock());
  // An index.lock of ours means that another process of the store is publishing.
  TRY_ASSIGN(const bool at_work,
             is_owned_lock(*git_dirs->git_dir, "index.lock", context_.store().hex()));
  if (lock.held() && !at_work) {
    return held_lock_reason(fmt::format("{}/{}.lock", context_.common_dir.path(), branch),
                            lock.seen->info, context_.clock);
  }
  Result<ObjectId> read = context_.refs.read(branch);
  // A branch that cannot be read is the user's to put back, like any other state of the user's git.
  if (!read && read.error().code == Code::kCorrupt) {
    return fmt::format("{}; {}", read.error().message, read.error().hint);
  }
  if (!read) return std::move(read).error();
  tip = *read;
  if (!tip.is_zero()) return std::string{};
  const SyncState& state = context_.state;
  const bool published = state.branch == branch && !state.branch_commit.is_zero();
  return unborn_doubt(*git_dirs, context_.refs, context_.objects, branch,
                      {.store = context_.store().hex(),
                       .published = published ? state.branch_commit : ObjectId{},
                       .was_born = context_.options.branch_was_born});
}

Result<std::string> Publisher::waiting_reason() {
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  ObjectId tip;
  TRY_ASSIGN(std::string reason, standing_in_the_way(tip));
  if (!reason.empty() || context_.state.published >= context_.state.committed) return reason;
  TRY_ASSIGN(reason, away_with_stash(tip));
  if (!reason.empty()) return reason;
  TRY_ASSIGN(reason, index_waiting_reason(*git_dirs));
  return reason;
}

Result<ObjectId> Publisher::stash_tip() {
  const Result<ObjectId> stash = context_.refs.read(kStashRef);
  // One that cannot be read cannot be popped either.
  if (!stash && stash.error().code == Code::kCorrupt) return ObjectId{};
  return stash;
}

// It would have to be written again to be published, and then the pop would fail.
Result<std::string> Publisher::away_with_stash(const ObjectId& tip) {
  TRY_ASSIGN(stash_seen_, stash_tip());
  if (stash_seen_.is_zero()) return std::string{};
  TRY_ASSIGN(const StashedFiles stashed,
             StashedFiles::read(context_.common_dir, context_.objects, context_.clock));
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  TRY_ASSIGN(const ObjectId own, tree_of(context_.objects, context_.state.own_commit));
  TRY_ASSIGN(const ObjectId branch, tree_of(context_.objects, tip));
  std::string away;
  TRY(stashed.for_each([&](std::string_view path) -> Status {
    if (!away.empty()) return {};
    TRY_ASSIGN(const auto ours, find_in_tree(context_.objects, own, path));
    if (!ours) return {};
    TRY_ASSIGN(const auto published, find_in_tree(context_.objects, branch, path));
    const Result<FileInfo> there = git_dirs->work_tree->info(path);
    if (!published && !there && there.error().code == Code::kNotFound) away = path;
    return {};
  }));
  if (away.empty()) return away;
  return fmt::format(
      "{} is away with a stash: publishing goes on after `git stash pop` or `git stash drop`, or "
      "{} minutes after the stash",
      away, kStashWaitMs / 60'000);
}

Result<bool> Publisher::must_make_up() {
  if (context_.clock.monotonic_ns() < not_before_ns_) return false;
  return was_cut_short();
}

Result<bool> Publisher::was_cut_short() {
  const Result<FileInfo> noted = context_.store_directory.info(kPublishCutFile);
  if (noted) return true;
  if (noted.error().code != Code::kNotFound) return noted.error();
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  return is_owned_lock(*git_dirs->git_dir, "index.lock", context_.store().hex());
}

// Noted before the locks are removed: they tell of it no longer, and this publish may have to wait.
Status Publisher::take_up_cut_short(const GitDirectories& git_dirs) {
  TRY_ASSIGN(const bool cut_short, was_cut_short());
  if (cut_short) {
    const Status noted = context_.store_directory.create_whole(kPublishCutFile, {});
    if (!noted && noted.error().code != Code::kExists) return noted;
  }
  return recover_left_locks(git_dirs, context_.store().hex());
}

}  // namespace syncline
