#include "engine/write/tail_index.h"

#include <algorithm>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/record/control_frame.h"
#include "journal/record/row_id.h"

namespace syncline {

Status TailIndex::catch_up(const Mark& end) {
  if (position_ == end) return {};
  TRY_ASSIGN(auto reader, Reader::open(directory_, store_, position_));
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(end));
    if (!frame) break;
    if (is_record(frame->operation)) {
      const auto intent = decode_intent(frame->operation, frame->payload);
      if (!intent) return payload_error_at(*frame, intent.error());
      note_record(intent->key, intent->content_hash, intent->table, frame->seq, frame->id);
      continue;
    }
    TRY(check_frame(*frame));
    if (frame->operation == Operation::kConfig) {
      TRY_ASSIGN(ConfigFrame config, decode_config(frame->payload));
      config_text_ = std::move(config.text);
    } else if (frame->operation == Operation::kRebind) {
      TRY_ASSIGN(const Outcome outcome, decode_outcome(frame->operation, frame->payload));
      note_rebind(outcome);
    }
  }
  position_ = end;
  return {};
}

std::optional<KeyEntry> TailIndex::find(std::string_view key) const {
  const auto found = keys_.find(std::string(key));
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

uint64_t TailIndex::highest_id(std::string_view table) const {
  const auto found = ids_.find(table);
  return found == ids_.end() ? 0 : found->second;
}

void TailIndex::note_record(const std::string& key, const ContentHash& hash,
                            const std::string& table, uint64_t seq, uint64_t id) {
  const auto ids = ids_.try_emplace(table, 0).first;
  if (is_row_id(id)) ids->second = std::max(ids->second, id);
  if (!key.empty()) keys_.insert_or_assign(key, KeyEntry{seq, hash});
  order_.push_back({seq, key, &ids->first});
}

void TailIndex::note_kept(const KeptKeys& kept) {
  for (const KeptRecord& record : kept.records) {
    note_record(record.key, record.content_hash, record.table, record.seq, record.id);
  }
  for (const auto& [table, id] : kept.last_ids) {
    uint64_t& highest = ids_[table];
    highest = std::max(highest, id);
  }
}

// A rebind speaks of a record that is not applied yet, so it is still in order_: what is not was
// applied with that id, and SQLite knows.
void TailIndex::note_rebind(const Outcome& outcome) {
  const auto found = std::lower_bound(order_.begin(), order_.end(), outcome.seq,
                                      [](const Entry& e, uint64_t seq) { return e.seq < seq; });
  if (found == order_.end() || found->seq != outcome.seq) return;
  uint64_t& highest = ids_[*found->table];
  highest = std::max(highest, outcome.new_id);
}

void TailIndex::prune(uint64_t applied_seq) {
  while (!order_.empty() && order_.front().seq <= applied_seq) {
    const auto found = keys_.find(order_.front().key);
    if (found != keys_.end() && found->second.seq <= applied_seq) keys_.erase(found);
    order_.pop_front();
  }
}

}  // namespace syncline
