// What tells whether a repeated idempotency key comes with the same content.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "journal/base/bytes.h"

namespace syncline {

// Of kind and fields as the user gave them: does a repeated key have the same content?
//
// Payloads of version 1 carry an XXH3-128. It is no cryptographic hash: two contents with the same
// hash can be written on purpose, so it can tell contents apart but never prove them equal. From
// version 2 on a record with a key carries a SHA-256, and one without a key nothing.
using Xxh3Hash = std::array<std::byte, 16>;
using Sha256Hash = std::array<std::byte, 32>;
using ContentHash = std::variant<std::monostate, Xxh3Hash, Sha256Hash>;
ByteSpan content_hash_bytes(const ContentHash& hash);
// The kind of hash follows from its length; nothing where it is no hash's.
std::optional<ContentHash> content_hash_of(ByteSpan bytes);

// What a key is taken by.
struct KeyEntry {
  uint64_t seq = 0;
  ContentHash content_hash;
};

}  // namespace syncline
