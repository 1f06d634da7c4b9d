#include "sync/publish/publish_plan.h"

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

class Planner {
 public:
  Planner(ObjectStore& objects, bool goes_on, PublishPlan& plan)
      : objects_(objects), goes_on_(goes_on), plan_(plan) {}

  Status consider(PublishCandidate candidate) {
    if (candidate.blocked || (candidate.tip && !is_plain_file(candidate.tip->mode))) {
      plan_.left.push_back(std::move(candidate.path));
      return {};
    }
    if (!candidate.tip && was_removed(candidate)) {
      // Sections that came since are no part of what was removed.
      if (candidate.own.id != candidate.own_before->id) unclear_.push_back(std::move(candidate));
      return {};
    }
    if (!candidate.tip) {
      if (candidate.own_before) plan_.republished.push_back(candidate.path);
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

  Status resolve_unclear(uint64_t published, SectionSource& source) {
    if (unclear_.empty()) return {};
    std::set<std::string> paths;
    uint64_t first_seq = published + 1;
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
        TRY(add_missing_sections(candidate, found->second, published));
      }
    }
    return {};
  }

 private:
  // What the branch had of ours, and does not have any more, by a person's own commit.
  bool was_removed(const PublishCandidate& candidate) const {
    return goes_on_ && candidate.own_before && candidate.left;
  }

  // What a file without a tip begins with: all before its first section.
  Result<std::string> header_of(const PublishCandidate& candidate, std::string_view first_section) {
    TRY_ASSIGN(const ObjectStore::Content own,
               objects_.require(candidate.own.id, ObjectType::kBlob));
    const size_t end = own->find(first_section);
    return own->substr(0, end == std::string::npos ? 0 : end);
  }

  Status add_missing_sections(const PublishCandidate& candidate,
                              const std::vector<SectionSource::Section>& sections,
                              uint64_t published) {
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
    for (size_t i = 0; i < sections.size(); ++i) {
      edited |= found[i].standing == FoundSection::Standing::kEdited;
      if (found[i].standing != FoundSection::Standing::kMissing) continue;
      const bool was_there = candidate.own_before && sections[i].seq <= published;
      if (was_there && was_removed(candidate)) continue;
      had_gone |= was_there;
      text += sections[i].text;
      if (sections[i].seq <= published) known_bytes = text.size();
    }
    if (edited) plan_.left.push_back(candidate.path);
    if (had_gone) plan_.republished.push_back(candidate.path);
    if (text.size() != begin_bytes) {
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
  const bool goes_on_;
  PublishPlan& plan_;
  std::vector<PublishCandidate> unclear_;
};

}  // namespace

Result<PublishPlan> plan_publish(ObjectStore& objects, const PublishTrees& trees,
                                 uint64_t published, SectionSource& sections) {
  PublishPlan plan;
  Planner planner(objects, trees.goes_on, plan);
  TRY(find_publish_candidates(objects, trees, [&](PublishCandidate candidate) {
    return planner.consider(std::move(candidate));
  }));
  TRY(planner.resolve_unclear(published, sections));
  std::ranges::sort(plan.changes, {}, &PlannedChange::path);
  return plan;
}

}  // namespace syncline
