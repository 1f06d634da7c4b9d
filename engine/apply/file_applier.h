// Files that a record creates: whole, once, never over a person's bytes.
//
//   at the path              first apply        apply again / recheck
//   nothing                  create whole       create whole
//   our bytes                ours               ours
//   ours, torn               write in place     write in place     (bytes missing or zero)
//   other, older than record set aside          stays              (cannot be ours, edited)
//   other bytes              stays              stays              (a person's edit of ours)
//   folder, link, special    set aside          stays
//
// First apply and apply again look alike after a crash before COMMIT, or when a power cut took
// SQLite's last commits: so a differing file is called foreign only where it was last changed well
// before the record was accepted. A torn file is told by its bytes: each equals ours or is zero and
// none is beyond ours, so writing it in place replaces nothing but zeros.
//
// Not thread-safe. Nothing is synced here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/apply/parent_directories.h"
#include "journal/base/clock.h"
#include "journal/os/file_system.h"

namespace syncline {

// True when `found` is what a lost page cache can leave of `ours`: a prefix, with zeros for bytes.
bool is_torn_remnant(ByteSpan found, ByteSpan ours);

class FileApplier {
 public:
  FileApplier(ParentDirectories& parents, Clock& clock) : parents_(parents), clock_(clock) {}

  enum class State : uint8_t { kAbsent, kOurs, kTorn, kEdited, kForeign, kUnusable };
  struct Look {
    State state = State::kAbsent;
    std::string reason;  // kForeign, kUnusable: a sentence for people
  };
  Result<Look> look(std::string_view path, std::string_view content, int64_t record_time_ms);

  // Acts on kAbsent and kTorn; leaves the rest. False when the path is no longer as it was seen and
  // must be looked at again.
  Result<bool> write(std::string_view path, std::string_view content, State seen);

  // Removes, durably, a file that an earlier try of the same record wrote, where it still holds
  // these bytes; anything else stays.
  Status take_back(std::string_view path, std::string_view content, int64_t record_time_ms);

  // For files whose sync failed: the same bytes once more, so that the next sync has them to write.
  Status write_again(std::string_view path, std::string_view content);

 private:
  Result<Look> compare(const ParentDirectories::Place& place, const FileInfo& info,
                       std::string_view content, int64_t record_time_ms);

  ParentDirectories& parents_;
  Clock& clock_;
  ByteVector buffer_;
};

}  // namespace syncline
