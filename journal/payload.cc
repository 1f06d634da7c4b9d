#include "journal/payload.h"

#include <fmt/format.h>

namespace syncline {

Status take_payload_version(ByteReader& reader, std::string_view payload_name) {
  const uint8_t version = reader.u8();
  if (!reader.ok()) return payload_error(payload_name, "it is empty");
  if (version != kPayloadVersion) {
    return make_error(Code::kUnsupported,
                      fmt::format("the {} payload has version {}, which this program does not know",
                                  payload_name, version),
                      "use a newer syncline");
  }
  return {};
}

Error payload_error(std::string_view payload_name, std::string_view what) {
  return make_error(Code::kCorrupt,
                    fmt::format("the {} payload is damaged: {}", payload_name, what));
}

}  // namespace syncline
