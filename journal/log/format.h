// Constants of the journal's on-disk format, version 1. The prose, the byte tables and the
// conditions for validity are in journal/FORMAT.md, which is normative.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "journal/base/block.h"
#include "journal/base/bytes.h"

namespace syncline {

inline constexpr uint32_t kFormatVersion = 1;

// Frames begin on this boundary and are a multiple of it long.
inline constexpr uint32_t kFrameAlignBytes = 64;
inline constexpr uint32_t kFrameHeaderBytes = 64;
// Where the header tells the length of the payload.
inline constexpr size_t kFramePayloadBytesAt = 40;
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
