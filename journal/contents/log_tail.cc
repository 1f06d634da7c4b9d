#include "journal/contents/log_tail.h"

#include <algorithm>

#include "journal/base/ascii.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/record/intent.h"
#include "journal/record/row_id.h"

namespace syncline {

std::string table_key(std::string_view table) {
  return ascii_lowered(table);
}

void LogTail::clear() {
  outcomes_.clear();
  earlier_ids_.clear();
  offsets_.clear();
  batches_.clear();
  publishes_.clear();
  batched_ = claimed_applied_ = claimed_files_synced_ = 0;
  config_text_.clear();
  keys_.clear();
  order_.clear();
  ids_.clear();
}

Status LogTail::take(const FrameView& frame, const Known& known) {
  if (is_record(frame.operation)) return take_record(frame, known);
  switch (frame.operation) {
    case Operation::kRebind:
    case Operation::kSetAside:
      return take_outcome(frame, known);
    case Operation::kAppendOffsets: {
      TRY_ASSIGN(const AppendOffsetsFrame offsets,
                 at_frame(frame, decode_append_offsets(frame.payload)));
      if (!keeps(kOffsets)) return {};
      for (const AppendOffset& offset : offsets.offsets) {
        offsets_.insert_or_assign(offset.seq, At<uint64_t>{offset.offset, frame.position});
      }
      return {};
    }
    case Operation::kBatch: {
      TRY_ASSIGN(BatchFrame batch, at_frame(frame, decode_batch(frame.payload)));
      batched_ = std::max(batched_, batch.last_seq);
      if (keeps(kCommits)) batches_.push_back(std::move(batch));
      return {};
    }
    case Operation::kPublish: {
      TRY_ASSIGN(PublishFrame publish, at_frame(frame, decode_publish(frame.payload)));
      if (keeps(kCommits)) publishes_.push_back(std::move(publish));
      return {};
    }
    case Operation::kCheckpoint: {
      TRY_ASSIGN(const CheckpointFrame checkpoint,
                 at_frame(frame, decode_checkpoint(frame.payload)));
      if (!keeps(kClaims)) return {};
      claimed_applied_ = std::max(claimed_applied_, checkpoint.applied);
      claimed_files_synced_ = std::max(claimed_files_synced_, checkpoint.files_synced);
      return {};
    }
    case Operation::kConfig: {
      TRY_ASSIGN(ConfigFrame config, at_frame(frame, decode_config(frame.payload)));
      if (keeps(kConfig)) config_text_ = std::move(config.text);
      return {};
    }
    default:
      return check_frame(frame);
  }
}

Status LogTail::take_record(const FrameView& frame, const Known& known) {
  const bool retracts = keeps(kOutcomes) && frame.operation == Operation::kRetract;
  if (!retracts && !keeps(kKeys | kIds)) {
    return is_known(frame.operation) ? Status{} : check_frame(frame);
  }
  TRY_ASSIGN(const Intent intent, at_frame(frame, decode_intent(frame.operation, frame.payload)));
  if (keeps(kKeys | kIds)) {
    note_record(intent.key, intent.content_hash, intent.table, frame.seq, frame.id);
  }
  if (!retracts) return {};
  return keep_outcome(
      {.seq = intent.retracted->seq, .kind = Outcome::Kind::kRetracted, .retracted_by = frame.seq},
      frame, known);
}

Status LogTail::take_outcome(const FrameView& frame, const Known& known) {
  TRY_ASSIGN(Outcome outcome, at_frame(frame, decode_outcome(frame.operation, frame.payload)));
  if (keeps(kIds)) note_rebind(outcome);
  if (!keeps(kOutcomes)) return {};
  return keep_outcome(std::move(outcome), frame, known);
}

Status LogTail::keep_outcome(Outcome outcome, const FrameView& frame, const Known& known) {
  const uint64_t seq = outcome.seq;
  const Outcome* before = this->outcome(seq);
  std::optional<Outcome> earlier;
  if (before == nullptr && known) {
    TRY_ASSIGN(earlier, known(seq));
    if (earlier) before = &*earlier;
  }
  settle_file(outcome, before, batched_);
  if (outcome.is_retracted() && before != nullptr) outcome.new_id = before->new_id;
  if (before != nullptr && before->kind == Outcome::Kind::kRebind) {
    earlier_ids_[seq].push_back(before->new_id);
  }
  outcomes_.insert_or_assign(seq, At<Outcome>{std::move(outcome), frame.position});
  return {};
}

const Outcome* LogTail::outcome(uint64_t seq) const {
  const auto found = outcomes_.find(seq);
  return found == outcomes_.end() ? nullptr : &found->second.what;
}

std::span<const uint64_t> LogTail::earlier_ids(uint64_t seq) const {
  const auto found = earlier_ids_.find(seq);
  if (found == earlier_ids_.end()) return {};
  return found->second;
}

bool LogTail::pass_outcome(Outcome& outcome, const Position& position) {
  const auto found = outcomes_.find(outcome.seq);
  if (found == outcomes_.end()) return true;
  if (found->second.position > position) return false;
  outcome = std::move(found->second.what);
  outcomes_.erase(found);
  earlier_ids_.erase(outcome.seq);
  return true;
}

std::optional<uint64_t> LogTail::offset(uint64_t seq) const {
  const auto found = offsets_.find(seq);
  if (found == offsets_.end()) return std::nullopt;
  return found->second.what;
}

bool LogTail::pass_offset(uint64_t seq, const Position& position) {
  const auto found = offsets_.find(seq);
  if (found == offsets_.end()) return true;
  if (found->second.position > position) return false;
  offsets_.erase(found);
  return true;
}

std::optional<KeyEntry> LogTail::find_key(std::string_view key) const {
  const auto found = keys_.find(std::string(key));
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

uint64_t LogTail::highest_id(std::string_view table) const {
  const auto found = ids_.find(table_key(table));
  return found == ids_.end() ? 0 : found->second;
}

void LogTail::note_record(const std::string& key, const ContentHash& hash, const std::string& table,
                          uint64_t seq, uint64_t id) {
  if (keeps(kKeys) && !key.empty()) keys_.insert_or_assign(key, KeyEntry{seq, hash});
  if (!keeps(kIds)) return;
  const auto ids = ids_.try_emplace(table_key(table), 0).first;
  if (is_row_id(id)) ids->second = std::max(ids->second, id);
  order_.push_back({seq, key, &ids->first});
}

void LogTail::note_kept(const KeptKeys& kept) {
  for (const KeptRecord& record : kept.records) {
    note_record(record.key, record.content_hash, record.table, record.seq, record.id);
  }
  if (!keeps(kIds)) return;
  for (const auto& [table, id] : kept.last_ids) {
    uint64_t& highest = ids_[table_key(table)];
    highest = std::max(highest, id);
  }
}

// A rebind concerns a record that is not applied yet and is therefore still in order_. A record no
// longer there was applied with that id, and SQLite knows it.
void LogTail::note_rebind(const Outcome& outcome) {
  if (outcome.kind != Outcome::Kind::kRebind) return;
  const auto found = std::lower_bound(order_.begin(), order_.end(), outcome.seq,
                                      [](const Entry& e, uint64_t seq) { return e.seq < seq; });
  if (found == order_.end() || found->seq != outcome.seq) return;
  uint64_t& highest = ids_[*found->table];
  highest = std::max(highest, outcome.new_id);
}

void LogTail::forget_records(uint64_t seq) {
  while (!order_.empty() && order_.front().seq <= seq) {
    const auto found = keys_.find(order_.front().key);
    if (found != keys_.end() && found->second.seq <= seq) keys_.erase(found);
    order_.pop_front();
  }
}

std::vector<BatchFrame> standing_batches(std::span<const BatchFrame> batches) {
  std::vector<BatchFrame> standing;
  for (const BatchFrame& batch : batches) {
    while (!standing.empty() && standing.back().last_seq >= batch.first_seq) standing.pop_back();
    standing.push_back(batch);
  }
  return standing;
}

}  // namespace syncline
