// Git's name of an object, as the journal's control frames and git itself have it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "journal/base/bytes.h"

namespace syncline {

// A SHA-1 object name of git, as 20 bytes.
struct ObjectId {
  std::array<std::byte, 20> bytes{};
  auto operator<=>(const ObjectId&) const = default;
  bool is_zero() const { return *this == ObjectId{}; }
  std::string hex() const { return to_hex(bytes); }
  static std::optional<ObjectId> parse(std::string_view hex);
};

}  // namespace syncline
