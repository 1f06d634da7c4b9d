// What verify can find: each class with its name, its meaning, and what mends it. Verify, repair,
// the command's text, the manual page and the README all speak from this table
// (tests/engine/verify/finding_class_test.cc holds them to it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "syncline/store.h"

namespace syncline {

// How repair heals a finding, if it does.
enum class Healing : uint8_t {
  kNone,        // repair leaves it: it is the user's, or the user has to decide
  kRow,         // the row is written again from the journal
  kFile,        // the file is written again from the journal
  kRowAndFile,  // both are
  kGit,         // the record is folded and published again
  kSalvage,     // the frame is put back from elsewhere, while nobody has the store open
};

struct FindingClassInfo {
  FindingClass cls;
  std::string_view name;  // as JSON, the manual page and the README give it
  std::string_view meaning;
  Healing healing;
  std::string_view mend;  // what repair does about it, or what the user can do
};

// One row for each class, in the order of the enum: the journal first, then rows, files and git.
inline constexpr size_t kFindingClasses = static_cast<size_t>(FindingClass::kUnpublished) + 1;
const FindingClassInfo& info_of(FindingClass cls);

// Whether Store::repair heals it from the journal. Store::salvage is for damage to the journal
// itself.
bool heals_from_journal(FindingClass cls);
bool heals_row(FindingClass cls);
bool heals_file(FindingClass cls);

}  // namespace syncline
