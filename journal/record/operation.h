// What a frame does to the store: the operations of the format. Those that carry an intent have
// their byte table in FORMAT-payloads.md, "Intent"; the others in "Control frames".
#pragma once

#include <cstdint>

namespace syncline {

// What a frame does. Below kFirstControl: a record, with a sequence number. From it on: control.
enum class Operation : uint8_t {
  kCreate = 1,   // a row and a new file
  kAppend = 2,   // a row and a section appended to a file
  kReplace = 3,  // reserved: new effects in a record's place
  kRetract = 4,  // takes away the row and the file, or the section, of an earlier record
  kFirstControl = 32,
  kConfig = 32,         // the text of syncline.toml that later records were made by
  kRebind = 33,         // a record's id (and with it its path) is another than was decided
  kSetAside = 34,       // a record cannot be applied, and why
  kAppendOffsets = 35,  // where sections are about to be written
  kBatch = 36,          // a commit on the store's own ref: range, parent, tree, commit
  kPublish = 37,        // a commit on the branch: range, parent, commit
  kCheckpoint = 38,     // how far every projection is durable
};
constexpr bool is_record(Operation operation) {
  return static_cast<uint8_t>(operation) < static_cast<uint8_t>(Operation::kFirstControl);
}

}  // namespace syncline
