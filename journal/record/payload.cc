#include "journal/record/payload.h"

#include <fmt/format.h>

namespace syncline {

Result<uint8_t> take_payload_version(ByteReader& reader, uint8_t newest,
                                     std::string_view payload_name) {
  const uint8_t version = reader.u8();
  if (!reader.ok()) return payload_error(payload_name, "it is empty");
  if (version == 0 || version > newest) {
    return make_error(Code::kUnsupported,
                      fmt::format("the {} payload has version {}, which this program does not know",
                                  payload_name, version),
                      "use a newer syncline");
  }
  return version;
}

Error payload_error(std::string_view payload_name, std::string_view what) {
  return make_error(Code::kCorrupt,
                    fmt::format("the {} payload is damaged: {}", payload_name, what));
}

}  // namespace syncline
