// Can this program act on a frame? Asked before anything is written behind it: a frame of a newer
// program, or one that no program writes, must not be built upon.
#pragma once

#include <utility>

#include "journal/log/frame.h"
#include "syncline/result.h"

namespace syncline {

// The operations of FORMAT-payloads.md that this program acts on.
bool is_known(Operation operation);

// kUnsupported for an operation or a payload version that this program does not know, kCorrupt for
// a payload that does not hold. The error names the frame's place.
Status check_frame(const FrameView& frame);

// The error of decoding a frame's payload, with the frame's place before it.
Error payload_error_at(const FrameView& frame, Error error);

// What was decoded from the frame's payload, or that error.
template <typename T>
Result<T> at_frame(const FrameView& frame, Result<T> decoded) {
  if (decoded) return decoded;
  return payload_error_at(frame, std::move(decoded).error());
}

}  // namespace syncline
