// What a lost page cache can leave of a file.
#pragma once

#include <cstddef>

#include "journal/base/bytes.h"

namespace syncline {

// True when `found` is what a lost page cache can leave of `ours`: a prefix of it, with zeros in
// place of some bytes.
inline bool is_torn_remnant(ByteSpan found, ByteSpan ours) {
  if (found.size() > ours.size()) return false;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] != ours[i] && found[i] != std::byte{0}) return false;
  }
  return true;
}

}  // namespace syncline
