// File effects of a record with ids that it did not keep.
//
// An applier writes a record's file, and dies before its COMMIT. Before the record is applied again
// a foreign row takes its id; the record is rebound or set aside, and the file that was written
// names an id that is not its own. What still has exactly these bytes is taken back: a created file
// is removed here, a section is overwritten where it stands (engine/apply/section_applier.h).
// Taking back twice is harmless, so a death at any line is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/apply/file_applier.h"
#include "journal/record/intent.h"
#include "journal/record/outcome.h"

namespace syncline {

struct Abandoned {
  std::string path;
  std::string text;
};
std::vector<std::string_view> texts_of(const std::vector<Abandoned>& abandoned);

// The effects, with each of `ids`, of a record that has `outcome`. None where file and commits were
// settled before the outcome: what is on disk then is the record's own. None of a record that found
// its file in place: that is a person's, and no attempt has written it.
std::vector<Abandoned> abandoned_effects(const Intent& intent, uint64_t seq, int64_t time_ms,
                                         const Outcome& outcome, std::span<const uint64_t> ids);

// Removes the created files among the abandoned effects of the record that `effects` are of.
Status take_back(FileApplier& files, const Effects& effects,
                 const std::vector<Abandoned>& abandoned);

}  // namespace syncline
