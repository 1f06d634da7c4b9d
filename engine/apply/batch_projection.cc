#include "engine/apply/batch_projection.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "engine/projection/projection.h"
#include "engine/projection/schema.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

// An outcome or offset that is not the last word on its record is not projected: what is ahead is.
Status project_control(ApplyContext& context, const BatchControl& control) {
  ProjectionWriter& projection = *context.projection;
  switch (control.operation) {
    case Operation::kRebind:
    case Operation::kSetAside: {
      TRY_ASSIGN(Outcome outcome, decode_outcome(control.operation, control.payload));
      if (!context.ahead.tail().pass_outcome(outcome, control.position)) return {};
      return projection.put_outcome(outcome);
    }
    case Operation::kAppendOffsets: {
      TRY_ASSIGN(const AppendOffsetsFrame frame, decode_append_offsets(control.payload));
      for (const AppendOffset& offset : frame.offsets) {
        if (!context.ahead.tail().pass_offset(offset.seq, control.position)) continue;
        TRY(projection.put_offset(offset));
      }
      return {};
    }
    case Operation::kBatch: {
      TRY_ASSIGN(const BatchFrame frame, decode_batch(control.payload));
      return projection.put_commit(own_ref_of(context.journal.store().hex()), frame.first_seq,
                                   frame.last_seq, frame.commit);
    }
    case Operation::kPublish: {
      TRY_ASSIGN(const PublishFrame frame, decode_publish(control.payload));
      TRY_ASSIGN(const uint64_t first, projection.next_published(frame.branch, frame.last_seq));
      return projection.put_commit(frame.branch, first, frame.last_seq, frame.commit);
    }
    default:
      return {};
  }
}

// Only what a batch holds is retracted, so that its file in the commits is settled.
Status project_retraction(ApplyContext& context, const Effects& effects) {
  const uint64_t seq = effects.retracted->seq;
  TRY_ASSIGN(const auto outcomes, read_outcomes(*context.database, seq, seq));
  const auto known = outcomes.find(seq);
  Outcome outcome{.seq = seq, .kind = Outcome::Kind::kRetracted, .retracted_by = effects.seq};
  settle_file(outcome, known == outcomes.end() ? nullptr : &known->second, /*batched_seq=*/seq);
  TRY(context.projection->put_outcome(outcome));
  // It may have been waiting for its branch to come back.
  return context.projection->remove_waiting(seq);
}

}  // namespace

Status project_batch(ApplyContext& context, const Batch& batch,
                     const std::vector<AppendOffset>& offsets) {
  // Before the records: what the step has decided lies later in the journal than these frames.
  for (const BatchControl& control : batch.controls) TRY(project_control(context, control));

  ProjectionWriter& projection = *context.projection;
  std::vector<ProjectionWriter::Key> keys;
  std::map<std::string_view, uint64_t> ids;
  for (const BatchRecord& record : batch.records) {
    const uint64_t seq = record.effects.seq;
    if (!record.intent.key.empty()) {
      keys.push_back({record.intent.key, seq, &record.intent.content_hash});
    }
    if (record.outcome) TRY(projection.put_outcome(*record.outcome));
    if (record.effects.retracted) TRY(project_retraction(context, record.effects));
    if (record.waits && record.has_file()) TRY(projection.put_waiting(seq, record.effects.path));
    if (!record.effects.table.empty()) {
      uint64_t& highest = ids[record.effects.table];
      highest = std::max(highest, record.highest_id());
    }
  }
  TRY(projection.add_keys(std::move(keys)));
  for (const AppendOffset& offset : offsets) TRY(projection.put_offset(offset));
  for (const auto& [table, id] : ids) TRY(projection.raise_id(table, id));
  if (!batch.records.empty()) TRY(projection.put_position(batch.from));
  TRY(write_durable_mark(*context.database, context.journal.durable()));
  return write_applied_mark(*context.database, batch.to);
}

}  // namespace syncline
