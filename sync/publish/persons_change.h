// What a person did on the branch with a record's file, or its section: edited, moved, removed, and
// by which commit. Found by walking the branch's history for the path.
//
// A record stands in a tree whole, edited or not at all. From the tip back, only commits in which
// it stands as it does at the tip are looked at, so the walk ends where it came to stand so:
//
//     tip ── same ── same ── C ── otherwise          C has done it: none of its parents is the same
//                         └─ merges: a parent that is the same is followed, and C is one beyond it
//
// Where C has taken the file away and has it, with the same bytes, at a path that its parent lacks,
// it was moved, and the walk begins again at the tip with that path.
//
// Reads only, and no more than `commits_max` commits. Threading: as its ObjectStore.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "journal/record/object_id.h"
#include "sync/git/object_reader.h"
#include "syncline/result.h"

namespace syncline {

// What a record has made.
struct RecordedText {
  std::string path;
  std::string text;  // the whole file, or the section
  bool is_section = false;
  uint64_t id = 0;  // as the section's heading has it
};

struct RecordStanding {
  enum class Kind : uint8_t { kMissing, kWhole, kEdited };
  Kind kind = Kind::kMissing;
  ObjectId content;  // kEdited: tells one edit from another
  bool operator==(const RecordStanding&) const = default;
};
// In the text of a file at its path; no text: there is no file.
RecordStanding standing_in(const RecordedText& record, std::optional<std::string_view> text);

struct PersonsBranchChange {
  RecordStanding standing;  // at the tip, at `path`
  std::string path;         // where it is now; where it was last, if it is missing
  // Zero where it was not done, or the commit was not found.
  ObjectId moved_by;  // the last one that did, if it was moved more than once
  ObjectId edited_by;
  ObjectId removed_by;
  bool is_complete = true;  // false: the commit that did it was not found
  uint64_t commits_looked_at = 0;
};

// `tip` zero: there is no branch, and the record is missing. A record that nobody has published is
// missing too, and then the walk finds nobody who removed it: ask only for published ones.
Result<PersonsBranchChange> find_persons_change(ObjectStore& objects, const ObjectId& tip,
                                                const RecordedText& record, uint64_t commits_max);

}  // namespace syncline
