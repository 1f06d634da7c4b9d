// Which ids a row can have.
#pragma once

#include <cstdint>
#include <limits>

namespace syncline {

// Ids of rows are those that SQLite can hold: 1 to kRowIdMax.
inline constexpr uint64_t kRowIdMax = std::numeric_limits<int64_t>::max();
constexpr bool is_row_id(uint64_t id) {
  return id >= 1 && id <= kRowIdMax;
}

}  // namespace syncline
