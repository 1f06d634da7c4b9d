// SHA-1 and git's object names.
//
// OpenSSL's low-level functions: they use SHA-NI (about 1.9 GB/s a core, against 560 MB/s of
// libgit2's collision-detecting ones) and carry nothing of EVP into the binary. What is hashed here
// was made by us; what is read from a repository is verified by libgit2.
#pragma once

#include <openssl/sha.h>

#include <cstdint>
#include <string_view>

#include "journal/base/bytes.h"
#include "journal/record/object_id.h"

namespace syncline {

// As numbered in a pack.
enum class ObjectType : uint8_t { kCommit = 1, kTree = 2, kBlob = 3, kTag = 4 };
std::string_view object_type_name(ObjectType type);

class Sha1 {
 public:
  Sha1();
  void update(ByteSpan bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  // Once; the object is spent afterwards.
  ObjectId finish();

 private:
  SHA_CTX context_;
};

// Git's name of an object with this content.
ObjectId hash_object(ObjectType type, std::string_view content);

// Git's name of a blob with these bytes.
ObjectId hash_blob(std::string_view content);

// For unordered containers: a SHA-1 is a hash already.
struct ObjectIdHash {
  size_t operator()(const ObjectId& id) const { return load_le<size_t>(id.bytes.data()); }
};

}  // namespace syncline
