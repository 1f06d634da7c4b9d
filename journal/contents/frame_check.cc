#include "journal/contents/frame_check.h"

#include <fmt/format.h>

#include "journal/record/control_frame.h"
#include "journal/record/intent.h"

namespace syncline {
namespace {

// What the decoders answer, without what they decode.
template <typename T>
Status status_of(Result<T>&& decoded) {
  if (!decoded) return std::move(decoded).error();
  return {};
}

Status decode_payload(const FrameView& frame) {
  switch (frame.operation) {
    case Operation::kConfig:
      return status_of(decode_config(frame.payload));
    case Operation::kRebind:
    case Operation::kSetAside:
      return status_of(decode_outcome(frame.operation, frame.payload));
    case Operation::kAppendOffsets:
      return status_of(decode_append_offsets(frame.payload));
    case Operation::kBatch:
      return status_of(decode_batch(frame.payload));
    case Operation::kPublish:
      return status_of(decode_publish(frame.payload));
    case Operation::kCheckpoint:
      return status_of(decode_checkpoint(frame.payload));
    default:
      return status_of(decode_intent(frame.operation, frame.payload));
  }
}

}  // namespace

bool is_known(Operation operation) {
  switch (operation) {
    case Operation::kCreate:
    case Operation::kAppend:
    case Operation::kRetract:
    case Operation::kConfig:
    case Operation::kRebind:
    case Operation::kSetAside:
    case Operation::kAppendOffsets:
    case Operation::kBatch:
    case Operation::kPublish:
    case Operation::kCheckpoint:
      return true;
    case Operation::kReplace:
      return false;  // reserved
  }
  return false;  // a byte that names none
}

Status check_frame(const FrameView& frame) {
  if (!is_known(frame.operation)) {
    return payload_error_at(frame,
                            make_error(Code::kUnsupported,
                                       fmt::format("operation {}, which this program does not know",
                                                   static_cast<unsigned>(frame.operation)),
                                       "use a newer syncline; nothing was written"));
  }
  if (Status decoded = decode_payload(frame); !decoded) {
    return payload_error_at(frame, std::move(decoded).error());
  }
  return {};
}

Error payload_error_at(const FrameView& frame, Error error) {
  const std::string place =
      fmt::format("segment {} offset {}", frame.position.segment, frame.position.offset);
  error.message = frame.seq == 0
                      ? fmt::format("{}: {}", place, error.message)
                      : fmt::format("record {} at {}: {}", frame.seq, place, error.message);
  return error;
}

}  // namespace syncline
