#include "sync/syncer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/git_paths.h"
#include "sync/git/own_attributes.h"
#include "sync/git/stashed_files.h"
#include "sync/git/tree.h"
#include "sync/git/worktree_state.h"
#include "sync/own/followed_branch.h"
#include "sync/own/sync_trouble.h"
#include "sync/publish/ignored_paths.h"
#include "sync/repository.h"

namespace syncline {
namespace {

// For trees, commits and texts that the next batch or publish looks at again: a few directories of
// a thousand names each, however large the store is.
constexpr size_t kObjectsBytesMax = 8u << 20;

Status walk_commit(ObjectStore& objects, const ObjectId& commit_id,
                   const std::function<Status(const TreeEntry&)>& visit) {
  TRY_ASSIGN(const ObjectId tree, tree_of(objects, commit_id));
  return walk_tree(objects, tree,
                   [&visit](std::string_view path, uint32_t mode, const ObjectId& id) {
                     return visit({std::string(path), id, mode});
                   });
}

}  // namespace

Result<std::unique_ptr<Syncer>> Syncer::open(const std::string& work_tree,
                                             Directory& store_directory, Journal& journal,
                                             Clock& clock, SyncOptions options,
                                             GitPlatform& platform) {
  TRY_ASSIGN(const RepositoryState repository, find_repository(work_tree, platform));
  TRY_ASSIGN(std::unique_ptr<Directory> common_dir, platform.open_directory(repository.common_dir));
  TRY_ASSIGN(std::unique_ptr<ObjectReader> reader,
             platform.open_object_reader(repository.common_dir + "/objects"));
  return std::unique_ptr<Syncer>(new Syncer(repository.work_tree, std::move(common_dir),
                                            store_directory, journal, clock, std::move(options),
                                            std::move(reader), platform));
}

Syncer::Syncer(std::string work_tree, std::unique_ptr<Directory> common_dir,
               Directory& store_directory, Journal& journal, Clock& clock, SyncOptions options,
               std::unique_ptr<ObjectReader> reader, GitPlatform& platform)
    : options_(std::move(options)),
      configured_branch_(options_.branch),
      common_dir_(std::move(common_dir)),
      reader_(std::move(reader)),
      objects_(*reader_, kObjectsBytesMax),
      refs_(*common_dir_),
      context_{.platform = platform,
               .work_tree = std::move(work_tree),
               .own_ref = own_ref_of(journal.store().hex()),
               .options = options_,
               .common_dir = *common_dir_,
               .store_directory = store_directory,
               .journal = journal,
               .clock = clock,
               .objects = objects_,
               .refs = refs_,
               .pack = pack_,
               .state = state_},
      committer_(context_),
      publisher_(context_),
      pusher_(context_),
      consolidator_(context_) {}

Result<std::string> Syncer::follow_branch() {
  if (!options_.follows_renames) return std::string{};
  TRY_ASSIGN(options_.branch, followed_branch(refs_, configured_branch_, state_));
  TRY_ASSIGN(const ObjectId tip, refs_.read(options_.branch));
  if (!tip.is_zero()) return std::string{};
  TRY_ASSIGN(const GitPaths paths, git_paths_at(context_.work_tree, context_.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  TRY_ASSIGN(const std::string renamed,
             renamed_branch(git, refs_, objects_, options_.branch, state_));
  if (renamed.empty()) return std::string{};
  const std::string before = std::exchange(options_.branch, renamed);
  if (std::exchange(renamed_to_, renamed) == renamed) return std::string{};
  return fmt::format("branch {} was renamed to {}: records are published there",
                     short_branch_name(before), short_branch_name(renamed));
}

Result<std::string> Syncer::waiting_reason() {
  TRY_ASSIGN(std::string reason, committer_.waiting_reason());
  if (!reason.empty()) return reason;
  TRY_ASSIGN(reason, publisher_.waiting_reason());
  if (!reason.empty()) return reason;
  const uint64_t applied = context_.journal.watermark(Watermark::kApplied);
  if (state_.published >= std::max(state_.committed, applied)) return reason;
  return read_trouble(context_.store_directory);
}

Result<HeldPaths> Syncer::held_paths() {
  return load_held_paths(context_.store_directory, context_.store());
}

Result<std::string> Syncer::own_ref_waiting_reason() {
  TRY_ASSIGN(const bool held, own_ref_is_held(context_));
  return held ? held_own_ref_sentence(context_.own_ref) : std::string();
}

Result<bool> Syncer::is_stashed(std::string_view path) {
  TRY_ASSIGN(const StashedFiles stashed,
             StashedFiles::read(*common_dir_, objects_, context_.clock));
  return stashed.hold(path);
}

Result<std::vector<std::string>> Syncer::attributes_off() {
  return syncline::attributes_off(*common_dir_, options_.own_paths);
}

Position Syncer::reads_from() const {
  return std::min(state_.records.position, state_.scanned.position);
}

Status Syncer::walk_tree_of(const ObjectId& commit,
                            const std::function<Status(const TreeEntry&)>& visit) {
  return walk_commit(objects_, commit, visit);
}

Status Syncer::walk_branch_tree(const std::function<Status(const TreeEntry&)>& visit) {
  TRY_ASSIGN(const ObjectId tip, refs_.read(options_.branch));
  return walk_commit(objects_, tip, visit);
}

Result<bool> Syncer::branch_goes_on() {
  TRY_ASSIGN(const ObjectId tip, refs_.read(options_.branch));
  return publisher_.goes_on(tip);
}

Result<bool> Syncer::branch_is_checked_out() {
  TRY_ASSIGN(const GitPaths paths, git_paths_at(context_.work_tree, context_.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  TRY_ASSIGN(const std::optional<std::string> head, head_target(*git.git_dir));
  return head == options_.branch;
}

Result<ObjectId> Syncer::branch_tree() {
  TRY_ASSIGN(const ObjectId tip, refs_.read(options_.branch));
  return tree_of(objects_, tip);
}

Result<bool> Syncer::holds(const ObjectId& tree, const std::string& path) {
  TRY_ASSIGN(const std::optional<FoundEntry> found, find_in_tree(objects_, tree, path));
  return found.has_value();
}

Result<StashedFiles> Syncer::stashed_files() {
  return StashedFiles::read(*common_dir_, objects_, context_.clock);
}

Result<StagedPaths> Syncer::staged_paths() {
  TRY_ASSIGN(const bool checked_out, branch_is_checked_out());
  if (!checked_out) return StagedPaths();
  TRY_ASSIGN(const GitPaths paths, git_paths_at(context_.work_tree, context_.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  return StagedPaths::read(*git.git_dir);
}

Result<SparseCheckout> Syncer::sparse_checkout() {
  TRY_ASSIGN(const GitPaths paths, git_paths_at(context_.work_tree, context_.platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  return SparseCheckout::read(git);
}

Result<std::string> Syncer::read_blob(const ObjectId& blob) {
  TRY_ASSIGN(std::optional<Object> object, objects_.read(blob));
  if (!object || object->type != ObjectType::kBlob) {
    return make_error(Code::kNotFound, fmt::format("the repository has no blob {}", blob.hex()));
  }
  return std::move(object->bytes);
}

Result<PersonsBranchChange> Syncer::persons_change(const RecordedText& record) {
  TRY_ASSIGN(const ObjectId tip, refs_.read(options_.branch));
  return find_persons_change(objects_, tip, record, kCommitsLookedAtMax);
}

Result<std::vector<Syncer::ClaimedRange>> Syncer::claimed_ranges() {
  std::vector<ClaimedRange> ranges;
  TRY_ASSIGN(ObjectId at, refs_.read(context_.own_ref));
  while (!at.is_zero()) {
    TRY_ASSIGN(const ObjectStore::Content content, objects_.require_once(at, ObjectType::kCommit));
    TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
    const std::optional<CommitTrailers> trailers = parse_trailers(commit.message);
    if (trailers && trailers->store == context_.store().hex()) {
      ranges.push_back({at, trailers->first_seq, trailers->last_seq});
    }
    at = commit.parents.empty() ? ObjectId{} : commit.parents.front();
  }
  return ranges;
}

}  // namespace syncline
