// What was decoded from a frame's payload, or the error with the frame's place before it.
#pragma once

#include <utility>

#include "journal/contents/frame_check.h"

namespace syncline {

template <typename T>
Result<T> at_frame(const FrameView& frame, Result<T> decoded) {
  if (decoded) return decoded;
  return payload_error_at(frame, std::move(decoded).error());
}

}  // namespace syncline
