// Sections that records append to files people edit too: once each, at a journalled offset.
//
// plan() looks at the files and decides an offset for each section; the caller journals those that
// are new and makes them durable; write() acts. A section whose offset was journalled before may be
// there already, so it is looked for:
//
//   at its offset                          there
//   at its offset, torn                    written there again (replaces nothing but zeros)
//   its offset is the end of the file      written there
//   anywhere else in the file              there (a person edited what is before it)
//   its heading's number                   there (a person edited it)
//   not found                              to the end, at a newly journalled offset; or left, where
//                                          a checkpoint says it had been synced: then it was edited
//
// Sections may be parts of each other; sync/publish/section_text.h says how they are told apart.
//
// What an earlier try wrote with an id that the record did not keep is overwritten where it is: by
// the section, or, where that is longer or no more wanted, by empty lines. Nothing that people
// wrote behind it moves, so there is no moment at which it could be lost.
//
// A file that is not there, or empty, begins with the record's header; offsets count to the
// section, not to the header before it. Editors rename over files, so files are opened anew for
// each batch and write() checks that they are still what plan() saw.
//
// Not thread-safe. Nothing is synced here.
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

#include "engine/apply/parent_directories.h"
#include "journal/os/file_system.h"
#include "journal/record/control_frame.h"
#include "sync/publish/section_text.h"

namespace syncline {

struct Section {
  uint64_t seq = 0;
  uint64_t id = 0;  // as its heading has it
  std::string_view path;
  std::string_view header;
  std::string_view text;
  std::optional<uint64_t> known_offset;  // as journalled
  bool was_synced = false;               // a checkpoint covers it
  // As earlier tries wrote it, with ids it did not keep; `text` is empty where it has none now.
  std::vector<std::string_view> abandoned = {};
};

class SectionApplier {
 public:
  explicit SectionApplier(ParentDirectories& parents) : parents_(parents) {}

  // Why no section can go to the path ever, or for now, or nothing; and whether a file is there.
  struct Target {
    std::string unusable;
    std::string blocked;
    bool exists = false;
  };
  Result<Target> look(std::string_view path);

  struct Plan {
    std::vector<AppendOffset> offsets;  // to be journalled before write()
    std::vector<uint64_t> to_write;     // seq of the sections that are not there
  };
  // Decides for sections in the order of seq. Nothing: a path is no longer usable, look() again.
  Result<std::optional<Plan>> plan(std::span<const Section> sections);
  // Acts on the last plan. False when a file is no longer as it was seen: plan again.
  Result<bool> write();
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
    uint64_t end = 0;  // with what is planned
    std::vector<Write> writes;
    // Ranges known to be sections, so that two of the same text are not taken for one.
    ClaimedRanges claimed;
    // Of those that are not where the journal has them; looked for together, when the first is.
    std::optional<std::map<uint64_t, FoundSection::Standing>> searched;  // by seq
    bool takes_back = false;  // synced at once: nobody looks for it again
  };
  enum class Found : uint8_t { kThere, kPlanned, kNo };

  Result<std::optional<FilePlan>> open(std::string_view path);
  Result<Found> find(FilePlan& plan, const Section& section);
  // Claims what is where the journal has it, before anything else is looked for.
  Status claim_known(std::span<const Section> sections);
  Result<bool> is_at(const FilePlan& plan, uint64_t offset, std::string_view text);
  Result<FoundSection::Standing> search(FilePlan& plan, const Section& section);
  Result<std::optional<uint64_t>> search_abandoned(FilePlan& plan, std::string_view text);
  // True when the section stands in the place of what it takes back.
  Result<bool> take_back(FilePlan& plan, const Section& section, std::string_view abandoned);
  Result<std::string> read_range(const FilePlan& plan, uint64_t offset, uint64_t count);
  static void add_write(FilePlan& plan, uint64_t offset, std::string_view bytes);
  Result<bool> write_file(std::string_view path, FilePlan& plan);

  ParentDirectories& parents_;
  std::map<std::string, FilePlan, std::less<>> plans_;
  std::span<const Section> sections_;  // while they are planned
  std::set<uint64_t> in_place_;        // seq of those claimed where the journal has them
};

}  // namespace syncline
