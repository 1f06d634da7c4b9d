#include "sync/git/sha1.h"

#include <fmt/format.h>

// The low-level functions are deprecated in OpenSSL 3 in favour of EVP, which would pull providers,
// locks and an allocation per digest into a path that runs once for every record.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace syncline {

std::string_view object_type_name(ObjectType type) {
  switch (type) {
    case ObjectType::kCommit:
      return "commit";
    case ObjectType::kTree:
      return "tree";
    case ObjectType::kBlob:
      return "blob";
    case ObjectType::kTag:
      return "tag";
  }
  return "unknown";
}

Sha1::Sha1() {
  SHA1_Init(&context_);
}

void Sha1::update(ByteSpan bytes) {
  SHA1_Update(&context_, bytes.data(), bytes.size());
}

ObjectId Sha1::finish() {
  ObjectId id;
  SHA1_Final(reinterpret_cast<unsigned char*>(id.bytes.data()), &context_);
  return id;
}

ObjectId hash_object(ObjectType type, std::string_view content) {
  char header[32];
  const auto end =
      fmt::format_to_n(header, sizeof header, "{} {}", object_type_name(type), content.size());
  header[end.size] = '\0';
  Sha1 sha1;
  sha1.update(std::string_view(header, end.size + 1));
  sha1.update(content);
  return sha1.finish();
}

ObjectId hash_blob(std::string_view content) {
  return hash_object(ObjectType::kBlob, content);
}

}  // namespace syncline

#pragma GCC diagnostic pop
