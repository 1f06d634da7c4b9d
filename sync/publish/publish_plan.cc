#include "sync/publish/publish_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "journal/base/try.h"
#include "sync/git/sha1.h"
#include "sync/publish/section_text.h"

namespace syncline {
namespace {

// The headings of a text that have a digit in them, as each record's has.
std::set<std::string_view> numbered_headings(std::string_view text) {
  std::set<std::string_view> headings;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with('#') && line.find_first_of("0123456789") != std::string_view::npos) {
      headings.insert(line);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return headings;
}

// `ours` from the start of a line; it ends with one.
bool holds_all_of(std::string_view text, std::string_view ours) {
  for (size_t at = text.find(ours); at != std::string_view::npos; at = text.find(ours, at + 1)) {
    if (at == 0 || text[at - 1] == '\n') return true;
  }
  return false;
}

// Does the tip have a heading with a number that is among what ours has grown by? A person may have
// committed a section before it became a record's.
bool has_heading_of(std::string_view tip, std::string_view added) {
  const std::set<std::string_view> headings = numbered_headings(added);
  if (headings.empty()) return false;
  const std::set<std::string_view> in_tip = numbered_headings(tip);
  return std::ranges::any_of(headings,
                             [&](std::string_view heading) { return in_tip.contains(heading); });
}

// Finds many paths below one tree, in their order: each directory's names are taken in once.
class TreeEntries {
 public:
  TreeEntries(ObjectStore& objects, const ObjectId& root) : objects_(objects), root_(root) {}

  Result<std::optional<FoundEntry>> find(std::string_view path) {
    const size_t slash = path.rfind('/');
    const std::string_view folder = slash == std::string_view::npos ? "" : path.substr(0, slash);
    if (!is_open_ || folder != folder_) TRY(open(folder));
    const auto found = names_.find(path.substr(slash + 1));
    return found == names_.end() ? std::nullopt : std::optional(found->second);
  }

  // Does something else than a directory stand in the place of one that the path is in?
  Result<bool> is_blocked(std::string_view path) {
    for (size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
      TRY_ASSIGN(const auto found, find_in_tree(objects_, root_, path.substr(0, at)));
      if (!found) return false;
      if (found->mode != kModeDirectory) return true;
    }
    return false;
  }

 private:
  Status open(std::string_view folder) {
    names_.clear();
    folder_ = folder;
    is_open_ = true;
    std::optional<FoundEntry> at = FoundEntry{kModeDirectory, root_};
    if (!folder.empty()) {
      TRY_ASSIGN(at, find_in_tree(objects_, root_, folder));
    }
    if (!at || at->mode != kModeDirectory || at->id.is_zero()) return {};
    TRY_ASSIGN(const ObjectStore::Content tree, objects_.require(at->id, ObjectType::kTree));
    TreeCursor cursor(*tree);
    while (const std::optional<TreeItem> item = cursor.next()) {
      names_.emplace(std::string(item->name), FoundEntry{item->mode, item->id});
    }
    if (cursor.damaged()) return make_error(Code::kCorrupt, "a tree object is malformed");
    return {};
  }

  ObjectStore& objects_;
  const ObjectId root_;
  bool is_open_ = false;
  std::string folder_;
  std::map<std::string, FoundEntry, std::less<>> names_;
};

class Planner {
 public:
  Planner(ObjectStore& objects, const PublishTrees& trees, uint64_t published,
          const HoldBack& hold_back, const BranchHad& branch_had, PublishPlan& plan)
      : objects_(objects),
        trees_(trees),
        published_(published),
        hold_back_(hold_back),
        branch_had_(branch_had),
        plan_(plan) {}

