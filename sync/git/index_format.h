// Numbers of gitformat-index(5), for the units that read and write it.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "journal/base/bytes.h"
#include "journal/record/intent.h"
#include "syncline/result.h"

namespace syncline::index_format {

inline constexpr size_t kHeaderBytes = 12;
inline constexpr size_t kTrailerBytes = 20;
inline constexpr size_t kExtensionHeaderBytes = 8;
inline constexpr size_t kFixedEntryBytes = 62;  // stat, blob and flags, before the name
inline constexpr uint16_t kAssumeValid = 0x8000;
inline constexpr uint16_t kExtended = 0x4000;
inline constexpr uint16_t kStageMask = 0x3000;
inline constexpr uint16_t kNameMask = 0x0fff;
inline constexpr uint16_t kSkipWorktree = 0x4000;  // in the extended flags
inline constexpr uint16_t kIntentToAdd = 0x2000;

inline uint32_t load_be32(const char* from) {
  return std::byteswap(load_le<uint32_t>(as_bytes({from, 4}).data()));
}
inline uint16_t load_be16(const char* from) {
  return std::byteswap(load_le<uint16_t>(as_bytes({from, 2}).data()));
}
inline void put_be32(std::string& out, uint32_t value) {
  const uint32_t swapped = std::byteswap(value);
  out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}
inline void put_be16(std::string& out, uint16_t value) {
  const uint16_t swapped = std::byteswap(value);
  out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}

inline Error damaged(std::string_view what) {
  return make_error(Code::kCorrupt, "the git index is damaged: " + std::string(what) +
                                        "; `rm .git/index; git reset` makes it anew from HEAD");
}

}  // namespace syncline::index_format
