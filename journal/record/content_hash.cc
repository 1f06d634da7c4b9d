#include "journal/record/content_hash.h"

#include <algorithm>

namespace syncline {

ByteSpan content_hash_bytes(const ContentHash& hash) {
  if (const auto* const xxh3 = std::get_if<Xxh3Hash>(&hash)) return *xxh3;
  if (const auto* const sha256 = std::get_if<Sha256Hash>(&hash)) return *sha256;
  return {};
}

std::optional<ContentHash> content_hash_of(ByteSpan bytes) {
  ContentHash hash;
  if (bytes.size() == sizeof(Xxh3Hash)) {
    std::ranges::copy(bytes, hash.emplace<Xxh3Hash>().begin());
  } else if (bytes.size() == sizeof(Sha256Hash)) {
    std::ranges::copy(bytes, hash.emplace<Sha256Hash>().begin());
  } else {
    return std::nullopt;
  }
  return hash;
}

}  // namespace syncline
