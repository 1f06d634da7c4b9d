#include "engine/apply/applied_records.h"

#include "engine/projection/projection.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"

namespace syncline {
namespace {

constexpr size_t kVisitRecordsMax = 1000;
constexpr uint64_t kVisitBytesMax = 8u << 20;

// Records as their frames have them, and what holds of them by now.
class Gathered {
 public:
  Status add(const FrameView& frame) {
    TRY_ASSIGN(Intent intent, at_frame(frame, decode_intent(frame.operation, frame.payload)));
    records_.push_back({std::move(intent), frame.seq, frame.id, frame.time_ms});
    bytes_ += frame.payload.size();
    return {};
  }
  bool is_full() const { return records_.size() >= kVisitRecordsMax || bytes_ >= kVisitBytesMax; }
  Status hand_over(ApplyContext& context, const VisitApplied& visit);

 private:
  struct Decided {
    Intent intent;
    uint64_t seq = 0, id = 0;
    int64_t time_ms = 0;
  };
  std::vector<Decided> records_;
  uint64_t bytes_ = 0;
};

// What the database has lost, the log still knows: a retraction that was published before the power
// went leaves nothing to write again.
bool is_retracted_ahead(const ApplyContext& context, uint64_t seq) {
  const Outcome* const ahead = context.ahead.tail().outcome(seq);
  return ahead != nullptr && ahead->is_retracted();
}

Status Gathered::hand_over(ApplyContext& context, const VisitApplied& visit) {
  if (records_.empty()) return {};
  TRY_ASSIGN(const auto outcomes,
             read_outcomes(*context.database, records_.front().seq, records_.back().seq));
  std::vector<AppliedRecord> applied;
  applied.reserve(records_.size());
  for (Decided& record : records_) {
    const auto found = outcomes.find(record.seq);
    const Outcome* const outcome = found == outcomes.end() ? nullptr : &found->second;
    if (outcome != nullptr && (!outcome->has_file() || outcome->is_retracted())) continue;
    if (is_retracted_ahead(context, record.seq)) continue;
    Effects effects =
        render_effects(record.intent, record.seq, EffectIds(record.id, outcome), record.time_ms);
    std::vector<Abandoned> abandoned;
    if (outcome != nullptr) {
      abandoned =
          abandoned_effects(record.intent, record.seq, record.time_ms, *outcome, {&record.id, 1});
      if (!outcome->has_row()) effects.table.clear();
    }
    applied.push_back({std::move(record.intent), std::move(effects), std::move(abandoned)});
  }
  records_.clear();
  bytes_ = 0;
  return visit(applied);
}

}  // namespace

Status visit_applied(ApplyContext& context, uint64_t first_seq, uint64_t last_seq,
                     const std::function<bool(uint64_t seq)>& include, const VisitApplied& visit) {
  if (first_seq > last_seq) return {};
  TRY_ASSIGN(Mark from, position_before(*context.database, first_seq));
  TRY_ASSIGN(const Mark begin, context.journal.begin());
  if (from.position < begin.position) from = begin;
  TRY_ASSIGN(auto frames, Reader::open(context.store_directory, context.journal.store(), from));

  Gathered gathered;
  while (true) {
    TRY_ASSIGN(const auto frame, frames->next(context.applied));
    if (!frame || frame->seq > last_seq) break;
    if (!is_record(frame->operation) || frame->seq < first_seq || !include(frame->seq)) continue;
    TRY(gathered.add(*frame));
    if (gathered.is_full()) TRY(gathered.hand_over(context, visit));
  }
  return gathered.hand_over(context, visit);
}

Status visit_unsynced(ApplyContext& context, const VisitApplied& visit) {
  const uint64_t first = context.files_synced + 1;
  TRY_ASSIGN(const auto waiting, context.projection->waiting(first, context.applied.seq));
  return visit_applied(
      context, first, context.applied.seq, [&](uint64_t seq) { return !waiting.contains(seq); },
      visit);
}

}  // namespace syncline
