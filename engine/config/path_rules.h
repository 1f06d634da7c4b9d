// What a path in a store may be.
//
// Invariant: a path that check_path accepts is relative, stays in the store, and is read as `.git`
// by neither git, HFS+ (ignorable code points) nor NTFS (short names, streams, trailing dots and
// spaces).
#pragma once

#include <cstddef>
#include <string_view>

#include "syncline/result.h"

namespace syncline {

inline constexpr size_t kPathComponentBytesMax = 200;
inline constexpr size_t kPathBytesMax = 1000;

// kUnsafePath with the reason, or success.
Status check_path(std::string_view path);

// Names that Windows resolves to a device in every directory, whatever extension follows.
bool is_device_name(std::string_view lower);

}  // namespace syncline
