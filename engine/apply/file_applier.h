// Files that records create: each is written whole, once, and never over a person's bytes.
//
//   at the path                  first apply       apply again, recheck
//   nothing                      create whole      create whole
//   our bytes                    ours              ours
//   ours, torn                   write in place    write in place     (bytes missing or zero)
//   other, older than the record set aside         stays              (cannot be ours, edited)
//   other bytes                  stays             stays              (a person's edit of ours)
//   directory, link, special     set aside         stays
//
// After a death before COMMIT, or when a power cut took SQLite's last commits, applying again looks
// like the first time. So a file with other bytes is called foreign only where it was last changed
// well before the record was accepted. A torn file is told by its bytes: each of them is ours or
// zero, and there are no more than ours, so writing it in place replaces nothing but zeros.
//
// A death within write() leaves no file, the whole one or a torn one; all three are in the table.
// Nothing is synced here, except that take_back() syncs the directory.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/apply/attempt.h"
#include "engine/apply/parent_directories.h"
#include "journal/base/clock.h"
#include "journal/base/torn_remnant.h"
#include "journal/os/file_system.h"

namespace syncline {

class FileApplier {
 public:
  FileApplier(ParentDirectories& parents, Clock& clock) : parents_(parents), clock_(clock) {}

  enum class State : uint8_t { kAbsent, kOurs, kTorn, kEdited, kForeign, kUnusable };
  struct Look {
    State state = State::kAbsent;
    std::string reason;  // kForeign, kUnusable: a sentence for people
  };
  Result<Look> look(std::string_view path, std::string_view content, int64_t record_time_ms);

  // Acts on kAbsent and kTorn, and leaves the rest alone. kRedo: the path is no longer as it was
  // seen.
  Result<Attempt> write(std::string_view path, std::string_view content, State seen);

  // Removes, durably, a file that an earlier attempt at the same record wrote, where it still holds
  // these bytes; anything else stays.
  Status take_back(std::string_view path, std::string_view content, int64_t record_time_ms);

  // For a file whose sync failed: writes the same bytes once more, so that the next sync has them
  // to write.
  Status write_again(std::string_view path, std::string_view content);

 private:
  Result<Look> compare(const ParentDirectories::Place& place, const FileInfo& info,
                       std::string_view content, int64_t record_time_ms);

  ParentDirectories& parents_;
  Clock& clock_;
  ByteVector buffer_;
};

}  // namespace syncline
