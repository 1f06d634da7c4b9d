// What every payload has in common: a version byte, and how a payload that does not hold is told.
#pragma once

#include <string_view>

#include "journal/base/bytes.h"
#include "syncline/result.h"

namespace syncline {

// Takes the version byte, which is from 1 to `newest`: kCorrupt when there is none, kUnsupported
// for one this program does not know.
Result<uint8_t> take_payload_version(ByteReader& reader, uint8_t newest,
                                     std::string_view payload_name);

// "the <payload_name> payload is damaged: <what>". The frame's checksums held, so this is a defect
// of a program that wrote it, or a forgery; never a torn write.
Error payload_error(std::string_view payload_name, std::string_view what);

}  // namespace syncline
