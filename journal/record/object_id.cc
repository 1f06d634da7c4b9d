#include "journal/record/object_id.h"

namespace syncline {

std::optional<ObjectId> ObjectId::parse(std::string_view hex) {
  ObjectId object;
  const std::optional<ByteVector> bytes = from_hex(hex);
  if (!bytes || bytes->size() != object.bytes.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), object.bytes.begin());
  return object;
}

}  // namespace syncline
