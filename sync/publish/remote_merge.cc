#include "sync/publish/remote_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "journal/base/backoff.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/commit_text.h"
#include "sync/git/ref_store.h"
#include "sync/git/tree.h"
#include "sync/git/work_files.h"
#include "sync/git/worktree_state.h"
#include "sync/publish/merged_tree.h"
#include "sync/publish/publish_diff.h"
#include "sync/publish/published_mark.h"
#include "sync/publish/push_answer.h"

namespace syncline {
namespace {

// Git is not ended in the middle of the work tree's files, but neither waited for without end: a
// filter may fetch them from somewhere.
constexpr int64_t kWorkTreeMs = 600'000;

// Every file of `to` that `from` does not have as it is.
Status find_changes(ObjectStore& objects, const ObjectId& from, const ObjectId& to,
                    const std::function<Status(PublishCandidate)>& visit) {
  return find_publish_candidates(objects, {.own = to, .own_before = {}, .left = {}, .tip = from},
                                 visit);
}

}  // namespace

std::string RemoteMerge::tracking_ref(const SyncOptions& options) {
  return fmt::format("refs/remotes/{}/{}", options.remote, short_branch_name(options.branch));
}

Result<CommandResult> RemoteMerge::git(std::vector<std::string> arguments, Deadline deadline) {
  std::vector<std::string> command = git_command(context_.work_tree);
  std::ranges::move(arguments, std::back_inserter(command));
  return context_.platform.run_command(command, {"LC_ALL=C"}, deadline);
}

// Exact, where our own walk looks at so many commits only.
Result<bool> RemoteMerge::is_ancestor(const ObjectId& older, const ObjectId& newer,
                                      Deadline deadline) {
  TRY_ASSIGN(const CommandResult asked,
             git({"merge-base", "--is-ancestor", older.hex(), newer.hex()}, deadline));
  if (asked.exit_code == 0 || asked.exit_code == 1) return asked.exit_code == 0;
  return make_error(Code::kIo, "git merge-base failed: " + one_line(asked.error_text), "git fsck");
}

Status RemoteMerge::fetch(const ObjectId& known, Deadline deadline) {
  const std::string tracking = tracking_ref(context_.options);
  TRY_ASSIGN(const ObjectId before, context_.refs.read(tracking));
  for (const ObjectId& id : {known, before}) {
    if (!id.is_zero()) known_before_.push_back(id);
  }
  const std::string& remote = context_.options.remote;
  // As one pack, which git syncs; loose objects it would not.
  const std::vector<std::string> command = {
      "-c",
      "fetch.unpackLimit=1",
      "fetch",
      "--quiet",
      "--no-tags",
      "--no-write-fetch-head",
      "--no-auto-maintenance",
      "--no-recurse-submodules",
      "--refmap=",
      "--",
      remote,
      fmt::format("+{}:{}", context_.options.branch, tracking)};
  TRY_ASSIGN(CommandResult fetched, git(command, deadline));
  // Another fetch was there first: a person's, or that of a call which was killed.
  Backoff backoff(context_.platform.random(), kMovedLimits);
  while (fetched.exit_code != 0 && fetched.error_text.contains("cannot lock ref") &&
         backoff.may_try_again() && !context_.clock.passed(deadline)) {
    context_.journal.count_retry(RetryCause::kGitLock);
    context_.clock.pause_ns(backoff.next_delay_ns());
    TRY_ASSIGN(fetched, git(command, deadline));
  }
  if (fetched.exit_code != 0) {
    return make_error(Code::kRetryLater,
                      fmt::format("git fetch from {} answered {}: {}", remote, fetched.exit_code,
                                  one_line(fetched.error_text)),
                      unanswered_hint(fetched.error_text, remote));
  }
  return context_.common_dir.sync_directory(kPackDirectory);
}

Result<std::string> RemoteMerge::bring_in(OutcomeSource& outcomes, Deadline deadline) {
  Backoff backoff(context_.platform.random(), kMovedLimits);
  while (true) {
    TRY_ASSIGN(std::optional<std::string> told, attempt(outcomes, deadline));
    if (told) return std::move(*told);
    if (!backoff.may_try_again()) {
      return takes_a_person(context_.options, "git commands keep changing the branch or its index",
                            "try again");
    }
    context_.journal.count_retry(RetryCause::kGitState);
    context_.clock.pause_ns(backoff.next_delay_ns());
  }
}

Result<std::optional<std::string>> RemoteMerge::attempt(OutcomeSource& outcomes,
                                                        Deadline deadline) {
  const SyncState& state = context_.state;
  const std::string& branch = context_.options.branch;
  if (!git_dirs_) {
    TRY_ASSIGN(const GitPaths paths, git_paths_at(context_.work_tree, context_.platform));
    TRY_ASSIGN(git_dirs_, open_git_directories(paths));
  }
  TRY_ASSIGN(const ObjectId tip, context_.refs.read(branch));
  TRY_ASSIGN(const ObjectId theirs, context_.refs.read(tracking_ref(context_.options)));
  if (tip.is_zero() || theirs.is_zero() || tip == theirs) return std::optional(std::string{});
  TRY_ASSIGN(const bool has_theirs, is_ancestor(theirs, tip, deadline));
  if (has_theirs) return std::optional(std::string{});

  const std::string owner = context_.store().hex();
  const WorktreeQuestion question{.branch = branch, .lock_owner = owner, .programs_matter = true};
  TRY_ASSIGN(std::string waiting, worktree_waiting_reason(*git_dirs_, question, context_.clock));
  if (waiting.empty()) {
    TRY_ASSIGN(waiting, index_waiting_reason(*git_dirs_));
  }
  const auto has_to_wait = [&](const std::string& why) {
    return takes_a_person(context_.options, "bringing them in waits: " + why, "then push again");
  };
  if (!waiting.empty()) return has_to_wait(waiting);

  TRY(refuse_forced(tip, theirs, deadline));
  context_.pack.reset();
  TRY_ASSIGN(const ObjectId tip_tree, tree_of(context_.objects, tip));
  MergedIn merged{.theirs = theirs, .tree = {}};
  TRY_ASSIGN(merged.fast_forward, is_ancestor(tip, theirs, deadline));
  if (merged.fast_forward) {
    TRY_ASSIGN(merged.tree, tree_of(context_.objects, theirs));
  } else {
    TRY_ASSIGN(merged.tree, MergedTree(context_, outcomes).merge(tip, theirs, deadline));
  }
  TRY_ASSIGN(const std::vector<PlannedChange> there, look_at_work_tree(tip_tree, merged.tree));

  const std::string subject = fmt::format("syncline: merge {}", branch_at_remote(context_.options));
  BranchCommitRequest request{.branch = branch,
                              .tip = tip,
                              .tip_tree = tip_tree,
                              .changes = there,
                              .earlier_trees = {},
                              .author = {context_.options.author_name,
                                         context_.options.author_email, context_.clock.now_ms()},
                              .message = subject + "\n\n" + store_trailer(owner),
                              .reflog = std::string(kOurReflogMessage) + subject,
                              .lock_owner = owner};
  request.write_work_tree = [&] { return bring_work_tree_along(tip_tree, merged.tree); };
  request.merged = merged;
  // Asked before the branch moves: a person's reset that is not published over yet stays known.
  const bool known = state.branch == branch && !state.branch_commit.is_zero();
  bool goes_on = false;
  if (known) {
    TRY_ASSIGN(goes_on, is_ancestor(state.branch_commit, tip, deadline));
  }
  TRY_ASSIGN(
      const BranchCommitResult committed,
      commit_to_branch(*git_dirs_, context_.objects, context_.pack, request, context_.clock));
  if (committed.moved) return std::optional<std::string>{};
  if (!committed.waiting.empty()) return has_to_wait(committed.waiting);
  if (goes_on) TRY(journal_publish(context_, state.published, tip, committed.commit));
  return std::optional(
      merged.fast_forward
          ? fmt::format("brought in what was new in {}", branch_at_remote(context_.options))
          : fmt::format("merged {} into {}", branch_at_remote(context_.options),
                        short_branch_name(branch)));
}

// People's commits that were there, are not there any more, and are on the branch here.
Status RemoteMerge::refuse_forced(const ObjectId& tip, const ObjectId& theirs, Deadline deadline) {
  for (const ObjectId& before : known_before_) {
    // A known one may be gone here too, with a gc after a reset.
    TRY_ASSIGN(const std::optional<Object> commit, context_.objects.read(before));
    if (!commit) continue;
    TRY_ASSIGN(const bool still_here, is_ancestor(before, tip, deadline));
    if (!still_here) continue;
    TRY_ASSIGN(const CommandResult gone,
               git({"rev-list", "--max-count=1", "--invert-grep",
                    fmt::format("--grep=^{}: ", kStoreTrailer), before.hex(), "^" + theirs.hex()},
                   deadline));
    const std::string id = one_line(gone.output);
    if (gone.exit_code != 0) {
      return make_error(Code::kIo, "git rev-list failed: " + one_line(gone.error_text), "git fsck");
    }
    if (id.empty()) continue;
    return takes_a_person(
        context_.options,
        fmt::format("was rewritten without commit {}, which is still on {} here", id.substr(0, 10),
                    short_branch_name(context_.options.branch)),
        fmt::format("take theirs: git pull --rebase {0} {1}; or keep both: git pull --no-rebase "
                    "{0} {1}",
                    context_.options.remote, short_branch_name(context_.options.branch)));
  }
  return {};
}

// ---- the work tree ----

Result<std::vector<PlannedChange>> RemoteMerge::look_at_work_tree(const ObjectId& tip_tree,
                                                                  const ObjectId& merged) {
  std::vector<PlannedChange> there;
  std::set<std::string> in_the_way;
  TRY(find_changes(context_.objects, tip_tree, merged, [&](PublishCandidate candidate) -> Status {
    TRY_ASSIGN(const WorkFile file,
               look_at_work_file(*git_dirs_->work_tree, candidate.path, context_.clock));
    const bool equal = file.state == WorkFile::State::kReadable && file.blob == candidate.own.id &&
                       is_plain_file(candidate.own.mode);
    const bool is_new = !candidate.tip && !candidate.blocked;
    if (!equal) {
      if (is_new && file.state != WorkFile::State::kMissing) in_the_way.insert(candidate.path);
      return {};
    }
    std::optional<TreeValue> in_tip;
    if (candidate.tip) in_tip = TreeValue{candidate.tip->id, candidate.tip->mode};
    there.push_back({.path = std::move(candidate.path),
                     .value = {candidate.own.id, candidate.own.mode},
                     .in_tip = in_tip,
                     .text = {}});
    return {};
  }));
  // What is staged there, git judges.
  if (!in_the_way.empty()) {
    const Result<IndexFile> index = IndexFile::open(*git_dirs_->git_dir);
    if (!index && index.error().code != Code::kNotFound) return index.error();
    if (index) {
      TRY(index->for_each([&](const IndexEntry& entry) -> Status {
        in_the_way.erase(std::string(entry.path));
        return {};
      }));
    }
  }
  if (!in_the_way.empty()) {
    const std::vector<std::string> paths(in_the_way.begin(), in_the_way.end());
    return takes_a_person(
        context_.options,
        fmt::format("would overwrite {} here, which git does not track", listed_paths(paths)),
        "move it away, or add and commit it; then push again");
  }
  std::ranges::sort(there, {}, &PlannedChange::path);
  return there;
}

Result<std::string> RemoteMerge::bring_work_tree_along(const ObjectId& tip_tree,
                                                       const ObjectId& merged) {
  const std::string image =
      fmt::format("{}/{}", git_dirs_->paths.git_dir, image_name(context_.store().hex()));
  const std::vector<std::string> environment = {"LC_ALL=C", "GIT_INDEX_FILE=" + image};
  const Deadline deadline = context_.clock.after_ms(kWorkTreeMs);
  const auto on_image = [&](std::vector<std::string> arguments) {
    std::vector<std::string> command = git_command(context_.work_tree);
    // A hook would be told of an index that is none yet.
    command.insert(command.end(), {"-c", "core.hooksPath=/dev/null", "-c", "core.fsync=all"});
    std::ranges::move(arguments, std::back_inserter(command));
    return context_.platform.run_command(command, environment, deadline);
  };
  // Git compares files only with what the index says of their times. It answers 1 where some are
  // edited, which is no fault.
  TRY_ASSIGN([[maybe_unused]] const CommandResult refreshed,
             on_image({"update-index", "-q", "--refresh"}));
  TRY_ASSIGN(
      const CommandResult moved,
      on_image({"read-tree", "-m", "-u", "--no-recurse-submodules", tip_tree.hex(), merged.hex()}));
  if (moved.exit_code != 0) {
    return "git would overwrite what is not committed (commit or stash it): " +
           one_line(moved.error_text);
  }
  TRY(sync_own_files(tip_tree, merged));
  return std::string{};
}

// Git syncs none of the work tree's files; what the journal has put there must survive.
Status RemoteMerge::sync_own_files(const ObjectId& tip_tree, const ObjectId& merged) {
  if (context_.state.own_commit.is_zero()) return {};
  TRY_ASSIGN(const ObjectId own, tree_of(context_.objects, context_.state.own_commit));
  Directory& work_tree = *git_dirs_->work_tree;
  return find_changes(
      context_.objects, tip_tree, merged, [&](const PublishCandidate& candidate) -> Status {
        TRY_ASSIGN(const std::optional<FoundEntry> recorded,
                   find_in_tree(context_.objects, own, candidate.path));
        if (!recorded) return {};
        const auto file = work_tree.open_file(candidate.path, {.write = true});
        if (!file) return {};  // a sparse checkout has it not, or a person has made it a link
        TRY((*file)->sync_data());
        return work_tree.sync_directory(parent_of(candidate.path));
      });
}

}  // namespace syncline
