// Publisher::restore: what a person has removed from the branch comes back on request.
#include <algorithm>
#include <utility>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/tree.h"
#include "sync/git/work_files.h"
#include "sync/publish/ignored_paths.h"
#include "sync/publish/publish_sections.h"
#include "sync/publish/published_mark.h"
#include "sync/publish/publisher.h"

namespace syncline {

namespace {

// Those of some records alone.
class SomeSections final : public SectionSource {
 public:
  SomeSections(SectionSource& all, const Publisher::WantedSections& wanted)
      : all_(all), wanted_(wanted) {}
  Result<std::map<std::string, std::vector<Section>>> sections(const std::set<std::string>& paths,
                                                               uint64_t first_seq) override {
    TRY_ASSIGN(auto found, all_.sections(paths, first_seq));
    for (auto& [path, sections] : found) {
      std::erase_if(sections, [this](const Section& section) { return !wanted_(section.seq); });
    }
    std::erase_if(found, [](const auto& each) { return each.second.empty(); });
    return found;
  }

 private:
  SectionSource& all_;
  const Publisher::WantedSections& wanted_;
};

}  // namespace

Result<PublishReport> Publisher::restore(OutcomeSource& outcomes,
                                         const std::set<std::string>& paths,
                                         const WantedSections& wanted) {
  return until_still([&] { return attempt_restore(outcomes, paths, wanted); });
}

// As if nobody were known to have meant what is missing, but for these paths alone.
Result<std::optional<PublishReport>> Publisher::attempt_restore(OutcomeSource& outcomes,
                                                                const std::set<std::string>& paths,
                                                                const WantedSections& wanted) {
  const SyncState& state = context_.state;
  PublishReport report;
  report.published = state.published;
  if (state.own_commit.is_zero()) return std::optional(std::move(report));
  ObjectId tip;
  TRY_ASSIGN(report.waiting, standing_in_the_way(tip));
  if (!report.waiting.empty()) return std::optional(std::move(report));
  PublishTrees trees;
  TRY_ASSIGN(trees.own, tree_of(context_.objects, state.own_commit));
  trees.own_before = trees.own;
  TRY_ASSIGN(trees.tip, tree_of(context_.objects, tip));
  JournalSections all(context_, outcomes, state.committed);
  SomeSections sections(all, wanted);
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  TRY_ASSIGN(HeldPaths held, load_held_paths(context_.store_directory, context_.store()));
  IgnoredPaths ignored(context_, *git_dirs, std::move(held));
  TRY_ASSIGN(PublishPlan plan,
             plan_publish(context_.objects, trees, state.published, sections, ignored.hold_back()));
  const auto other = [&](const std::string& path) { return !paths.contains(path); };
  std::erase_if(plan.changes, [&](const PlannedChange& change) { return other(change.path); });
  std::erase_if(plan.left, other);
  std::erase_if(plan.republished, other);
  std::vector<std::string> put_back;
  TRY(put_back_files(plan, nullptr, put_back));
  TRY(put_back_held(trees.own, paths, plan.held, put_back));
  TRY_ASSIGN(auto committed, commit_plan(tip, trees.tip, plan, OwnHistory{},
                                         [&]() -> Result<std::string> {
                                           TRY(restore_work_tree(plan));
                                           return std::string{};
                                         },
                                         /*take_back_work_tree=*/{}));
  if (!committed) return std::optional<PublishReport>{};
  report.waiting = std::move(committed->waiting);
  if (!report.waiting.empty()) return std::optional(std::move(report));
  report.commit = committed->commit;
  if (!report.commit.is_zero()) TRY(journal_publish(context_, state.published, tip, report.commit));
  report.left = std::move(plan.left);
  report.republished = std::move(plan.republished);
  add_paths(report.republished, std::move(put_back));
  return std::optional(std::move(report));
}

// Files alone: the branch does not get them.
Status Publisher::put_back_held(const ObjectId& own_tree, const std::set<std::string>& paths,
                                const HeldPaths& held, std::vector<std::string>& put_back) {
  PublishPlan files;
  for (const std::string& path : paths) {
    if (!held.contains(path)) continue;
    TRY_ASSIGN(const auto own, find_in_tree(context_.objects, own_tree, path));
    if (!own) continue;
    files.changes.push_back(
        {.path = path, .value = {own->id, own->mode}, .in_tip = {}, .text = {}});
  }
  return put_back_files(files, nullptr, put_back);
}

// A file that was edited since gets them too, behind the edit: it was asked for.
Status Publisher::restore_work_tree(const PublishPlan& plan) {
  TRY_ASSIGN(const GitDirectories* const git_dirs, git());
  for (const PlannedChange& change : plan.changes) {
    if (change.text.empty() || !change.in_tip) continue;
    TRY_ASSIGN(const ObjectStore::Content tip,
               context_.objects.require(change.in_tip->blob, ObjectType::kBlob));
    TRY_ASSIGN(const bool grown, grow_work_text(change, tip->size(), change.text.size()));
    if (grown) continue;
    TRY_ASSIGN(const WorkFile file,
               look_at_work_file(*git_dirs->work_tree, change.path, context_.clock));
    if (file.state != WorkFile::State::kReadable || file.blob == change.value.blob) continue;
    TRY_ASSIGN(const std::string edited, read_file(*git_dirs->work_tree, change.path));
    TRY_ASSIGN([[maybe_unused]] const bool added,
               grow_work_file(*git_dirs->work_tree, change.path, edited,
                              std::string_view(change.text).substr(tip->size())));
  }
  return {};
}

}  // namespace syncline
