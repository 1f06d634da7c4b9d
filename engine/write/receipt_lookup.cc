#include "engine/write/receipt_lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/projection/schema.h"
#include "engine/write/from_applied.h"
#include "engine/write/receipt.h"
#include "engine/write/stage.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/contents/kept_keys.h"

namespace syncline {
namespace {

std::string_view operation_name(Operation operation) {
  if (operation == Operation::kRetract) return "retract";
  return operation == Operation::kAppend ? "append" : "create";
}

Result<std::unique_ptr<Reader>> open_before(Directory& store_directory, Journal& journal,
                                            Database* database, uint64_t seq) {
  Mark from;
  if (database != nullptr) {
    TRY_ASSIGN(from, position_before(*database, seq));
  }
  TRY_ASSIGN(const Mark begin, journal.begin());
  if (from.position < begin.position) from = begin;  // that place was trimmed, or none is known
  return Reader::open(store_directory, journal.store(), from);
}

}  // namespace

Result<std::optional<FoundRecord>> find_record(Directory& store_directory, Journal& journal,
                                               Database* database, uint64_t seq, const Mark& end) {
  TRY_ASSIGN(auto reader, open_before(store_directory, journal, database, seq));
  while (reader->position().seq < seq) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(end));
    if (!frame) break;
    if (frame->seq != seq) continue;
    TRY_ASSIGN(Intent intent, at_frame(*frame, decode_intent(frame->operation, frame->payload)));
    return std::optional(FoundRecord{std::move(intent), seq, frame->id, frame->time_ms});
  }
  return std::optional<FoundRecord>();
}

Result<ReceiptLookup> ReceiptLookup::open(Directory& store_directory, Journal& journal,
                                          const DatabaseFile& database_file,
                                          const std::string& own_ref) {
  ReceiptLookup lookup(store_directory, journal);
  lookup.own_ref_ = own_ref;
  auto database = open_to_read(database_file);
  // Whoever applies rebuilds a damaged one; until then the journal knows what it knew.
  if (!database && database.error().code != Code::kCorrupt) return std::move(database).error();
  if (!database || *database == nullptr) return lookup;
  TRY_ASSIGN(ReadView view, ReadView::begin(**database));
  TRY_ASSIGN(const bool known, has_engine_tables(**database));
  if (!known) return lookup;
  lookup.database_ = std::move(*database);
  lookup.view_.emplace(std::move(view));
  return lookup;
}

Result<AppliedState> ReceiptLookup::state() {
  if (database_ == nullptr) return AppliedState{};
  return read_applied_state(*database_);
}

Result<std::unique_ptr<Reader>> ReceiptLookup::reader_before(uint64_t seq) {
  return open_before(directory_, journal_, database_.get(), seq);
}

Status ReceiptLookup::read_tail() {
  if (tail_read_) return {};
  TRY_ASSIGN(const AppliedState known, state());
  TRY_ASSIGN(const Mark from, from_applied(known.applied, journal_));
  TRY_ASSIGN(auto reader, Reader::open(directory_, journal_.store(), from));
  const Mark end = journal_.durable();
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(end));
    if (!frame) break;
    TRY(tail_.take(*frame, [this](uint64_t seq) { return applied_outcome(seq); }));
  }
  tail_read_ = true;
  return {};
}

Result<std::optional<KeyEntry>> ReceiptLookup::key(std::string_view key) {
  // A record in the tail may have taken the key of one that was set aside.
  TRY(read_tail());
  if (const auto found = tail_.find_key(key)) return found;
  // It knows the keys of trimmed records too.
  if (database_ != nullptr) return find_key(*database_, key);
  std::optional<KeyEntry> entry;
  TRY_ASSIGN(const Mark begin, journal_.begin());
  TRY(visit_kept_keys(directory_, journal_.store(), 0, begin.seq,
                      [&](const KeptKeys& kept) -> Status {
                        for (const KeptRecord& record : kept.records) {
                          if (record.key == key) entry = {record.seq, record.content_hash};
                        }
                        return {};
                      }));
  return entry;
}

Result<ReceiptLookup::Progress> ReceiptLookup::progress() {
  Progress progress;
  if (database_ != nullptr) {
    TRY_ASSIGN(const AppliedState applied, read_applied_state(*database_));
    progress.applied = applied.applied.seq;
    TRY_ASSIGN(auto query, database_->prepare("SELECT ref = ?1, max(last_seq) "
                                              "FROM syncline_commits GROUP BY 1"));
    query.bind(1, std::string_view(own_ref_));
    while (true) {
      TRY_ASSIGN(const bool row, query.step());
      if (!row) break;
      uint64_t& reached = query.integer(0) != 0 ? progress.committed : progress.published;
      reached = static_cast<uint64_t>(query.integer(1));
    }
  }
  TRY(read_tail());
  for (const auto& batch : tail_.batches()) {
    progress.committed = std::max(progress.committed, batch.last_seq);
  }
  for (const auto& publish : tail_.publishes()) {
    progress.published = std::max(progress.published, publish.last_seq);
  }
  return progress;
}

Result<std::optional<int64_t>> ReceiptLookup::time_of(uint64_t seq) {
  TRY_ASSIGN(const auto found,
             find_record(directory_, journal_, database_.get(), seq, journal_.durable()));
  return found ? std::optional(found->time_ms) : std::optional<int64_t>();
}

