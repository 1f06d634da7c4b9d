#include "engine/apply/unapplied_log.h"

#include <algorithm>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/record/intent.h"
#include "journal/record/row_id.h"

namespace syncline {

Status UnappliedLog::scan(const Mark& applied) {
  if (reader_ == nullptr || applied != applied_) {
    reader_.reset();
    id_reader_.reset();
    tail_.clear();
    ids_.clear();
    TRY_ASSIGN(reader_, Reader::open(store_directory_, journal_.store(), applied));
    applied_ = applied;
  }
  const Mark durable = journal_.durable();
  while (true) {
    auto frame = reader_->next(durable);
    if (frame && *frame) {
      TRY(tail_.take(**frame));
      continue;
    }
    if (frame) return {};
    reader_.reset();  // its place is not known: the next scan begins anew
    return std::move(frame).error();
  }
}

Status UnappliedLog::read_ids() {
  if (id_reader_ == nullptr) {
    ids_.clear();
    TRY_ASSIGN(id_reader_, Reader::open(store_directory_, journal_.store(), applied_));
  }
  auto read = read_ids_until(*id_reader_, journal_.durable(), ids_);
  if (!read) id_reader_.reset();
  return read;
}

Result<uint64_t> UnappliedLog::highest_id(const std::string& table, const Mark& end) {
  TRY(read_ids());
  Ids ids = ids_;
  if (id_reader_->position() != end) {
    // Frames that are not durable may be given up yet: another reader goes on through them, and
    // nothing of them is kept.
    TRY_ASSIGN(auto tail, Reader::open(store_directory_, journal_.store(), id_reader_->position()));
    TRY(read_ids_until(*tail, end, ids));
  }
  const auto found = ids.find(table_key(table));
  return found == ids.end() ? 0 : found->second;
}

Status UnappliedLog::read_ids_until(Reader& reader, const Mark& end, Ids& ids) {
  while (true) {
    TRY_ASSIGN(const auto frame, reader.next(end));
    if (!frame) return {};
    if (!is_record(frame->operation)) continue;
    TRY_ASSIGN(const Intent intent,
               at_frame(*frame, decode_intent(frame->operation, frame->payload)));
    uint64_t& highest = ids[table_key(intent.table)];
    if (is_row_id(frame->id)) highest = std::max(highest, frame->id);
    const Outcome* outcome = tail_.outcome(frame->seq);
    if (outcome != nullptr) highest = std::max(highest, outcome->new_id);
  }
}

}  // namespace syncline
