#include "engine/write/receipt.h"

#include <algorithm>
#include <utility>

#include "journal/record/again_key.h"

namespace syncline {

Receipt make_receipt(const AcceptedRecord& record, const Outcome* outcome, Stage stage) {
  const EffectIds ids(record.id, outcome);
  Receipt receipt;
  receipt.seq = record.seq;
  receipt.kind = record.kind;
  receipt.key = record.key;
  receipt.table = record.table;
  receipt.id = ids.row;
  if (record.path != nullptr) receipt.path = render(*record.path, {ids.file, record.time_ms, {}});
  receipt.time_ms = record.time_ms;
  receipt.stage = stage;
  receipt.rebound = outcome != nullptr && outcome->kind == Outcome::Kind::kRebind;
  if (outcome != nullptr && outcome->is_set_aside()) {
    receipt.set_aside = outcome->reason;
    receipt.again_as = outcome->again_as;
  }
  if (outcome != nullptr && outcome->is_retracted()) receipt.retracted_by = outcome->retracted_by;
  receipt.retracts = record.retracts;
  if (receipt.retracts != 0 || set_aside_seq_of(receipt.key) != 0) {
    receipt.key.clear();  // no person gave it
  }
  return receipt;
}

Receipt make_receipt(KeptRecord kept, Stage stage) {
  Receipt receipt;
  receipt.seq = kept.seq;
  receipt.kind = std::move(kept.kind);
  if (set_aside_seq_of(kept.key) == 0) receipt.key = std::move(kept.key);
  receipt.table = std::move(kept.table);
  receipt.id = kept.id;
  receipt.path = std::move(kept.path);
  receipt.time_ms = kept.time_ms;
  receipt.stage = stage;
  receipt.rebound = kept.rebound;
  receipt.set_aside = std::move(kept.set_aside);
  return receipt;
}

void note_ignored(Receipt& receipt, const HeldPaths& held) {
  if (receipt.path.empty() || receipt.retracts != 0 || receipt.retracted_by != 0) return;
  receipt.ignored = is_held(held, receipt.seq, receipt.path);
  if (!receipt.ignored) return;
  receipt.stage = std::min(receipt.stage, Stage::kCommitted);
  receipt.branch_commit.clear();
}

}  // namespace syncline
