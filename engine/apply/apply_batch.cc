#include "engine/apply/apply_batch.h"

#include <iterator>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"

namespace syncline {

Status Batch::take(const FrameView& frame, const LogTail& ahead) {
  if (!is_known(frame.operation)) return check_frame(frame);
  if (is_record(frame.operation)) return take_record(frame, ahead);
  controls.push_back(
      {frame.operation, frame.position, ByteVector(frame.payload.begin(), frame.payload.end())});
  return {};
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
