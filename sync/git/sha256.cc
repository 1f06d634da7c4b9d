#include "sync/git/sha256.h"

#include <openssl/sha.h>

// See sync/git/sha1.cc.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace syncline {

std::array<std::byte, 32> sha256(ByteSpan bytes) {
  std::array<std::byte, 32> digest;
  static_assert(sizeof digest == SHA256_DIGEST_LENGTH);
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context);
  return digest;
}

}  // namespace syncline

#pragma GCC diagnostic pop
