// The unit of direct I/O, and so of the journal's groups.
#pragma once

#include <cstdint>

namespace syncline {

// Groups begin and end on this boundary, so a durable sector is never rewritten. It is a multiple
// of the logical block of every disk that O_DIRECT is used on.
inline constexpr uint32_t kBlockBytes = 4096;

}  // namespace syncline
