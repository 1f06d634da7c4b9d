#include "sync/repository_commit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "journal/base/backoff.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/checked_out_bytes.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/git_paths.h"
#include "sync/git/own_attributes.h"
#include "sync/git/own_excludes.h"
#include "sync/git/ref_store.h"
#include "sync/git/tree.h"
#include "sync/git/unborn.h"
#include "sync/git/work_files.h"
#include "sync/git/worktree_state.h"
#include "sync/own/left_ref_lock.h"
#include "sync/publish/branch_commit.h"

namespace syncline {
namespace {

// What differs between the tip and the files of the work tree, and their blobs into the pack.
Result<std::vector<PlannedChange>> changed_files(Directory& work_tree, ObjectStore& objects,
                                                 PackWriter& pack, const ObjectId& tip_tree,
                                                 std::span<const std::string> paths) {
  std::map<std::string, PlannedChange> changes;
  for (const std::string& path : paths) {
    TRY_ASSIGN(const std::string text, read_file(work_tree, path));
    PlannedChange change{.path = path,
                         .value = {hash_object(ObjectType::kBlob, text), kModeFile},
                         .in_tip = {},
                         .text = {}};
    TRY_ASSIGN(const std::optional<FoundEntry> in_tip, find_in_tree(objects, tip_tree, path));
    if (in_tip && in_tip->id == change.value.blob) continue;
    if (in_tip) change.in_tip = TreeValue{in_tip->id, in_tip->mode};
    TRY_ASSIGN([[maybe_unused]] const ObjectId id, pack.add(ObjectType::kBlob, text));
    changes.insert_or_assign(path, std::move(change));
  }
  std::vector<PlannedChange> sorted;
  for (auto& [path, change] : changes) sorted.push_back(std::move(change));
  return sorted;
}

}  // namespace

Status commit_paths(const RepositoryState& repository, std::span<const std::string> paths,
                    const std::string& message, const SyncOptions& options, Clock& clock,
                    const std::string& owner) {
  TRY_ASSIGN(const GitPaths git_paths, git_paths_at(repository.work_tree, *repository.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(git_paths));
  TRY_ASSIGN(const std::unique_ptr<ObjectReader> reader,
             repository.platform->open_object_reader(git_paths.common_dir + "/objects"));
  ObjectStore objects(*reader);
  RefStore refs(*git.common_dir);
  PackWriter pack;
  const std::string branch = options.branch.empty() ? repository.branch : options.branch;
  RefLockJudge judge(refs, objects, owner);
  if (!owner.empty()) TRY(recover_left_locks(git, owner));
  Backoff backoff(repository.platform->random(), kMovedLimits);
  while (true) {
    const WorktreeQuestion question{.branch = branch, .lock_owner = owner, .programs_matter = true};
    TRY_ASSIGN(std::string waiting, worktree_waiting_reason(git, question, clock));
    TRY_ASSIGN(const RefLockJudge::Verdict lock,
               judge.branch(branch, {}, *repository.platform, git_paths.work_tree, clock));
    if (lock.left && !owner.empty()) {
      TRY_ASSIGN([[maybe_unused]] const bool removed, refs.remove_seen_lock(branch, *lock.seen));
    } else if (lock.seen && waiting.empty()) {
      waiting = held_lock_reason(fmt::format("{}/{}.lock", git_paths.common_dir, branch),
                                 lock.seen->info, clock);
    }
    BranchCommitResult result;
    ObjectId tip;
    if (waiting.empty()) {
      TRY_ASSIGN(tip, refs.read(branch));
    }
    if (waiting.empty() && tip.is_zero()) {
      TRY_ASSIGN(waiting, unborn_doubt(git, refs, objects, branch, {.store = owner}));
    }
    if (waiting.empty()) {
      TRY_ASSIGN(const ObjectId tip_tree, tree_of(objects, tip));
      pack.reset();
      TRY_ASSIGN(const std::vector<PlannedChange> changes,
                 changed_files(*git.work_tree, objects, pack, tip_tree, paths));
      if (changes.empty()) return {};
      const BranchCommitRequest request{
          .branch = branch,
          .tip = tip,
          .tip_tree = tip_tree,
          .changes = changes,
          .earlier_trees = {},
          .author = {options.author_name, options.author_email, clock.now_ms()},
          .message = owner.empty() ? message + "\n" : message + "\n\n" + store_trailer(owner),
          .reflog = std::string(kOurReflogMessage) + message.substr(0, message.find('\n')),
          .lock_owner = owner};
      TRY_ASSIGN(result, commit_to_branch(git, objects, pack, request, clock));
      if (!result.commit.is_zero()) return {};
      waiting = std::move(result.waiting);
    }
    if (!backoff.may_try_again()) {
      return make_error(Code::kRetryLater,
                        fmt::format("cannot commit to {}: {}", branch,
                                    waiting.empty() ? "it keeps changing" : waiting),
                        "finish what is under way in git, then run this again");
    }
    clock.pause_ns(backoff.next_delay_ns());
  }
}

Result<size_t> switch_conversions_off(const RepositoryState& repository,
                                      std::span<const std::string> patterns, Clock& clock) {
  TRY_ASSIGN(const GitPaths paths, git_paths_at(repository.work_tree, *repository.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  size_t changed = 0;
  TRY_ASSIGN(const std::vector<std::string> off, attributes_off(*git.common_dir, patterns));
  // Where the file of attributes is not to be written, all stays as it is.
  const auto file = git.common_dir->info("info/attributes");
  const bool may_write =
      file ? file->type == FileInfo::Type::kRegular : file.error().code == Code::kNotFound;
  if (may_write && off.size() < patterns.size()) {
    TRY_ASSIGN(const std::unique_ptr<ObjectReader> reader,
               repository.platform->open_object_reader(paths.common_dir + "/objects"));
    ObjectStore objects(*reader);
    TRY_ASSIGN(changed, take_conversions_back(git, objects, patterns, clock));
  }
  TRY(write_own_attributes(*git.common_dir, patterns));
  if (may_write) TRY(refresh_sizes(git, patterns, clock));
  return changed;
}

Status exclude_path(const RepositoryState& repository, const std::string& pattern) {
  TRY_ASSIGN(auto common_dir, repository.platform->open_directory(repository.common_dir));
  return write_own_excludes(*common_dir, {&pattern, 1});
}

Status check_out_own_ref(const RepositoryState& repository, const StoreId& store, Clock& clock) {
  TRY_ASSIGN(const GitPaths paths, git_paths_at(repository.work_tree, *repository.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  TRY_ASSIGN(const std::unique_ptr<ObjectReader> reader,
             repository.platform->open_object_reader(paths.common_dir + "/objects"));
  ObjectStore objects(*reader);
  RefStore refs(*git.common_dir);
  TRY_ASSIGN(const ObjectId tip, refs.read(own_ref_of(store.hex())));
  TRY_ASSIGN(const ObjectId branch_tip, refs.read(repository.branch));
  if (tip.is_zero() || branch_tip == tip) return {};
  if (!branch_tip.is_zero() || git.git_dir->info("index")) {
    return make_error(Code::kExists,
                      fmt::format("{} has commits or an index already", repository.work_tree));
  }
  TRY_ASSIGN(const ObjectId tree, tree_of(objects, tip));
  std::vector<IndexChange> changes;
  TRY(walk_tree(objects, tree,
                [&](std::string_view path, uint32_t mode, const ObjectId& blob) -> Status {
                  TRY_ASSIGN(const WorkFile file, look_at_work_file(*git.work_tree, path, clock));
                  const bool equal = file.state == WorkFile::State::kReadable && file.blob == blob;
                  changes.push_back({.path = std::string(path),
                                     .value = {blob, mode},
                                     .stat = equal ? file.stat : std::nullopt,
                                     .in_tip = {},
                                     .also_ours = {}});
                  return {};
                }));
  std::ranges::sort(changes, {}, &IndexChange::path);
  TRY_ASSIGN(const WholeIndexMerge merge, IndexFile().merge_whole(changes));
  TRY(replace_file(*git.git_dir, "index", as_bytes(merge.bytes)));
  return refs.compare_and_swap(repository.branch, {}, tip);
}

}  // namespace syncline
