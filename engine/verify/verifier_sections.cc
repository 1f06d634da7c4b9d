// The Verifier's part for append files: all sections of one file are looked for together, since the
// text of one may be a part of another's. Each claims the bytes in which it is found
// (sync/publish/section_text.h).
//
//   work tree      not whole: a user's edit or removal, a note; no file at all: row-without-file
//   own ref        must be whole, because nobody else writes there; otherwise row-without-commit
//                  (no file) or file-without-commit
//   branch         edited (its number is there, its bytes are not): a note; missing: a note where a
//                  person removed it, else unpublished
#include "engine/verify/verifier.h"

#include "journal/base/try.h"
#include "journal/os/whole_file.h"

namespace syncline {

namespace {

using Standing = FoundSection::Standing;

}  // namespace

void Verifier::find_section(FindingClass cls, const std::string& path, const Section& section,
                            std::string detail) {
  report_.findings.push_back(
      {cls, section.seq, path, section.table, section.id, {}, std::move(detail)});
}

// `is_expected` says which of the sections the text should hold.
template <typename IsExpected>
std::vector<Standing> Verifier::standings_in(std::string_view text,
                                             const std::vector<Section>& sections,
                                             IsExpected is_expected) {
  std::vector<size_t> expected;
  std::vector<WantedSection> wanted;
  for (size_t i = 0; i < sections.size(); ++i) {
    if (!is_expected(sections[i])) continue;
    expected.push_back(i);
    wanted.push_back({sections[i].text, sections[i].id});
  }
  ClaimedRanges claimed;
  const std::vector<FoundSection> found = find_sections(text, wanted, claimed);
  std::vector<Standing> standings(sections.size(), Standing::kWhole);
  for (size_t i = 0; i < expected.size(); ++i) standings[expected[i]] = found[i].standing;
  return standings;
}

Result<Verifier::SectionsFound> Verifier::find_in_work_tree(
    const std::string& path, const std::vector<Section>& sections) const {
  const auto is_expected = [](const Section& section) { return section.in_work_tree; };
  const Result<std::string> text = read_file(*root_, path);
  if (!text && text.error().code != Code::kNotFound && text.error().code != Code::kUnsafePath) {
    return text.error();
  }
  SectionsFound found;
  if (!text) found.no_text = text.error().message;
  found.standings = standings_in(text ? *text : std::string(), sections, is_expected);
  return found;
}

Result<Verifier::SectionsFound> Verifier::find_in_blob(const ObjectId& blob,
                                                       const std::vector<Section>& sections,
                                                       uint64_t last_seq) const {
  const auto is_expected = [&](const Section& section) { return section.seq <= last_seq; };
  std::string text;
  if (!blob.is_zero()) {
    TRY_ASSIGN(text, syncer_->read_blob(blob));
  }
  SectionsFound found;
  if (blob.is_zero()) found.no_text = "not in the tree";
  found.standings = standings_in(text, sections, is_expected);
  return found;
}

Status Verifier::check_sections() {
  for (const auto& [path, sections] : sections_) {
    TRY_ASSIGN(const SectionsFound work_tree, find_in_work_tree(path, sections));
    SectionsFound own, branch;
    const TreeFile file = tree_file(path);
    if (syncer_ != nullptr) {
      TRY_ASSIGN(own, find_in_blob(file.own, sections, syncer_->committed()));
      TRY_ASSIGN(branch, find_in_blob(file.branch, sections, syncer_->published()));
    }
    for (size_t i = 0; i < sections.size(); ++i) {
      const Section& section = sections[i];
      const bool ignored = is_ignored(section.seq, path, file);
      if (ignored) ++records_ignored_;
      const bool is_compared = syncer_ != nullptr && !ignored;
      const Standing on_branch = is_compared ? branch.standings[i] : Standing::kWhole;
      const bool removed = on_branch == Standing::kMissing && branch_goes_on_;
      const bool file_removed = removed && removed_by_a_person(section.seq, path, file);
      const bool gone = work_tree.no_text && section.in_work_tree && !file_removed;
      bool staged = false;
      if (gone) {
        TRY_ASSIGN(staged, removed_in_index(section.seq, path, file));
      }
      if (staged) note_edit(path, section.seq, section.table, section.id, kRemovedInIndex);
      if (gone && !staged) {
        find_section(FindingClass::kRowWithoutFile, path, section, *work_tree.no_text);
      }
      if (syncer_ != nullptr && own.standings[i] != Standing::kWhole) {
        find_section(
            own.no_text ? FindingClass::kRowWithoutCommit : FindingClass::kFileWithoutCommit, path,
            section,
            own.no_text ? "the store's ref does not hold the file"
                        : "the store's ref does not hold these bytes");
      }
      if (removed) {
        gone_sections_.push_back({path, &section});
        note_edit(path, section.seq, section.table, section.id, kRemoved);
        continue;
      }
      if (on_branch == Standing::kMissing) {
        find_section(FindingClass::kUnpublished, path, section,
                     branch.no_text ? "the branch does not hold the file: a publish puts it back"
                                    : "the branch does not hold the section");
      }
      note_edited_section(path, section,
                          work_tree.no_text ? Standing::kWhole : work_tree.standings[i], on_branch);
    }
  }
  return {};
}

Result<bool> Verifier::is_away_with_stash(const Effects& effects) {
  if (syncer_ == nullptr || effects.seq <= syncer_->published()) return false;
  if (!stashed_) {
    TRY_ASSIGN(stashed_, syncer_->stashed_files());
  }
  TRY_ASSIGN(const bool away, stashed_->hold(effects.path));
  if (away) ++files_stashed_;
  return away;
}

Result<bool> Verifier::removed_in_index(uint64_t seq, const std::string& path,
                                        const TreeFile& file) {
  if (syncer_ == nullptr || file.branch.is_zero() || seq > syncer_->published()) return false;
  if (!staged_) {
    TRY_ASSIGN(staged_, syncer_->staged_paths());
  }
  return staged_->lack(path);
}

void Verifier::note_edited_section(const std::string& path, const Section& section,
                                   Standing in_work_tree, Standing on_branch) {
  const bool work_tree = in_work_tree != Standing::kWhole;
  const bool branch = on_branch == Standing::kEdited;
  if (!work_tree && !branch) return;
  note_edit(path, section.seq, section.table, section.id,
            work_tree && branch ? kEditedEverywhere
            : branch            ? kEditedOnBranch
                                : kEditedInWorkTree);
}

}  // namespace syncline
