#include "engine/apply/look_ahead.h"

#include <algorithm>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/contents/frame_place.h"
#include "journal/record/control_frame.h"
#include "journal/record/intent.h"
#include "journal/record/row_id.h"

namespace syncline {
namespace {

// SQLite compares table names without regard to ASCII case.
std::string table_key(std::string_view table) {
  std::string key(table);
  for (char& character : key) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  }
  return key;
}

}  // namespace

Status LookAhead::scan(const Mark& applied) {
  if (reader_ == nullptr || applied != applied_) {
    reader_.reset();
    id_reader_.reset();
    outcomes_.clear();
    earlier_ids_.clear();
    offsets_.clear();
    ids_.clear();
    batched_ = claimed_applied_ = claimed_files_synced_ = 0;
    TRY_ASSIGN(reader_, Reader::open(store_directory_, journal_.store(), applied));
    applied_ = applied;
  }
  const Mark durable = journal_.durable();
  while (true) {
    auto frame = reader_->next(durable);
    if (frame && *frame) {
      if (is_record((*frame)->operation)) continue;
      TRY(note(**frame));
      continue;
    }
    if (frame) return {};
    reader_.reset();  // where it stands is not known: the next scan begins anew
    return std::move(frame).error();
  }
}

Status LookAhead::note(const FrameView& frame) {
  switch (frame.operation) {
    case Operation::kRebind:
    case Operation::kSetAside: {
      TRY_ASSIGN(Outcome outcome, at_frame(frame, decode_outcome(frame.operation, frame.payload)));
      const uint64_t seq = outcome.seq;
      const Outcome* const before = this->outcome(seq);
      settle_file(outcome, before, batched_);
      if (before != nullptr && before->kind == Outcome::Kind::kRebind) {
        earlier_ids_[seq].push_back(before->new_id);
      }
      outcomes_.insert_or_assign(seq, At<Outcome>{std::move(outcome), frame.position});
      return {};
    }
    case Operation::kBatch: {
      TRY_ASSIGN(const BatchFrame batch, at_frame(frame, decode_batch(frame.payload)));
      batched_ = std::max(batched_, batch.last_seq);
      return {};
    }
    case Operation::kAppendOffsets: {
      TRY_ASSIGN(const AppendOffsetsFrame offsets,
                 at_frame(frame, decode_append_offsets(frame.payload)));
      for (const AppendOffset& offset : offsets.offsets) {
        offsets_.insert_or_assign(offset.seq, At<uint64_t>{offset.offset, frame.position});
      }
      return {};
    }
    case Operation::kCheckpoint: {
      TRY_ASSIGN(const CheckpointFrame checkpoint,
                 at_frame(frame, decode_checkpoint(frame.payload)));
      claimed_applied_ = std::max(claimed_applied_, checkpoint.applied);
      claimed_files_synced_ = std::max(claimed_files_synced_, checkpoint.files_synced);
      return {};
    }
    default:
      return is_known(frame.operation) ? Status{} : check_frame(frame);
  }
}

const Outcome* LookAhead::outcome(uint64_t seq) const {
  const auto found = outcomes_.find(seq);
  return found == outcomes_.end() ? nullptr : &found->second.what;
}

std::optional<uint64_t> LookAhead::offset(uint64_t seq) const {
  const auto found = offsets_.find(seq);
  if (found == offsets_.end()) return std::nullopt;
  return found->second.what;
}

std::span<const uint64_t> LookAhead::earlier_ids(uint64_t seq) const {
  const auto found = earlier_ids_.find(seq);
  if (found == earlier_ids_.end()) return {};
  return found->second;
}

bool LookAhead::pass_outcome(Outcome& outcome, const Position& position) {
  const auto found = outcomes_.find(outcome.seq);
  if (found == outcomes_.end()) return true;
  if (found->second.position > position) return false;
  outcome = std::move(found->second.what);
  outcomes_.erase(found);
  earlier_ids_.erase(outcome.seq);
  return true;
}

bool LookAhead::pass_offset(uint64_t seq, const Position& position) {
  const auto found = offsets_.find(seq);
  if (found == offsets_.end()) return true;
  if (found->second.position > position) return false;
  offsets_.erase(found);
  return true;
}

Status LookAhead::read_ids() {
  if (id_reader_ == nullptr) {
    ids_.clear();
    TRY_ASSIGN(id_reader_, Reader::open(store_directory_, journal_.store(), applied_));
  }
  auto read = read_ids_until(*id_reader_, journal_.durable(), ids_);
  if (!read) id_reader_.reset();
  return read;
}

Result<uint64_t> LookAhead::highest_id(const std::string& table, const Mark& end) {
  TRY(read_ids());
  Ids ids = ids_;
  if (id_reader_->position() != end) {
    // What is not durable may yet be given up: read on beside, and remember nothing of it.
    TRY_ASSIGN(auto tail, Reader::open(store_directory_, journal_.store(), id_reader_->position()));
    TRY(read_ids_until(*tail, end, ids));
  }
  const auto found = ids.find(table_key(table));
  return found == ids.end() ? 0 : found->second;
}

Status LookAhead::read_ids_until(Reader& reader, const Mark& end, Ids& ids) {
  while (true) {
    TRY_ASSIGN(const auto frame, reader.next(end));
    if (!frame) return {};
    if (!is_record(frame->operation)) continue;
    TRY_ASSIGN(const Intent intent,
               at_frame(*frame, decode_intent(frame->operation, frame->payload)));
    uint64_t& highest = ids[table_key(intent.table)];
    if (is_row_id(frame->id)) highest = std::max(highest, frame->id);
    const Outcome* outcome = this->outcome(frame->seq);
    if (outcome != nullptr && outcome->kind == Outcome::Kind::kRebind) {
      highest = std::max(highest, outcome->new_id);
    }
  }
}

}  // namespace syncline
