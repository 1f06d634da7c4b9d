#include "engine/verify/finding_class.h"

#include <array>

#include "journal/base/assert.h"

namespace syncline {

namespace {

using enum FindingClass;

constexpr std::array kClasses = {
    FindingClassInfo{kJournalDamaged, "journal-damaged",
                     "a frame that was durable no longer holds; nothing behind it is compared",
                     Healing::kSalvage,
                     "repair puts back what is still known elsewhere; for the rest, restore a "
                     "backup or accept the loss"},
    FindingClassInfo{kRecordMissing, "record-missing",
                     "neither row nor file of a record is there, or the database cannot be read",
                     Healing::kRowAndFile, "repair writes row and file again"},
    FindingClassInfo{kFileWithoutRow, "file-without-row", "the file is there, the row is not",
                     Healing::kRow, "repair writes the row again"},
    FindingClassInfo{kRowWithoutFile, "row-without-file", "the row is there, the file is not",
                     Healing::kFile, "repair writes the file again"},
    FindingClassInfo{kRowDiffers, "row-differs",
                     "the row was changed by hand: a note, not a disagreement", Healing::kNone,
                     "nothing to do: the change stays; repair --restore SEQ puts the row back"},
    FindingClassInfo{kForeignRow, "foreign-row",
                     "a row did not come through the journal: a note, not a disagreement",
                     Healing::kNone, "`syncline adopt` takes it in"},
    FindingClassInfo{kForeignFile, "foreign-file",
                     "a file of a kind, or a section in one, did not come through the journal: a "
                     "note, not a disagreement",
                     Healing::kNone, "`syncline adopt` takes it in"},
    FindingClassInfo{kSetAside, "set-aside",
                     "a record could not be applied; the reason stands beside it", Healing::kNone,
                     "mend the cause; then repair, or the same key, records it anew"},
    FindingClassInfo{kFileDiffers, "file-differs",
                     "the file was edited by hand: a note, not a disagreement", Healing::kNone,
                     "nothing to do: the edit stays"},
    FindingClassInfo{kRowWithoutCommit, "row-without-commit",
                     "the store's ref lacks a file it has held, or cannot be read", Healing::kGit,
                     "repair folds the records again"},
    FindingClassInfo{kFileWithoutCommit, "file-without-commit",
                     "the store's ref holds the file with other bytes", Healing::kNone,
                     "check that no two kinds share a path; if none do, report it: the program "
                     "made this commit"},
    FindingClassInfo{kCommitWithoutRow, "commit-without-row",
                     "the store's ref holds a file that no record made", Healing::kNone,
                     "report it: the program made this commit"},
    FindingClassInfo{kHistoryRewritten, "history-rewritten",
                     "the commits of the store's ref are not those that the journal knows",
                     Healing::kGit,
                     "repair makes the ref again from the journal, and keeps the commit it was at"},
    FindingClassInfo{kUnpublished, "unpublished",
                     "the branch no longer holds what was published on it", Healing::kGit,
                     "repair publishes it again"},
};

// info_of finds a class by its number.
constexpr bool in_order() {
  for (size_t i = 0; i < kClasses.size(); ++i) {
    if (kClasses[i].cls != static_cast<FindingClass>(i)) return false;
  }
  return kClasses.size() == kFindingClasses;
}
static_assert(in_order());

}  // namespace

const FindingClassInfo& info_of(FindingClass cls) {
  const auto at = static_cast<size_t>(cls);
  SYNCLINE_ASSERT(at < kClasses.size());
  return kClasses[at];
}

std::string_view finding_class_name(FindingClass cls) {
  return info_of(cls).name;
}

bool heals_row(FindingClass cls) {
  const Healing healing = info_of(cls).healing;
  return healing == Healing::kRow || healing == Healing::kRowAndFile;
}

bool heals_file(FindingClass cls) {
  const Healing healing = info_of(cls).healing;
  return healing == Healing::kFile || healing == Healing::kRowAndFile;
}

bool heals_from_journal(FindingClass cls) {
  return heals_row(cls) || heals_file(cls) || info_of(cls).healing == Healing::kGit;
}

}  // namespace syncline
