// What every payload has in common: a version byte, and how a payload that does not hold is told.
#pragma once

#include <string_view>

#include "journal/bytes.h"
#include "journal/result.h"

namespace syncline {

inline constexpr uint8_t kPayloadVersion = 1;

// Takes the version byte: kCorrupt when there is none, kUnsupported for one this program does not
// know.
Status take_payload_version(ByteReader& reader, std::string_view payload_name);

// "the <payload_name> payload is damaged: <what>". The frame's checksums held, so this is a defect
// of a program that wrote it, or a forgery; never a torn write.
Error payload_error(std::string_view payload_name, std::string_view what);

}  // namespace syncline
