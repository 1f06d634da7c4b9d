// SHA-256, by OpenSSL's low-level functions, for the reasons given in sync/git/sha1.h.
#pragma once

#include <array>
#include <cstddef>

#include "journal/base/bytes.h"

namespace syncline {

std::array<std::byte, 32> sha256(ByteSpan bytes);

}  // namespace syncline
