// Sections that records append to files which people edit too: each is written once, at a
// journalled offset.
//
//   plan()   looks at the files and decides an offset for each section
//   caller   journals the offsets that are new, and makes them durable
//   write()  acts
//
// A section whose offset was journalled before may be there already, so it is looked for:
//
//   found at its offset                    it is there
//   at its offset, torn                    written there again (replaces nothing but zeros)
//   its offset is the end of the file      written there; where its heading has a number, only if
//                                          it is not found elsewhere
//   found anywhere else in the file        it is there (a person edited what is before it, or one
//                                          before it was retracted)
//   its heading's number is found          it is there (a person edited it)
//   not found                              appended at the end, at a newly journalled offset; or
//                                          left alone, where a checkpoint says that it had been
//                                          synced, or the record found it in place: then a person
//                                          has deleted or edited it
//
// So is one without an offset that may have come with the branch, or that the record has found in
// place: where it is found whole, its place is journalled. One section may be part of another;
// sync/publish/section_text.h says how they are told apart.
//
// What an earlier attempt wrote with an id that the record did not keep is overwritten where it
// stands: by the section itself or, where the section has another length or is no longer wanted, by
// empty lines. No text that people wrote behind it moves, so there is no moment at which that could
// be lost.
//
// A file that is absent or empty begins with the record's header; a section's offset is that of the
// section, not of the header before it. Editors replace files by renaming over them, so each file
// is opened anew for each plan, and write() checks that it is still the file that plan() saw.
//
// A death between plan() and write() leaves journalled offsets at which nothing is; a power cut
// after write() may leave torn sections, for nothing is synced here except what is taken back. The
// next plan finds both in the table above.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/apply/attempt.h"
#include "engine/apply/parent_directories.h"
#include "journal/os/file_system.h"
#include "journal/record/control_frame.h"
#include "sync/publish/section_text.h"

namespace syncline {

struct Section {
  uint64_t seq = 0;
  uint64_t id = 0;  // the number in its heading
  std::string_view path;
  std::string_view header;
  std::string_view text;
  std::optional<uint64_t> known_offset;  // as journalled
  bool was_synced = false;               // a checkpoint covers it
  // It is looked for although no offset is known: it may have come with the branch.
  bool may_be_there = false;
  // The record found it there. Where it is not any more, a person has removed it since: it is left.
  bool found_in_place = false;
  // Its texts with ids that the record did not keep, as earlier attempts may have written them.
  // `text` is empty where the record has no section any more.
  std::vector<std::string_view> abandoned = {};
};

class SectionApplier {
 public:
  explicit SectionApplier(ParentDirectories& parents) : parents_(parents) {}

  struct Plan {
    std::vector<AppendOffset> offsets;  // to be journalled before write()
    std::vector<uint64_t> to_write;     // seq of the sections that are not there
  };
  // Decides for sections, which are in the order of seq. kRedo: a path is no longer usable.
  Result<Attempt> plan(std::span<const Section> sections);
  const Plan& planned() const { return planned_; }  // of the last plan()
  // Acts on the last plan. kRedo: a file is no longer as plan() saw it.
  Result<Attempt> write();
  // For files whose sync failed: writes sections that are there once more, where they are.
  Status write_again(std::span<const Section> sections);

 private:
  struct Write {
    uint64_t offset = 0;
    std::string bytes;
  };
  struct FilePlan {
    std::unique_ptr<File> file;  // null: not there
    FileInfo seen;
    uint64_t end = 0;  // where the file ends once the plan is written
    std::vector<Write> writes;
    // Ranges known to be sections, so that two of the same text are not taken for one.
    ClaimedRanges claimed;
    // What was found of the sections that are not where the journal has them. The first search is
    // for all of them together.
    std::optional<std::map<uint64_t, FoundSection>> searched;  // by seq
    // The file is synced at once: nobody looks again for what is taken back.
    bool takes_back = false;
  };
  enum class Found : uint8_t { kThere, kPlanned, kNo };

  // Begins the plan of one file.
  Result<Attempt> open(std::string_view path);
  Status plan_section(const Section& section);
  Result<Found> find(FilePlan& plan, const Section& section);
  // Claims the sections that are where the journal has them, before others are searched for.
  Status claim_known(std::span<const Section> sections);
  Result<bool> is_at(const FilePlan& plan, uint64_t offset, std::string_view text);
  Result<FoundSection> search(FilePlan& plan, const Section& section);
  Result<std::optional<uint64_t>> search_abandoned(FilePlan& plan, std::string_view text);
  // True when the section itself is planned in the place of the text that it takes back.
  Result<bool> take_back(FilePlan& plan, const Section& section, std::string_view abandoned);
  Result<std::string> read_range(const FilePlan& plan, uint64_t offset, uint64_t count);
  static void add_write(FilePlan& plan, uint64_t offset, std::string_view bytes);
  Result<Attempt> write_file(std::string_view path, FilePlan& plan);

  ParentDirectories& parents_;
  std::map<std::string, FilePlan, std::less<>> plans_;
  Plan planned_;
  std::span<const Section> sections_;  // while they are planned
  std::set<uint64_t> in_place_;        // seq of those claimed where the journal has them
};

}  // namespace syncline
