#include "sync/publish/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/commit_text.h"
#include "sync/git/git_paths.h"
#include "sync/git/own_attributes.h"
#include "sync/git/own_excludes.h"
#include "sync/git/sparse_checkout.h"
#include "sync/git/staged_paths.h"
#include "sync/git/tree.h"
#include "sync/git/work_files.h"
#include "sync/git/worktree_state.h"
#include "sync/own/sync_trouble.h"
#include "sync/publish/branch_commit.h"
#include "sync/publish/ignored_paths.h"
#include "sync/publish/merged_tree.h"
#include "sync/publish/persons_change.h"
#include "sync/publish/publish_retractions.h"
#include "sync/publish/publish_sections.h"
#include "sync/publish/published_mark.h"
#include "sync/publish/put_back_message.h"

namespace syncline {
namespace {

// The pause between publishes that had to wait for the user.
constexpr BackoffLimits kWaitLimits = {.first_ns = 500'000'000, .longest_ns = 10'000'000'000};

// Something of a person's stands where records are to go; empty where nothing does.
Result<std::string> why_plan_waits(const PublishPlan& plan, const GitDirectories& git_dirs) {
  if (!plan.in_the_way.empty()) {
    return fmt::format(
        "on the branch a link, a submodule or a file stands in the way of {}: move it, and commit "
        "that",
        listed_paths(plan.in_the_way));
  }
  if (!plan.taken.empty()) {
    return fmt::format(
        "on the branch a section of somebody's has the number of a record that is to come, {}: "
        "give "
        "it another number, and commit that",
        listed_paths(plan.taken));
  }
  // Missing files are put back below, but not against what is staged.
  std::optional<StagedPaths> staged;
  for (const PlannedChange& change : plan.changes) {
    if (!change.in_tip || change.text.empty()) continue;
    const Result<FileInfo> there = git_dirs.work_tree->info(change.path);
    if (there || there.error().code != Code::kNotFound) continue;
    if (!staged) {
      TRY_ASSIGN(staged, StagedPaths::read(*git_dirs.git_dir));
    }
    if (staged->lack(change.path)) return staged_removal_reason(change.path);
  }
  return std::string();
}

}  // namespace

void add_paths(std::vector<std::string>& paths, std::vector<std::string> more) {
  paths.insert(paths.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  std::ranges::sort(paths);
  const auto repeated = std::ranges::unique(paths);
  paths.erase(repeated.begin(), repeated.end());
}

Publisher::Publisher(SyncContext& context, std::optional<GitDirectories> git, uint64_t records_max)
    : context_(context),
      git_(std::move(git)),
      records_max_(records_max),
      wait_(context.platform.random(), kWaitLimits) {}

Result<const GitDirectories*> Publisher::git() {
  if (!git_) {
    TRY_ASSIGN(const GitPaths paths, git_paths_at(context_.work_tree, context_.platform));
    TRY_ASSIGN(git_, open_git_directories(paths));
  }
  return &*git_;
}

Result<bool> Publisher::goes_on(const ObjectId& tip) {
  const ObjectId& left = context_.state.branch_commit;
  if (left.is_zero() || tip.is_zero()) return false;
  return reaches(context_.objects, tip, left, kCommitsLookedAtMax);
}

Result<PublishReport> Publisher::publish(OutcomeSource& outcomes,
                                         const WaitingSections& waiting_sections, Pace pace) {
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  TRY(take_up_cut_short(*git_dirs));
  TRY_ASSIGN(const RefLockJudge::Verdict lock, judge_branch_lock());
  if (lock.left) {
    TRY_ASSIGN([[maybe_unused]] const bool removed,
               context_.refs.remove_seen_lock(context_.options.branch, *lock.seen));
  }
  TRY(drop_stale_keeps(*git_dirs->common_dir, context_.store().hex()));
  TRY(write_own_attributes(*git_dirs->common_dir, context_.options.own_paths));
  TRY(write_own_excludes(*git_dirs->common_dir, context_.options.excluded));
  PublishReport report;
  while (true) {
    const uint64_t published = context_.state.published;
    TRY_ASSIGN(PublishReport part,
               until_still([&] { return attempt(outcomes, waiting_sections, pace); }));
    if (!part.commit.is_zero()) report.commit = part.commit;
    add_paths(report.left, std::move(part.left));
    add_paths(report.republished, std::move(part.republished));
    report.waiting = std::move(part.waiting);
    report.plan_waits = part.plan_waits;
    report.ignored = part.ignored;
    const SyncState& state = context_.state;
    const bool more = state.published > published && state.published < state.committed;
    if (!more || !report.waiting.empty()) break;
  }
  report.published = context_.state.published;
  if (report.waiting.empty() || report.plan_waits) {
    TRY(note_trouble(context_.store_directory, report.waiting));
  }
  if (report.waiting.empty()) {
    TRY(remove_if_there(context_.store_directory, kPublishCutFile));
    wait_.reset();
    not_before_ns_ = 0;
  } else {
    not_before_ns_ = context_.clock.monotonic_ns() + wait_.next_delay_ns();
  }
  return report;
}

Result<PublishReport> Publisher::until_still(
    const std::function<Result<std::optional<PublishReport>>()>& attempt) {
  Backoff backoff(context_.platform.random(), kMovedLimits);
  while (true) {
    TRY_ASSIGN(std::optional<PublishReport> report, attempt());
    if (report) return std::move(*report);
    if (!backoff.may_try_again()) {
      PublishReport moved;
      moved.waiting = "git commands keep changing the branch or its index";
      return moved;
    }
    context_.journal.count_retry(RetryCause::kGitState);
    context_.clock.pause_ns(backoff.next_delay_ns());
  }
}

Result<std::optional<PublishReport>> Publisher::attempt(OutcomeSource& outcomes,
                                                        const WaitingSections& waiting_sections,
                                                        Pace pace) {
  const SyncState& state = context_.state;
  PublishReport report;
  if (state.own_commit.is_zero()) return std::optional(std::move(report));
  ObjectId tip;
  TRY_ASSIGN(report.waiting, standing_in_the_way(tip));
  if (!report.waiting.empty()) return std::optional(std::move(report));
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  TRY_ASSIGN(HeldPaths held, load_held_paths(context_.store_directory, context_.store()));
  report.ignored = count_held(held);
  IgnoredPaths ignored(context_, *git_dirs, std::move(held));
  if (nothing_new(tip)) {
    TRY_ASSIGN(const bool settled, ignored.holds_still());
    if (settled) return std::optional(std::move(report));
  }
  // A commit of theirs that was under way when the publish was found to be due is made by now.
  if (pace == Pace::kQuiet && left_ms(/*sections_wait=*/true) > 0) {
    report.waiting = kJustMoved;
    return std::optional(std::move(report));
  }
  TRY_ASSIGN(report.waiting, away_with_stash(tip));
  if (!report.waiting.empty()) return std::optional(std::move(report));

  TRY_ASSIGN(const OwnHistory history,
             read_own_history(context_.objects, context_.store(), state.own_commit, state.published,
                              records_max_));
  // Without a commit above what was published, there is nothing to divide.
  const uint64_t last_seq = history.trees.empty() ? state.committed : history.last_seq;
  TRY_ASSIGN(const PublishTrees trees, trees_for(tip, history));
  JournalSections sections(context_, outcomes, last_seq);
  TRY_ASSIGN(PublishPlan plan,
             plan_publish(context_.objects, trees, state.published, sections, ignored.hold_back(),
                          [&](const std::string& path) { return branch_had(tip, path); }));
  TRY_ASSIGN(report.waiting, why_plan_waits(plan, *git_dirs));
  report.plan_waits = !report.waiting.empty();
  if (report.plan_waits) return std::optional(std::move(report));
  // What was reset or lost with the tip may bring back what an earlier publish has taken away.
  const uint64_t first_seq = trees.goes_on ? state.published + 1 : 1;
  TRY_ASSIGN(std::vector<Retraction> retractions,
             read_retractions(context_, outcomes, first_seq, last_seq));
  TRY(plan_retractions(context_.objects, *git_dirs->work_tree, trees.tip, retractions, plan));
  TRY(ignored.hold_retracted(retractions, plan));
  TRY(ignored.add(plan.held));
  // Before any section is placed behind them.
  TRY(retract_unpublished(*git_dirs->work_tree, retractions));
  const ObjectId* const own_before = waiting_sections ? &trees.own_before : nullptr;
  std::vector<std::string> put_back;
  std::set<std::string> removed;
  growth_.emplace();
  TRY(put_back_files(plan, own_before, put_back, [&](const std::string& path) -> Result<bool> {
    TRY_ASSIGN(const bool had_it, branch_had(tip, path));
    if (had_it) removed.insert(path);
    return had_it;
  }));
  std::erase_if(plan.changes, [&](const PlannedChange& change) {
    return !change.in_tip && removed.contains(change.path);
  });
  if (waiting_sections && !plan.changes.empty()) TRY(waiting_sections.settle(last_seq));

  Result<std::optional<BranchCommitResult>> attempted = commit_plan(
      tip, trees.tip, plan, history,
      [&] { return grow_work_tree(plan, last_seq, waiting_sections, put_back); },
      [&] { return take_back_growth(); });
  growth_.reset();
  TRY_ASSIGN(auto committed, std::move(attempted));
  if (!committed) return std::optional<PublishReport>{};
  report.waiting = std::move(committed->waiting);
  report.plan_waits = committed->plan_waits;
  if (!report.waiting.empty()) return std::optional(std::move(report));
  report.commit = committed->commit;
  // What a person has rewritten, and what holds all of ours, is what later commits go on from.
  const bool rewritten = plan.changes.empty() && !trees.goes_on;
  if (!report.commit.is_zero() || state.published < last_seq || rewritten) {
    if (report.commit.is_zero()) TRY(make_branch_durable());
    TRY(journal_publish(context_, last_seq, tip, report.commit.is_zero() ? tip : report.commit));
  }
  TRY(ignored.replace(plan.held));
  report.ignored = count_held(plan.held);
  held_look_ns_ = 0;
  checked_tip_ = report.commit.is_zero() ? tip : report.commit;
  checked_committed_ = state.committed;
  report.left = std::move(plan.left);
  report.republished = std::move(plan.republished);
  add_paths(report.republished, std::move(put_back));
  return std::optional(std::move(report));
}

// A publish that died behind its ref's move may have left the tip that is there: it counts when no
// power cut can take it back.
Status Publisher::make_branch_durable() {
  Status durable = context_.refs.make_durable(context_.options.branch);
  // Without a directory there are packed refs alone, which git has written.
  if (!durable && durable.error().code == Code::kNotFound) return {};
  return durable;
}

Result<bool> Publisher::branch_had(const ObjectId& tip, const std::string& path) {
  TRY_ASSIGN(
      const PersonsBranchChange change,
      find_persons_change(context_.objects, tip, {.path = path, .text = {}}, kCommitsLookedAtMax));
  return !change.removed_by.is_zero() || !change.moved_by.is_zero();
}

Result<std::optional<BranchCommitResult>> Publisher::commit_plan(
    const ObjectId& tip, const ObjectId& tip_tree, const PublishPlan& plan,
    const OwnHistory& history, const std::function<Result<std::string>()>& write_work_tree,
    const std::function<Result<bool>()>& take_back_work_tree) {
  BranchCommitResult committed;
  if (plan.changes.empty()) return std::optional(std::move(committed));
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  context_.pack.reset();
  BranchCommitRequest request = request_for(tip, tip_tree, plan, history);
  request.write_work_tree = write_work_tree;
  request.take_back_work_tree = take_back_work_tree;
  request.others = &others_;
  TRY_ASSIGN(committed,
             commit_to_branch(*git_dirs, context_.objects, context_.pack, request, context_.clock));
  if (committed.lock_retries != 0) {
    context_.journal.count_retry(RetryCause::kGitLock, committed.lock_retries);
  }
  if (committed.moved) return std::optional<BranchCommitResult>();
  if (committed.waiting.empty()) context_.journal.add_counter(Counter::kPublishes);
  return std::optional(std::move(committed));
}

Result<PublishTrees> Publisher::trees_for(const ObjectId& tip, const OwnHistory& history) {
  const SyncState& state = context_.state;
  PublishTrees trees{.own = history.tree, .own_before = history.tree_before, .left = {}, .tip = {}};
  TRY_ASSIGN(trees.tip, tree_of(context_.objects, tip));
  TRY_ASSIGN(trees.goes_on, goes_on(tip));
  // Where either is not known, everything is compared.
  const bool on_this = state.branch == context_.options.branch || trees.goes_on;
  if (!history.before_known || state.branch_commit.is_zero() || !on_this) return trees;
  if (state.branch_commit == tip) {
    trees.left = trees.tip;
    return trees;
  }
  // An amended or reset commit stays in the repository until a gc takes it.
  TRY_ASSIGN(const std::optional<Object> left, context_.objects.read(state.branch_commit));
  if (!left || left->type != ObjectType::kCommit) return trees;
  TRY_ASSIGN(const ParsedCommit commit, parse_commit(left->bytes));
  TRY_ASSIGN(const std::optional<Object> tree, context_.objects.read(commit.tree));
  if (tree) trees.left = commit.tree;
  return trees;
}

Result<ObjectStore::Content> Publisher::text_to_put_back(const PlannedChange& change,
                                                         const ObjectId* own_before) {
  if (!change.text.empty()) {
    const size_t bytes = own_before == nullptr ? change.text.size() : change.known_bytes;
    return std::make_shared<const std::string>(change.text.substr(0, bytes));
  }
  ObjectId blob = change.value.blob;
  if (own_before != nullptr) {
    if (own_before->is_zero()) return std::make_shared<const std::string>();
    TRY_ASSIGN(const std::optional<FoundEntry> before,
               find_in_tree(context_.objects, *own_before, change.path));
    if (!before) return std::make_shared<const std::string>();
    blob = before->id;
  }
  return context_.objects.require_once(blob, ObjectType::kBlob);
}

Status Publisher::put_back_files(const PublishPlan& plan, const ObjectId* own_before,
                                 std::vector<std::string>& put_back,
                                 const std::function<Result<bool>(const std::string&)>& is_gone) {
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  TRY_ASSIGN(const SparseCheckout sparse, SparseCheckout::read(*git_dirs));
  Directory& work_tree = *git_dirs->work_tree;
  for (const PlannedChange& change : plan.changes) {
    if (change.removes()) continue;
    if (!sparse.has(change.path)) continue;
    const Result<FileInfo> info = work_tree.info(change.path);
    // A link or a file in the place of a directory is a user's uncommitted change: it stays.
    if (info || info.error().code != Code::kNotFound) continue;
    TRY_ASSIGN(const ObjectStore::Content content, text_to_put_back(change, own_before));
    if (own_before != nullptr && content->empty()) {
      if (growth_) growth_->files.push_back({.path = change.path, .before = {}, .after = {}});
      continue;
    }
    if (is_gone && !change.in_tip && change.text.empty()) {
      TRY_ASSIGN(const bool gone, is_gone(change.path));
      if (gone) continue;
    }
    const Status written = write_work_file(work_tree, change.path, *content);
    if (written) {
      put_back.push_back(change.path);
    } else if (written.error().code != Code::kExists && written.error().code != Code::kUnsafePath) {
      return written;
    }
  }
  return {};
}

// A file that nobody edited first gets what was taken from the branch, as after a reset. The
// sections that wait are written behind it, each at its journalled offset. What then is still
// missing at the end was in the work tree once, and a checkout took it away; so were files that are
// not there at all.
Result<std::string> Publisher::grow_work_tree(const PublishPlan& plan, uint64_t last_seq,
                                              const WaitingSections& waiting_sections,
                                              std::vector<std::string>& put_back) {
  TRY_ASSIGN(const ObjectId stash, stash_tip());
  if (stash != stash_seen_) return std::string("somebody has just made or popped a stash");
  WorkTreeGrowth& growth = *growth_;
  note_before_growth(plan);
  std::vector<const PlannedChange*> unedited;
  for (const PlannedChange& change : plan.changes) {
    if ((change.text.empty() && !change.removes()) || !change.in_tip) continue;
    if (!waiting_sections && growth.apply_lock == nullptr) {
      TRY_ASSIGN(growth.apply_lock, context_.journal.open_role(kApplyLockName));
      TRY_ASSIGN(const bool held, growth.apply_lock->try_lock(FileLock::Mode::kExclusive));
      if (!held) return std::string("records are being applied");
    }
    TRY_ASSIGN(const ObjectStore::Content tip,
               context_.objects.require(change.in_tip->blob, ObjectType::kBlob));
    TRY(take_from_work_tree(change));
    if (change.removes()) continue;
    TRY_ASSIGN(const bool grown, grow_work_text(change, change.tip_bytes, change.known_bytes));
    if (grown) unedited.push_back(&change);
  }
  if (waiting_sections) {
    TRY(waiting_sections.write(last_seq));
    TRY(put_back_files(plan, nullptr, put_back));
  }
  for (const PlannedChange* const change : unedited) {
    TRY_ASSIGN([[maybe_unused]] const bool grown,
               grow_work_text(*change, change->known_bytes, change->text.size()));
  }
  note_growth(plan);
  return std::string{};
}

void Publisher::note_before_growth(const PublishPlan& plan) {
  WorkTreeGrowth& growth = *growth_;
  for (const PlannedChange& change : plan.changes) {
    if (change.removes() || change.work_text) growth.can_be_taken_back = false;
    if (change.text.empty() || change.removes() || !change.in_tip) continue;
    growth.files.push_back({.path = change.path, .before = {}, .after = {}});
  }
  for (GrownFile& file : growth.files) {
    Result<std::string> before = text_of_work_file(*git_->work_tree, file.path);
    if (before) {
      file.before = std::move(*before);
    } else if (before.error().code != Code::kNotFound) {
      growth.can_be_taken_back = false;
    }
  }
}

void Publisher::note_growth(const PublishPlan& plan) {
  WorkTreeGrowth& growth = *growth_;
  for (GrownFile& file : growth.files) {
    const auto change = std::ranges::lower_bound(plan.changes, file.path, {}, &PlannedChange::path);
    Result<std::string> after = text_of_work_file(*git_->work_tree, file.path);
    if (!after || change == plan.changes.end() || change->path != file.path) {
      growth.can_be_taken_back = false;
      continue;
    }
    file.after = std::move(*after);
    const bool is_ours = file.before
                             ? file.after.starts_with(*file.before) &&
                                   change->text.ends_with(file.after.substr(file.before->size()))
                             : hash_object(ObjectType::kBlob, file.after) == change->value.blob;
    if (!is_ours) growth.can_be_taken_back = false;
  }
  std::erase_if(growth.files,
                [](const GrownFile& file) { return file.before && file.after == *file.before; });
}

Result<bool> Publisher::take_back_growth() {
  if (!growth_ || !growth_->can_be_taken_back) return false;
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  return syncline::take_back_growth(*git_dirs->work_tree, growth_->files);
}

// What a retraction takes from the branch goes from a file that nobody has edited.
Status Publisher::take_from_work_tree(const PlannedChange& change) {
  if (!change.work_text) return {};
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  Directory& work_tree = *git_dirs->work_tree;
  const auto& [before, after] = *change.work_text;
  if (change.removes()) {
    TRY_ASSIGN([[maybe_unused]] const bool removed,
               remove_work_file(work_tree, change.path, before));
  } else {
    TRY_ASSIGN([[maybe_unused]] const bool cut,
               replace_work_file(work_tree, change.path, before, after));
  }
  return {};
}

Result<bool> Publisher::grow_work_text(const PlannedChange& change, size_t from_bytes,
                                       size_t to_bytes) {
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  const std::string_view text = change.text;
  const std::string_view before = text.substr(0, from_bytes);
  const std::string_view more = text.substr(from_bytes, to_bytes - from_bytes);
  return grow_work_file(*git_dirs->work_tree, change.path, before, more);
}

BranchCommitRequest Publisher::request_for(const ObjectId& tip, const ObjectId& tip_tree,
                                           const PublishPlan& plan,
                                           const OwnHistory& history) const {
  const SyncState& state = context_.state;
  BranchCommitRequest request{.branch = context_.options.branch,
                              .tip = tip,
                              .tip_tree = tip_tree,
                              .changes = plan.changes,
                              .earlier_trees = history.trees,
                              .author = {context_.options.author_name,
                                         context_.options.author_email, context_.clock.now_ms()},
                              .message = {},
                              .reflog = {},
                              .lock_owner = context_.store().hex()};
  if (history.records > 0 && plan.holds_new) {
    // What is told of records is not told of those that are left out.
    const std::vector<std::string> untold(history.records == 1 ? 1 : 0);
    request.message = compose_message(history.records, untold, {}, context_.store(),
                                      state.published + 1, history.last_seq);
  } else if (history.records > 0) {
    request.message = compose_message(history.records, history.subjects, history.kinds,
                                      context_.store(), state.published + 1, history.last_seq);
  } else {
    request.message = put_back_message(plan.changes, plan.released, context_.store().hex());
  }
  request.reflog =
      fmt::format("{}{}", kOurReflogMessage, request.message.substr(0, request.message.find('\n')));
  return request;
}

}  // namespace syncline
