#include "engine/apply/apply_batch.h"

#include <fmt/format.h>

#include <iterator>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"

namespace syncline {

Status Batch::take(const FrameView& frame, const LogTail& ahead) {
  switch (frame.operation) {
    case Operation::kCreate:
    case Operation::kAppend:
      return take_record(frame, ahead);
    case Operation::kConfig:
    case Operation::kRebind:
    case Operation::kSetAside:
    case Operation::kAppendOffsets:
    case Operation::kBatch:
    case Operation::kPublish:
    case Operation::kCheckpoint:
      controls.push_back({frame.operation, frame.position,
                          ByteVector(frame.payload.begin(), frame.payload.end())});
      return {};
    default:
      return make_error(
          Code::kUnsupported,
          fmt::format("record {} (segment {:016x}, offset {}) is an operation {} that "
                      "this program does not know",
                      frame.seq, frame.position.segment, frame.position.offset,
                      static_cast<int>(frame.operation)),
          "a newer syncline wrote it: use that one");
  }
}

Status Batch::take_record(const FrameView& frame, const LogTail& ahead) {
  TRY_ASSIGN(Intent intent, at_frame(frame, decode_intent(frame.operation, frame.payload)));
  BatchRecord& record = records.emplace_back();
  record.intent = std::move(intent);
  record.decided_id = frame.id;
  record.time_ms = frame.time_ms;
  const Outcome* const outcome = ahead.outcome(frame.seq);
  if (outcome != nullptr) {
    record.outcome = *outcome;
    std::vector<uint64_t> ids = {frame.id};
    std::ranges::copy(ahead.earlier_ids(frame.seq), std::back_inserter(ids));
    record.abandoned = abandoned_effects(record.intent, frame.seq, frame.time_ms, *outcome, ids);
  }
  record.effects =
      render_effects(record.intent, frame.seq, EffectIds(frame.id, outcome), frame.time_ms);
  return {};
}

}  // namespace syncline
