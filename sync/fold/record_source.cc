#include "sync/fold/record_source.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/record/intent.h"
#include "journal/record/template.h"

namespace syncline {
namespace {

struct JournalledRecord {
  uint64_t seq = 0;
  uint64_t id = 0;
  int64_t time_ms = 0;
  Intent intent;
};

FileEffect render_file_effect(const JournalledRecord& record, uint64_t id) {
  SlotValues values{.id = id, .time_ms = record.time_ms, .path = {}};
  FileEffect effect;
  effect.seq = record.seq;
  effect.id = id;
  effect.operation = record.intent.operation;
  effect.path = render(record.intent.path, values);
  values.path = effect.path;
  effect.header = render(record.intent.header, values);
  effect.text = render(record.intent.text, values);
  effect.subject = render(record.intent.subject, values);
  effect.kind = record.intent.kind;
  effect.retracted = record.intent.retracted;
  return effect;
}

}  // namespace

Result<RecordSource> RecordSource::open(Directory& store_directory, const StoreId& store,
                                        const Mark& from, uint64_t after_seq) {
  TRY_ASSIGN(std::unique_ptr<Reader> reader, Reader::open(store_directory, store, from));
  return RecordSource(std::move(reader), after_seq);
}

Result<std::optional<RecordBatch>> RecordSource::next(const BatchPolicy& policy, const Mark& limit,
                                                      OutcomeSource& outcomes, uint64_t last_seq) {
  RecordBatch batch;
  std::vector<JournalledRecord> records;
  uint64_t payload_bytes = 0;
  while (seq_ < last_seq && !policy.full(records.size(), payload_bytes)) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader_->next(limit));
    if (!frame) break;
    if (!is_record(frame->operation) || frame->seq <= seq_) continue;
    if (frame->seq != seq_ + 1) {
      return make_error(
          Code::kCorrupt,
          fmt::format("the journal goes from record {} to {} at segment {}, offset {}", seq_,
                      frame->seq, frame->position.segment, frame->position.offset));
    }
    if (!is_known(frame->operation)) {
      return make_error(Code::kUnsupported,
                        fmt::format("record {} is of an operation ({}) this program does not know",
                                    frame->seq, std::to_underlying(frame->operation)),
                        "use the program that wrote it, or a newer one");
    }
    TRY_ASSIGN(Intent intent, at_frame(*frame, decode_intent(frame->operation, frame->payload)));
    payload_bytes += frame->payload.size();
    records.push_back({frame->seq, frame->id, frame->time_ms, std::move(intent)});
    seq_ = frame->seq;
    batch.times_ms.push_back(frame->time_ms);
    batch.end = reader_->position();
  }
  if (records.empty()) return std::optional<RecordBatch>();
  batch.first_seq = records.front().seq;
  batch.last_seq = records.back().seq;

  using Outcomes = std::map<uint64_t, Outcome>;
  TRY_ASSIGN(const Outcomes journalled, outcomes.outcomes(batch.first_seq, batch.last_seq));
  batch.effects.reserve(records.size());
  for (const JournalledRecord& record : records) {
    const auto found = journalled.find(record.seq);
    const Outcome* const outcome = found == journalled.end() ? nullptr : &found->second;
    if (outcome != nullptr && !outcome->has_file()) continue;
    batch.effects.push_back(render_file_effect(record, EffectIds(record.id, outcome).file));
    if (outcome != nullptr) batch.effects.back().retracted_by = outcome->retracted_by;
  }
  return std::optional(std::move(batch));
}

}  // namespace syncline