  Status consider(PublishCandidate candidate) {
    if (!candidate.tip) {
      TRY_ASSIGN(const bool held, hold(candidate));
      if (held) return {};
    }
    if (candidate.blocked || (candidate.tip && !is_plain_file(candidate.tip->mode))) {
      const bool is_new = !candidate.own_before || candidate.own_before->id != candidate.own.id;
      (is_new ? plan_.in_the_way : plan_.left).push_back(std::move(candidate.path));
      return {};
    }
    const bool was_held = !candidate.tip && hold_back_.before.contains(candidate.path);
    if (was_held && removed_up_to(candidate) > 0) {
      unclear_.push_back(std::move(candidate));
      return {};
    }
    if (!was_held) TRY(look_into_history(candidate));
    if (!was_held && !candidate.tip && was_removed(candidate)) {
      // Sections that came since are no part of what was removed.
      if (candidate.own.id != candidate.own_before->id) unclear_.push_back(std::move(candidate));
      return {};
    }
    if (!candidate.tip) {
      if (candidate.own_before && !was_held) plan_.republished.push_back(candidate.path);
      if (was_held) ++plan_.released;
      plan_.changes.push_back({.path = std::move(candidate.path),
                               .value = {candidate.own.id, candidate.own.mode},
                               .in_tip = {},
                               .text = {}});
      return {};
    }
    TRY_ASSIGN(const ObjectStore::Content own,
               objects_.require(candidate.own.id, ObjectType::kBlob));
    TRY_ASSIGN(const ObjectStore::Content tip,
               objects_.require(candidate.tip->id, ObjectType::kBlob));
    if (tip->empty()) {
      grow(candidate, *own, 0, 0);  // an empty file gets the header, like one that is missing
      return {};
    }
    const bool as_left =
        candidate.own_before && candidate.left && candidate.left->id == candidate.tip->id;
    if (as_left) {
      TRY_ASSIGN(const ObjectStore::Content before,
                 objects_.require(candidate.own_before->id, ObjectType::kBlob));
      const bool has_grown = own->size() > before->size() && own->starts_with(*before);
      const std::string_view added =
          has_grown ? std::string_view(*own).substr(before->size()) : std::string_view();
      if (has_grown && !has_heading_of(*tip, added)) {
        std::string text = *tip;
        text += added;
        grow(candidate, std::move(text), tip->size(), tip->size());
        return {};
      }
    }
    if (holds_all_of(*tip, *own)) return {};
    unclear_.push_back(std::move(candidate));
    return {};
  }

  // Of what earlier publishes held back, what no candidate was about: those come from what has
  // changed.
  Status consider_held() {
    TreeEntries own(objects_, trees_.own), own_before(objects_, trees_.own_before);
    TreeEntries tip(objects_, trees_.tip);
    for (const auto& [path, before] : hold_back_.before) {
      if (plan_.held.contains(path) || considered_.contains(path)) continue;
      TRY_ASSIGN(const std::optional<FoundEntry> in_tip, tip.find(path));
      if (in_tip) continue;  // somebody has put it there
      TRY_ASSIGN(const std::optional<FoundEntry> entry, own.find(path));
      if (!entry) {
        TRY_ASSIGN(const bool ignored, hold_back_.ignores(path));
        if (ignored) {
          plan_.held[path] = {.removed_up_to = before.removed_up_to, .is_retracted = true};
        }
        continue;
      }
      TRY_ASSIGN(const std::optional<FoundEntry> entry_before, own_before.find(path));
      TRY_ASSIGN(const bool blocked, tip.is_blocked(path));
      TRY(consider({.path = path,
                    .own = *entry,
                    .own_before = entry_before,
                    .left = {},
                    .tip = {},
                    .blocked = blocked}));
    }
    return {};
  }

  Status resolve_unclear(SectionSource& source) {
    if (unclear_.empty()) return {};
    std::set<std::string> paths;
    uint64_t first_seq = published_ + 1;
    for (const PublishCandidate& candidate : unclear_) {
      paths.insert(candidate.path);
      if (candidate.own_before) first_seq = 1;  // any of its sections may have gone
    }
    TRY_ASSIGN(const auto sections, source.sections(paths, first_seq));
    for (const PublishCandidate& candidate : unclear_) {
      const auto found = sections.find(candidate.path);
      if (found == sections.end()) {
        if (candidate.tip) plan_.left.push_back(candidate.path);
      } else {
        TRY(add_missing_sections(candidate, found->second));
      }
    }
    return {};
  }

 private:
  // A file that has sections since a person removed it, and another publish came in between: what
  // we left does not tell of it, and the branch's history does.
  Status look_into_history(PublishCandidate& candidate) {
    if (candidate.tip || candidate.left || !candidate.own_before || !trees_.goes_on) return {};
    if (candidate.own.id == candidate.own_before->id || !branch_had_) return {};
    TRY_ASSIGN(const bool had_it, branch_had_(candidate.path));
    if (had_it) candidate.left = candidate.own_before;
    return {};
  }

  // What the branch had of ours, and does not have any more, by a person's own commit.
  bool was_removed(const PublishCandidate& candidate) const {
    return trees_.goes_on && candidate.own_before && candidate.left;
  }

  // Up to which record a person has removed what the branch had of a path that it lacks.
  uint64_t removed_up_to(const PublishCandidate& candidate) const {
    if (!trees_.goes_on) return 0;
    const auto before = hold_back_.before.find(candidate.path);
    if (before != hold_back_.before.end()) return before->second.removed_up_to;
    return candidate.own_before ? published_ : 0;
  }

