// Damages a payload in every small way and hands each to a decoder, which must never crash.
#pragma once

#include <gtest/gtest.h>

#include <limits>

#include "journal/base/bytes.h"

namespace syncline {

// The `try_decode` answers whether the bytes decoded. Each candidate is in a buffer of its own
// size, so that a sanitizer sees a read past its end.
template <typename TryDecode>
void damage_in_every_way(const ByteVector& payload, TryDecode try_decode) {
  for (size_t length = 0; length < payload.size(); ++length) {
    EXPECT_FALSE(
        try_decode(ByteVector(payload.begin(), payload.begin() + static_cast<long>(length))))
        << "cut to " << length << " of " << payload.size();
  }
  ByteVector longer = payload;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(try_decode(longer)) << "a byte follows";
  for (size_t at = 0; at < payload.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      ByteVector changed = payload;
      changed[at] = static_cast<std::byte>(value);
      try_decode(changed);
    }
  }
  // Every four bytes may be a count or a length: the largest there are.
  for (size_t at = 0; at + 4 <= payload.size(); ++at) {
    for (const uint32_t value : {std::numeric_limits<uint32_t>::max(), uint32_t{1} << 31,
                                 uint32_t{1} << 26, uint32_t{65'537}}) {
      ByteVector changed = payload;
      store_le(changed.data() + at, value);
      try_decode(changed);
    }
  }
}

}  // namespace syncline