Result<uint64_t> ReceiptLookup::bytes_after(uint64_t seq) {
  Mark known;
  if (database_ != nullptr) {
    TRY_ASSIGN(known, position_before(*database_, seq + 1));
  }
  TRY_ASSIGN(const Mark from, from_applied(known, journal_));
  const Position end = journal_.durable().position;
  if (end.segment == from.position.segment) return end.offset - from.position.offset;
  // The segments between are full, near enough: each is taken for the average of the whole log.
  TRY_ASSIGN(const uint64_t total, journal_.size_bytes());
  TRY_ASSIGN(const Mark begin, journal_.begin());
  const uint64_t segments = end.segment - begin.position.segment + 1;
  return total / segments * (end.segment - from.position.segment);
}

Result<std::optional<Outcome>> ReceiptLookup::outcome_of(uint64_t seq) {
  TRY(read_tail());
  if (const Outcome* const found = tail_.outcome(seq)) return std::optional<Outcome>(*found);
  return applied_outcome(seq);
}

Result<std::optional<Outcome>> ReceiptLookup::applied_outcome(uint64_t seq) {
  if (database_ == nullptr) return std::optional<Outcome>();
  TRY_ASSIGN(const auto outcomes, read_outcomes(*database_, seq, seq));
  if (outcomes.empty()) return std::optional<Outcome>();
  return std::optional<Outcome>(outcomes.begin()->second);
}

Receipt ReceiptLookup::receipt_of(const FoundRecord& record,
                                  const std::optional<Outcome>& outcome) const {
  const Intent& intent = record.intent;
  return make_receipt({.seq = record.seq,
                       .kind = intent.kind,
                       .key = intent.key,
                       .table = intent.table,
                       .id = record.id,
                       .time_ms = record.time_ms,
                       .path = &intent.path,
                       .retracts = intent.retracted ? intent.retracted->seq : 0},
                      outcome ? &*outcome : nullptr, stage_of(record.seq, journal_));
}

Result<Receipt> ReceiptLookup::kept_receipt(uint64_t seq, const Mark& begin) {
  TRY_ASSIGN(auto kept, find_kept_record(directory_, journal_.store(), seq));
  if (!kept) {
    return make_error(
        Code::kNotFound, fmt::format("record {} was trimmed from the journal", seq),
        fmt::format("the first one that is left is {}; the row and the file are where "
                    "they were",
                    begin.seq + 1));
  }
  Receipt receipt = make_receipt(std::move(*kept), stage_of(seq, journal_));
  TRY(add_commits(receipt));
  return receipt;
}

Status ReceiptLookup::add_commits(Receipt& receipt) {
  CommitNames names;
  if (database_ != nullptr) {
    TRY_ASSIGN(names, find_commits(*database_, receipt.seq));
  }
  TRY(read_tail());
  for (const BatchFrame& batch : tail_.batches()) {
    if (batch.first_seq <= receipt.seq && receipt.seq <= batch.last_seq) {
      names.own = batch.commit.hex();
    }
  }
  for (const PublishFrame& publish : tail_.publishes()) {
    if (names.branch.empty() && receipt.seq <= publish.last_seq) {
      names.branch = publish.commit.hex();
    }
  }
  receipt.commit = std::move(names.own);
  receipt.branch_commit = std::move(names.branch);
  return note_if_ignored(receipt);
}

Status ReceiptLookup::note_if_ignored(Receipt& receipt) {
  if (receipt.stage < Stage::kPublished) return {};
  if (!held_) {
    TRY_ASSIGN(held_, load_held_paths(directory_, journal_.store()));
  }
  note_ignored(receipt, *held_);
  return {};
}

Result<Receipt> ReceiptLookup::receipt(uint64_t seq) {
  const Mark end = journal_.durable();
  const auto missing = [&] {
    return make_error(Code::kNotFound, fmt::format("there is no record {}", seq),
                      fmt::format("the last one is {}", end.seq));
  };
  if (seq == 0 || seq > end.seq) return missing();
  TRY_ASSIGN(const Mark begin, journal_.begin());
  if (seq <= begin.seq) return kept_receipt(seq, begin);
  TRY_ASSIGN(const auto record, find_record(directory_, journal_, database_.get(), seq, end));
  if (!record) {
    // The journal may have been trimmed since it was asked for its begin.
    TRY_ASSIGN(const Mark begin_now, journal_.begin());
    return seq <= begin_now.seq ? kept_receipt(seq, begin_now) : missing();
  }
  TRY_ASSIGN(const std::optional<Outcome> outcome, outcome_of(seq));
  Receipt receipt = receipt_of(*record, outcome);
  TRY(add_commits(receipt));
  return receipt;
}

Result<uint64_t> ReceiptLookup::visit(uint64_t from_seq,
                                      const std::function<bool(LogEntry&, const Intent&)>& visit) {
  const Mark end = journal_.durable();
  TRY_ASSIGN(auto reader, reader_before(std::max<uint64_t>(from_seq, 1)));
  uint64_t next_seq = from_seq;
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(end));
    if (!frame) break;
    if (!is_record(frame->operation) || frame->seq < from_seq) continue;
    TRY_ASSIGN(Intent intent, at_frame(*frame, decode_intent(frame->operation, frame->payload)));
    const FoundRecord record{std::move(intent), frame->seq, frame->id, frame->time_ms};
    TRY_ASSIGN(const std::optional<Outcome> outcome, outcome_of(record.seq));
    LogEntry entry;
    entry.receipt = receipt_of(record, outcome);
    TRY(note_if_ignored(entry.receipt));
    entry.operation = operation_name(record.intent.operation);
    next_seq = record.seq + 1;
    if (!visit(entry, record.intent)) break;
  }
  return next_seq;
}

}  // namespace syncline