  Result<bool> hold(const PublishCandidate& candidate) {
    if (!hold_back_.ignores) return false;
    considered_.insert(candidate.path);
    TRY_ASSIGN(const bool ignored, hold_back_.ignores(candidate.path));
    if (!ignored) return false;
    plan_.held[candidate.path] = {.removed_up_to = removed_up_to(candidate)};
    plan_.holds_new |= !candidate.own_before || candidate.own_before->id != candidate.own.id;
    return true;
  }

  // What a file without a tip begins with: all before its first section.
  Result<std::string> header_of(const PublishCandidate& candidate, std::string_view first_section) {
    TRY_ASSIGN(const ObjectStore::Content own,
               objects_.require(candidate.own.id, ObjectType::kBlob));
    const size_t end = own->find(first_section);
    return own->substr(0, end == std::string::npos ? 0 : end);
  }

  Status add_missing_sections(const PublishCandidate& candidate,
                              const std::vector<SectionSource::Section>& sections) {
    ObjectStore::Content tip = std::make_shared<const std::string>();
    if (candidate.tip) {
      TRY_ASSIGN(tip, objects_.require(candidate.tip->id, ObjectType::kBlob));
    }
    std::vector<WantedSection> wanted;
    wanted.reserve(sections.size());
    for (const SectionSource::Section& section : sections) {
      wanted.push_back({section.text, section.id});
    }
    ClaimedRanges claimed;
    const std::vector<FoundSection> found = find_sections(*tip, wanted, claimed);
    std::string text = *tip;
    if (!candidate.tip) {
      TRY_ASSIGN(text, header_of(candidate, sections.front().text));
    }
    const size_t begin_bytes = text.size();
    size_t known_bytes = begin_bytes;
    bool had_gone = false, edited = false;
    const bool was_held = !candidate.tip && hold_back_.before.contains(candidate.path);
    const uint64_t removed = was_held ? removed_up_to(candidate) : 0;
    for (size_t i = 0; i < sections.size(); ++i) {
      const bool is_edited = found[i].standing == FoundSection::Standing::kEdited;
      edited |= is_edited;
      // It was never here, so nobody has edited it.
      if (is_edited && candidate.tip && sections[i].seq > published_) {
        plan_.taken.push_back(fmt::format("{} ({})", candidate.path,
                                          section_key(sections[i].text, sections[i].id).heading));
      }
      if (found[i].standing != FoundSection::Standing::kMissing) continue;
      const bool was_there = !was_held && candidate.own_before && sections[i].seq <= published_;
      if (was_there && was_removed(candidate)) continue;
      if (sections[i].seq <= removed) continue;
      had_gone |= was_there;
      text += sections[i].text;
      if (sections[i].seq <= published_) known_bytes = text.size();
    }
    if (edited) plan_.left.push_back(candidate.path);
    if (had_gone) plan_.republished.push_back(candidate.path);
    if (text.size() != begin_bytes) {
      if (was_held) ++plan_.released;
      grow(candidate, std::move(text), known_bytes, tip->size());
    }
    return {};
  }

  void grow(const PublishCandidate& candidate, std::string text, size_t known_bytes,
            size_t tip_bytes) {
    plan_.changes.push_back({.path = candidate.path,
                             .value = {hash_object(ObjectType::kBlob, text), mode_of(candidate)},
                             .in_tip = value_of(candidate.tip),
                             .text = std::move(text),
                             .known_bytes = known_bytes,
                             .tip_bytes = tip_bytes});
  }
  static uint32_t mode_of(const PublishCandidate& candidate) {
    return candidate.tip ? candidate.tip->mode : candidate.own.mode;
  }
  static std::optional<TreeValue> value_of(const std::optional<FoundEntry>& entry) {
    if (!entry) return std::nullopt;
    return TreeValue{entry->id, entry->mode};
  }

  ObjectStore& objects_;
  const PublishTrees& trees_;
  const uint64_t published_;
  const HoldBack& hold_back_;
  const BranchHad& branch_had_;
  PublishPlan& plan_;
  std::vector<PublishCandidate> unclear_;
  std::set<std::string, std::less<>> considered_;  // those that the tip does not have
};

}  // namespace

Result<PublishPlan> plan_publish(ObjectStore& objects, const PublishTrees& trees,
                                 uint64_t published, SectionSource& sections,
                                 const HoldBack& hold_back, const BranchHad& branch_had) {
  PublishPlan plan;
  Planner planner(objects, trees, published, hold_back, branch_had, plan);
  TRY(find_publish_candidates(objects, trees, [&](PublishCandidate candidate) {
    return planner.consider(std::move(candidate));
  }));
  if (hold_back.ignores) TRY(planner.consider_held());
  TRY(planner.resolve_unclear(sections));
  std::ranges::sort(plan.changes, {}, &PlannedChange::path);
  return plan;
}

}  // namespace syncline
