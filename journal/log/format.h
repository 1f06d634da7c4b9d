// Constants of the journal's on-disk format, version 1. The prose, the byte tables and the
// conditions for validity are in journal/FORMAT.md, which is normative.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "journal/base/bytes.h"

namespace syncline {

inline constexpr uint32_t kFormatVersion = 1;

// Groups begin and end on this boundary, so a durable sector is never rewritten.
inline constexpr uint32_t kBlockBytes = 4096;
// Frames begin on this boundary and are a multiple of it long.
inline constexpr uint32_t kFrameAlignBytes = 64;
inline constexpr uint32_t kFrameHeaderBytes = 64;
inline constexpr uint32_t kSegmentHeaderBytes = kBlockBytes;
inline constexpr uint32_t kPayloadBytesMax = 64u << 20;

inline constexpr std::string_view kSegmentMagic{"SYNCLJ1\n", 8};
inline constexpr uint32_t kFrameMagic = 0x464c4e53;  // "SNLF"

// A random 128-bit name, made at init, that every frame and commit of a store is bound to.
struct StoreId {
  std::array<std::byte, 16> bytes{};
  bool operator==(const StoreId&) const = default;
  std::string hex() const { return to_hex(bytes); }
};

// What a frame does. Below kFirstControl: a record, with a sequence number. From it on: control.
enum class Operation : uint8_t {
  kCreate = 1,   // a row and a new file
  kAppend = 2,   // a row and a section appended to a file
  kReplace = 3,  // reserved: new effects in a record's place
  kRetract = 4,  // reserved: takes a record's effects away
  kFirstControl = 32,
  kConfig = 32,         // the text of syncline.toml that later records were made by
  kRebind = 33,         // a record's id (and with it its path) is another than was decided
  kSetAside = 34,       // a record cannot be applied, and why
  kAppendOffsets = 35,  // where sections are about to be written
  kBatch = 36,          // a commit on the store's own ref: range, parent, tree, commit
  kPublish = 37,        // a commit on the branch: range, parent, commit
  kCheckpoint = 38,     // up to where every projection is durable
};
constexpr bool is_record(Operation operation) {
  return static_cast<uint8_t>(operation) < static_cast<uint8_t>(Operation::kFirstControl);
}

// A place in the journal: a byte of a segment.
struct Position {
  uint64_t segment = 0;
  uint64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

// "Every frame before `position`, and so every record up to `seq`."
struct Mark {
  Position position;
  uint64_t seq = 0;
  bool operator==(const Mark&) const = default;
};

}  // namespace syncline
