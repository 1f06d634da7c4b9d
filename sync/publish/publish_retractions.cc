#include "sync/publish/publish_retractions.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "journal/base/torn_remnant.h"
#include "journal/base/try.h"
#include "sync/fold/record_source.h"
#include "sync/git/sha1.h"
#include "sync/git/tree.h"
#include "sync/git/work_files.h"
#include "sync/publish/section_text.h"

namespace syncline {
namespace {

using ByPath = std::map<std::string_view, std::vector<Retraction*>>;

// Cuts the section out of `text` where it stands there whole.
std::optional<uint64_t> cut_section(std::string& text, const Retraction& retraction,
                                    FoundSection::Standing& standing) {
  const WantedSection wanted{retraction.text, retraction.id};
  ClaimedRanges claimed;
  const FoundSection found = find_sections(text, {&wanted, 1}, claimed).front();
  standing = found.standing;
  if (standing != FoundSection::Standing::kWhole) return std::nullopt;
  text.erase(found.offset, retraction.text.size());
  return found.offset;
}

bool has_zeros(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

// A power cut leaves zeros in what was never synced. Sections that stay have been written again by
// now; what is left of a retracted one is known by its zeros, among bytes of its text, and is cut.
bool cut_torn_section(std::string& text, const Retraction& retraction) {
  const std::string_view whole = text;
  if (!has_zeros(whole)) return false;
  for (size_t at = 0; at < whole.size(); ++at) {
    // A section begins with a line.
    if (at > 0 && whole[at - 1] != '\n' && whole[at - 1] != '\0') continue;
    const std::string_view found = whole.substr(at, retraction.text.size());
    if (!has_zeros(found) || !is_torn_remnant(as_bytes(found), as_bytes(retraction.text))) continue;
    text.erase(at, found.size());
    return true;
  }
  return false;
}

// How the section stood in the work tree's file. Whole, or torn, it is there no longer.
FoundSection::Standing take_section(std::string& text, const Retraction& retraction) {
  const std::string_view header = std::string_view(text).substr(0, retraction.header.size());
  if (has_zeros(header) && is_torn_remnant(as_bytes(header), as_bytes(retraction.header))) {
    text.replace(0, header.size(), retraction.header);
  }
  FoundSection::Standing standing = FoundSection::Standing::kMissing;
  if (cut_section(text, retraction, standing)) return standing;
  const bool is_missing = standing == FoundSection::Standing::kMissing;
  return is_missing && cut_torn_section(text, retraction) ? FoundSection::Standing::kWhole
                                                          : standing;
}

bool is_left_empty(std::string_view text, const Retraction& retraction) {
  return text.empty() || text == retraction.header;
}

Result<std::optional<std::string>> work_text(Directory& work_tree, std::string_view path) {
  Result<std::string> text = read_file(work_tree, path);
  if (text) return std::optional(std::move(*text));
  const Code code = text.error().code;
  if (code == Code::kNotFound || code == Code::kUnsafePath) return std::optional<std::string>();
  return std::move(text).error();
}

class RetractionPlanner {
 public:
  RetractionPlanner(ObjectStore& objects, Directory& work_tree, PublishPlan& plan)
      : objects_(objects), work_tree_(work_tree), plan_(plan), planned_(plan.changes.size()) {}

  Status consider(std::string_view path, const FoundEntry& tip,
                  const std::vector<Retraction*>& retractions) {
    TRY_ASSIGN(const ObjectStore::Content tip_text, objects_.require(tip.id, ObjectType::kBlob));
    // Sorted: what was planned before.
    const std::span<PlannedChange> before = std::span(plan_.changes).first(planned_);
    const auto at = std::ranges::lower_bound(before, path, {}, &PlannedChange::path);
    PlannedChange* const planned = at != before.end() && at->path == path ? &*at : nullptr;
    PlannedChange change{.path = std::string(path),
                         .value = {tip.id, tip.mode},
                         .in_tip = TreeValue{tip.id, tip.mode},
                         .text = *tip_text,
                         .known_bytes = tip_text->size(),
                         .tip_bytes = tip_text->size()};
    if (planned != nullptr) change = *planned;
    TRY_ASSIGN(std::optional<std::string> at_work, work_text(work_tree_, path));
    std::string after;
    bool edited_at_work = false;
    if (at_work) {
      const bool torn = is_torn_remnant(as_bytes(*at_work), as_bytes(*tip_text));
      after = torn ? *tip_text : *at_work;
      for (const Retraction* const retraction : retractions) {
        edited_at_work |= !take_from(after, *retraction);
      }
    }
    // Where a person has added to the file and not committed that, the file stays for it.
    const bool is_kept = at_work && !is_left_empty(after, *retractions.front());
    bool edited = false;
    for (const Retraction* const retraction : retractions) {
      edited |= !take(change, *retraction, is_kept);
    }
    if (edited) plan_.left.emplace_back(path);
    if (!change.is_cut() && !change.removes()) return {};
    if (at_work) {
      if (edited_at_work || (change.removes() && is_kept)) {
        if (!edited) plan_.left.emplace_back(path);
        return {};
      }
      change.work_text = {std::move(*at_work), std::move(after)};
    }
    if (!change.removes()) change.value.blob = hash_object(ObjectType::kBlob, change.text);
    if (planned != nullptr) {
      *planned = std::move(change);
    } else {
      plan_.changes.push_back(std::move(change));
    }
    return {};
  }

 private:
  // False where a person's edit keeps it there. A file whose last section it was goes, unless it
  // `is_kept`.
  static bool take(PlannedChange& change, const Retraction& retraction, bool is_kept) {
    if (change.removes()) return true;
    if (retraction.operation == Operation::kCreate) {
      if (change.text != retraction.text) return false;
      remove(change);
      return true;
    }
    FoundSection::Standing standing = FoundSection::Standing::kMissing;
    const auto offset = cut_section(change.text, retraction, standing);
    if (!offset) return standing == FoundSection::Standing::kMissing;
    change.cut.push_back(retraction.text);
    if (*offset < change.known_bytes) change.known_bytes -= retraction.text.size();
    if (*offset < change.tip_bytes) change.tip_bytes -= retraction.text.size();
    if (is_left_empty(change.text, retraction) && !is_kept) remove(change);
    return true;
  }

  // False where it is edited in the work tree. What stands beside it does not matter: a person's
  // edit there stays one that is not committed. After a publish that died behind its work tree's
  // part, less may be left to take.
  static bool take_from(std::string& work_text, const Retraction& retraction) {
    if (retraction.operation == Operation::kAppend) {
      return take_section(work_text, retraction) != FoundSection::Standing::kEdited;
    }
    if (work_text == retraction.text) work_text.clear();
    return work_text.empty();
  }

  static void remove(PlannedChange& change) {
    change.value.blob = ObjectId{};
    change.text.clear();
    change.known_bytes = change.tip_bytes = 0;
  }

  ObjectStore& objects_;
  Directory& work_tree_;
  PublishPlan& plan_;
  size_t planned_;
};

}  // namespace

Result<std::vector<Retraction>> read_retractions(SyncContext& context, OutcomeSource& outcomes,
                                                 uint64_t first_seq, uint64_t last_seq) {
  std::vector<Retraction> found;
  TRY_ASSIGN(const OutcomeSource::Retractions journalled,
             outcomes.retractions(first_seq, last_seq));
  if (journalled.seqs.empty()) return found;
  TRY_ASSIGN(const Mark begin, context.journal.begin());
  const Mark from = begin.position < journalled.before.position ? journalled.before : begin;
  TRY_ASSIGN(RecordSource source,
             RecordSource::open(context.store_directory, context.store(), from, from.seq));
  const Mark limit = context.journal.durable();
  while (true) {
    TRY_ASSIGN(std::optional<RecordBatch> batch,
               source.next(BatchPolicy{}, limit, outcomes, journalled.seqs.back()));
    if (!batch) return found;
    for (FileEffect& effect : batch->effects) {
      if (!effect.retracted || effect.seq < first_seq || effect.path.empty()) continue;
      found.push_back({.path = std::move(effect.path),
                       .operation = effect.retracted->operation,
                       .id = effect.retracted->file_id,
                       .header = std::move(effect.header),
                       .text = std::move(effect.text)});
    }
  }
}

Status plan_retractions(ObjectStore& objects, Directory& work_tree, const ObjectId& tip_tree,
                        std::vector<Retraction>& retractions, PublishPlan& plan) {
  if (retractions.empty()) return {};
  ByPath by_path;
  for (Retraction& retraction : retractions) by_path[retraction.path].push_back(&retraction);
  RetractionPlanner planner(objects, work_tree, plan);
  for (const auto& [path, of_path] : by_path) {
    TRY_ASSIGN(const std::optional<FoundEntry> tip, find_in_tree(objects, tip_tree, path));
    if (!tip) continue;
    for (Retraction* const retraction : of_path) retraction->on_branch = true;
    if (!is_plain_file(tip->mode)) continue;
    TRY(planner.consider(path, *tip, of_path));
  }
  std::ranges::sort(plan.changes, {}, &PlannedChange::path);
  return {};
}

Status retract_unpublished(Directory& work_tree, const std::vector<Retraction>& retractions) {
  for (const Retraction& retraction : retractions) {
    if (retraction.on_branch) continue;
    TRY_ASSIGN(const std::optional<std::string> before, work_text(work_tree, retraction.path));
    if (!before) continue;
    std::string after;
    if (retraction.operation == Operation::kCreate) {
      if (!is_torn_remnant(as_bytes(*before), as_bytes(retraction.text))) continue;
    } else {
      after = *before;
      if (take_section(after, retraction) != FoundSection::Standing::kWhole) continue;
    }
    if (is_left_empty(after, retraction)) {
      TRY_ASSIGN([[maybe_unused]] const bool removed,
                 remove_work_file(work_tree, retraction.path, *before));
    } else {
      TRY_ASSIGN([[maybe_unused]] const bool cut,
                 replace_work_file(work_tree, retraction.path, *before, after));
    }
  }
  return {};
}

}  // namespace syncline
