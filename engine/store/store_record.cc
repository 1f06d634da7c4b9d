// How a record gets into the journal, and how long its caller waits for it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/config/make_intent.h"
#include "engine/place/database_place.h"
#include "engine/store/store_impl.h"
#include "engine/write/receipt.h"
#include "engine/write/stage.h"
#include "journal/base/try.h"

namespace syncline {

Status Store::Impl::check_process() const {
  if (!process.is_this_process()) {
    return make_error(Code::kInvalid, "this Store was opened before a fork, by the parent",
                      "open another one in the child");
  }
  if (closed) return make_error(Code::kInvalid, "this Store is closed", "open another one");
  return {};
}

Status Store::Impl::check_writable() const {
  if (unbound) return *unbound;
  if (options.read_only || identity.read_only) {
    return make_error(Code::kReadOnly,
                      "this store takes no records: it was made by replay or backup",
                      "record into the store it was made from; `syncline restore` makes one that "
                      "takes records of it");
  }
  return {};
}

Result<Submitted> Store::Impl::make_write(const Record& record) const {
  TRY(check_writable());
  Xxh3Hash xxh3{};
  const Result<Intent> intent =
      make_intent(*config, record.kind, record.fields, record.key, identity.tag, &xxh3);
  if (!intent) return make_repetition(record, intent.error());
  PendingWritePtr write = pending_write_of(*intent);
  write->xxh3 = xxh3;
  write->config = config;
  return Submitted{std::move(write), intent->path, intent->kind};
}

// A limit may have been tightened since the record was taken: who repeats it is answered all the
// same. Anything else gets the refusal.
Result<Submitted> Store::Impl::make_repetition(const Record& record, const Error& refusal) const {
  const KindSpec* const kind = config->find_kind(record.kind);
  if (refusal.code != Code::kInvalid || record.key.empty() || kind == nullptr) return refusal;
  const Result<ContentHashes> content = content_hashes(*kind, record.fields);
  if (!content) return refusal;
  auto write = std::make_shared<PendingWrite>();
  write->key = record.key;
  write->content_hash = content->hash;
  write->xxh3 = content->xxh3;
  write->table = kind->table;
  write->id_column = kind->id_column;
  write->config = config;
  write->refusal = refusal;
  return Submitted{std::move(write), {}, kind->name};
}

Result<bool> Store::Impl::has_room_for_bytes() {
  const uint64_t bytes_max = config->backlog_bytes_max;
  const auto known = [&] {
    return backlog.leaves_room(journal->durable().position,
                               journal->watermark(Watermark::kCommitted), bytes_max);
  };
  if (const auto room = known()) return *room;
  // All threads come here at once, when the log goes on in another segment.
  MutexLock lock(backlog_look);
  if (const auto room = known()) return *room;
  const uint64_t committed = journal->watermark(Watermark::kCommitted);
  const Position durable = journal->durable().position;
  TRY_ASSIGN(ReceiptLookup records, lookup());
  TRY_ASSIGN(const uint64_t bytes, records.bytes_after(committed));
  backlog.note(durable, committed, bytes);
  return bytes < bytes_max;
}

Status Store::Impl::check_backlog() {
  const uint64_t committed = journal->watermark(Watermark::kCommitted);
  const uint64_t durable = journal->durable().seq;
  const uint64_t waiting = durable > committed ? durable - committed : 0;
  bool full = waiting >= config->backlog_records_max;
  // Bytes are asked for only where they can matter, for that takes a look into SQLite.
  if (!full && waiting >= 1024) {
    TRY_ASSIGN(const bool room, has_room_for_bytes());
    full = !room;
  }
  if (!full) return {};
  return make_error(Code::kRetryLater,
                    fmt::format("{} records wait to be committed: nothing was written", waiting),
                    "see `syncline status` for why git waits, then try again");
}

Result<Receipt> Store::record(const Record& record, Stage wait_stage, Deadline deadline) {
  TRY(impl_->check_process());
  TRY_ASSIGN(const Submitted submitted, impl_->make_write(record));
  TRY(impl_->check_backlog());
  TRY_ASSIGN(Receipt receipt, impl_->hand_over(submitted, wait_stage, deadline));
  if (!receipt.duplicate || receipt.set_aside.empty()) return receipt;
  return impl_->record_again(std::move(receipt), submitted, wait_stage, deadline);
}

Result<Receipt> Store::Impl::hand_over(const Submitted& submitted, Stage stage, Deadline deadline) {
  submitted.write->finish_by = deadline;
  TRY(queue->submit(submitted.write, deadline));
  TRY_ASSIGN(Receipt receipt, finish(submitted, stage, deadline));
  if (!receipt.duplicate) return receipt;
  // The record is durable, and every error says so by its seq.
  const auto durable = [&receipt](Error error) {
    error.seq = receipt.seq;
    return error;
  };
  Result<ReceiptLookup> records = lookup();
  if (!records) return durable(std::move(records).error());
  Result<Receipt> found = records->receipt(receipt.seq);
  // Where the record was trimmed by a program that kept no receipts, only its key is left.
  if (!found && found.error().code == Code::kNotFound) return receipt;
  if (!found) return durable(std::move(found).error());
  Receipt first = std::move(*found);
  first.duplicate = true;
  first.timed_out = receipt.timed_out;
  return first;
}

// ---- tickets ----

uint64_t Store::Impl::next_store_number() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

Ticket::Ticket() noexcept = default;
Ticket::Ticket(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Ticket::Ticket(Ticket&& other) noexcept = default;
Ticket& Ticket::operator=(Ticket&& other) noexcept = default;
Ticket::~Ticket() = default;

Result<Submitted> Store::Impl::submit(const Record& record, bool is_posted, Deadline deadline) {
  TRY_ASSIGN(Submitted submitted, make_write(record));
  submitted.write->is_posted = is_posted;
  while (true) {
    Status room = check_backlog();
    if (room) break;
    if (room.error().code != Code::kRetryLater || clock.passed(deadline)) {
      return std::move(room).error();
    }
    const uint64_t committed = journal->watermark(Watermark::kCommitted);
    journal->wait_watermark(Watermark::kCommitted, committed + 1, clock.after_ms(200));
  }
  TRY(queue->submit(submitted.write, deadline));
  return submitted;
}

Result<Ticket> Store::submit(const Record& record, Deadline deadline) {
  TRY(impl_->check_process());
  TRY_ASSIGN(Submitted submitted, impl_->submit(record, /*is_posted=*/false, deadline));
  return Ticket(std::make_unique<Ticket::State>(impl_->number, std::move(submitted), std::nullopt));
}

Status Store::post(const Record& record, Deadline deadline) {
  TRY(impl_->check_process());
  TRY_ASSIGN([[maybe_unused]] const Submitted submitted,
             impl_->submit(record, /*is_posted=*/true, deadline));
  return {};
}

Result<Receipt> Store::wait(const Ticket& ticket, Stage stage, Deadline deadline) {
  TRY(impl_->check_process());
  if (ticket.state_ == nullptr) return make_error(Code::kInvalid, "this ticket is of no record");
  Ticket::State& state = *ticket.state_;
  if (state.store != impl_->number) {
    return make_error(Code::kInvalid, "this ticket is of another store");
  }
  if (state.taken_back) return *state.taken_back;
  Result<Receipt> waited =
      impl_->wait(state.submitted, stage, deadline, WriteQueue::Late::kTakeBack);
  if (!waited && waited.error().code == Code::kTimeout && waited.error().seq == 0) {
    state.taken_back = waited.error();
  }
  return waited;
}

Status Store::on_stage(Ticket ticket, Stage stage, std::function<void(Result<Receipt>)> told,
                       Deadline deadline) {
  TRY(impl_->check_process());
  if (ticket.state_ == nullptr || ticket.state_->store != impl_->number) {
    return make_error(Code::kInvalid, "this ticket is of no record, or of another store");
  }
  return impl_->tellers.ask(stage, {.wait = [&store = *impl_, held = std::move(ticket),
                                             stage](Deadline until) -> Result<Receipt> {
                                      const Ticket::State& state = *held.state_;
                                      if (state.taken_back) return *state.taken_back;
                                      return store.wait(state.submitted, stage, until,
                                                        WriteQueue::Late::kLeave);
                                    },
                                    .told = std::move(told),
                                    .deadline = deadline});
}

Result<Receipt> Store::Impl::wait(const Submitted& submitted, Stage stage, Deadline deadline,
                                  WriteQueue::Late late) {
  TRY_ASSIGN(Receipt receipt, finish(submitted, stage, deadline, late));
  if (!receipt.duplicate || receipt.stage < Stage::kApplied) return receipt;
  TRY_ASSIGN(const std::optional<Outcome> outcome, outcome_of(receipt.seq));
  if (!outcome || !outcome->is_set_aside()) return receipt;
  return record_again(std::move(receipt), submitted, stage, deadline);
}

Result<Receipt> Store::Impl::finish(const Submitted& submitted, Stage stage, Deadline deadline,
                                    WriteQueue::Late late) {
  const PendingWrite& write = *submitted.write;
  TRY(queue->wait(*submitted.write, deadline, late));
  if (write.error) return *write.error;
  if (options.on_durable) options.on_durable(write.seq);

  // From here on the record is durable, and every error says so by its seq.
  const auto durable = [&write](Error error) {
    error.seq = write.seq;
    return error;
  };
  const Result<bool> reached = reach(write.seq, stage, deadline);
  if (!reached) return durable(reached.error());
  const Stage now = stage_of(write.seq, *journal);
  std::optional<Outcome> outcome;
  if (!write.duplicate && now >= Stage::kApplied) {
    auto known = outcome_of(write.seq);
    if (!known) return durable(std::move(known).error());
    outcome = std::move(*known);
  }
  Receipt receipt = make_receipt({.seq = write.seq,
                                  .kind = submitted.kind,
                                  .key = write.key,
                                  .table = write.table,
                                  .id = write.id,
                                  .time_ms = write.time_ms,
                                  .path = write.duplicate ? nullptr : &submitted.path},
                                 outcome ? &*outcome : nullptr, now);
  if (now >= Stage::kPublished) {
    const Status noted = note_if_ignored(receipt);
    if (!noted) return durable(noted.error());
  }
  receipt.duplicate = write.duplicate;
  receipt.timed_out = !*reached;
  return receipt;
}

// The list of what is ignored is written before the publish that leaves it out counts as published.
Status Store::Impl::note_if_ignored(Receipt& receipt) {
  const uint64_t published = journal->watermark(Watermark::kPublished);
  MutexLock lock(held_mutex);
  if (published != held_at) {
    TRY_ASSIGN(held, load_held_paths(*store_directory, journal->store()));
    held_at = published;
  }
  note_ignored(receipt, held);
  return {};
}

// Tickets are waited for more or less in order, so one query answers for many of them.
Status Store::Impl::read_outcomes_from(uint64_t seq) {
  if (outcomes_database == nullptr || outcomes_database->has_moved()) {
    TRY_ASSIGN(outcomes_database, open_to_read(database_file(places, *config)));
  }
  AppliedState state;
  if (outcomes_database != nullptr) {
    TRY_ASSIGN(state, read_applied_state(*outcomes_database));
  }
  outcomes.clear();
  outcomes_from = seq;
  outcomes_to = state.applied.seq;
  if (seq <= outcomes_to) {
    TRY_ASSIGN(outcomes, read_outcomes(*outcomes_database, seq, outcomes_to));
    return {};
  }
  // The database was begun anew after the record had been applied: the journal tells its outcome.
  outcomes_to = seq;
  TRY_ASSIGN(ReceiptLookup records, lookup());
  TRY_ASSIGN(const std::optional<Outcome> outcome, records.outcome_of(seq));
  if (outcome) outcomes.emplace(seq, *outcome);
  return {};
}

Result<std::optional<Outcome>> Store::Impl::outcome_of(uint64_t seq) {
  MutexLock lock(outcomes_mutex);
  if (seq < outcomes_from || seq > outcomes_to) {
    if (const Status read = read_outcomes_from(seq); !read) {
      outcomes_database.reset();
      outcomes_from = outcomes_to = 0;
      return read.error();
    }
  }
  const auto found = outcomes.find(seq);
  if (found == outcomes.end()) return std::optional<Outcome>();
  return std::optional<Outcome>(found->second);
}

Result<bool> Store::Impl::reach(uint64_t seq, Stage stage, Deadline deadline) {
  for (const Rung& rung : kLadder) {
    if (rung.stage > stage) break;
    if (is_reached(rung, seq, *journal)) continue;
    TRY_ASSIGN(const bool in_time, reach_next(seq, rung.stage, deadline));
    if (!in_time) return false;
  }
  return true;
}

Result<bool> Store::Impl::reach_next(uint64_t seq, Stage stage, Deadline deadline) {
  const auto in_time = [](const Status& status) -> Result<bool> {
    if (status) return true;
    if (status.error().code == Code::kTimeout) return false;
    return status.error();
  };
  switch (stage) {
    case Stage::kJournaled:
      return true;  // the writer is told of its record once that is durable
    case Stage::kApplied:
      return in_time(roles->apply.until(seq, deadline));
    case Stage::kCommitted:
      return in_time(roles->sync.fold_until(seq, deadline));
    case Stage::kPublished: {
      TRY_ASSIGN(const PublishReport report, roles->sync.publish_until(seq, deadline));
      return report.waiting.empty();
    }
    case Stage::kPushed:
      TRY(roles->sync.push(deadline));
      return true;
  }
  return true;
}
}  // namespace syncline
