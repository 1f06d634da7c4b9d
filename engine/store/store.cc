#include "syncline/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/config/make_intent.h"
#include "engine/place/database_place.h"
#include "engine/store/store_impl.h"
#include "engine/write/receipt.h"
#include "engine/write/stage.h"
#include "journal/base/try.h"
#include "sync/git/broken_refs.h"

namespace syncline {

namespace {

// Within this time the next of many one-shot callers has said that it is there.
constexpr int64_t kNextCallerMs = 4;
// So long a call that has its answer waits for who applies: the next call does what it leaves.
constexpr int64_t kHandPatienceMs = 1000;

}  // namespace

// ---- recording ----

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

Result<Store::Impl::Submitted> Store::Impl::make_write(const Record& record) const {
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
Result<Store::Impl::Submitted> Store::Impl::make_repetition(const Record& record,
                                                            const Error& refusal) const {
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
  TRY_ASSIGN(const Impl::Submitted submitted, impl_->make_write(record));
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

Result<Ticket> Store::submit(const Record& record, Deadline deadline) {
  TRY_ASSIGN(Impl::Submitted submitted, impl_->make_write(record));
  while (true) {
    Status room = impl_->check_backlog();
    if (room) break;
    if (room.error().code != Code::kRetryLater || impl_->clock.passed(deadline)) {
      return std::move(room).error();
    }
    const uint64_t committed = impl_->journal->watermark(Watermark::kCommitted);
    impl_->journal->wait_watermark(Watermark::kCommitted, committed + 1,
                                   impl_->clock.after_ms(200));
  }
  TRY(impl_->queue->submit(submitted.write, deadline));
  Ticket ticket;
  MutexLock lock(impl_->tickets_mutex);
  ticket.number_ = ++impl_->last_ticket;
  impl_->tickets.emplace(ticket.number_, std::move(submitted));
  return ticket;
}

Result<Receipt> Store::wait(Ticket ticket, Stage stage, Deadline deadline) {
  Impl::Submitted submitted;
  {
    MutexLock lock(impl_->tickets_mutex);
    const auto found = impl_->tickets.find(ticket.number_);
    if (found == impl_->tickets.end()) {
      return make_error(Code::kInvalid, "this ticket was waited for already");
    }
    submitted = std::move(found->second);
    impl_->tickets.erase(found);
  }
  TRY_ASSIGN(Receipt receipt, impl_->finish(submitted, stage, deadline));
  if (!receipt.duplicate || receipt.stage < Stage::kApplied) return receipt;
  TRY_ASSIGN(const std::optional<Outcome> outcome, impl_->outcome_of(receipt.seq));
  if (!outcome || !outcome->is_set_aside()) return receipt;
  return impl_->record_again(std::move(receipt), submitted, stage, deadline);
}

Result<Receipt> Store::Impl::finish(const Submitted& submitted, Stage stage, Deadline deadline) {
  const PendingWrite& write = *submitted.write;
  TRY(queue->wait(*submitted.write, deadline));
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

Status Store::lend_a_hand() {
  if (impl_->options.background || !impl_->check_writable()) return {};
  Roles& roles = *impl_->roles;
  // What another made durable or applied before it found this caller to be the last is seen by the
  // look at what is pending: it leaves it to this one.
  std::pair<uint64_t, uint64_t> seen;
  const auto reached = [&journal = *impl_->journal] {
    return std::pair(journal.durable().seq, journal.watermark(Watermark::kApplied));
  };
  const auto do_all = [&]() -> Status {
    TRY(roles.apply.try_turns_in_passing());
    seen = reached();
    TRY(roles.sync.try_turns(/*publish_now=*/false, impl_->clock.after_ms(kHandPatienceMs)));
    return {};
  };
  MutexLock lock(roles.last_caller.mutex);
  TRY_ASSIGN(bool last, roles.last_caller.is_free());
  if (last) {
    // Where calls are started one after another, the next is about to come, and then this one is
    // not the last. Waiting for it costs the caller no time: it has its answer.
    const uint64_t committed = impl_->journal->watermark(Watermark::kCommitted);
    impl_->journal->wait_watermark(Watermark::kCommitted, committed + 1,
                                   impl_->clock.after_ms(kNextCallerMs));
    TRY_ASSIGN(last, roles.last_caller.try_turns(do_all, [&] { return reached() != seen; }));
  }
  return last ? Status{} : impl_->do_what_is_due();
}

Status Store::Impl::do_what_is_due() {
  const auto behind = [this](uint64_t ahead, Watermark follower) {
    return ahead - std::min(ahead, journal->watermark(follower));
  };
  if (is_due(Moment::kApplyTurn, behind(journal->durable().seq, Watermark::kApplied))) {
    TRY(roles->apply.try_turns_in_passing());
  }
  const uint64_t unfolded = behind(journal->watermark(Watermark::kApplied), Watermark::kCommitted);
  if (roles->apply.left_files_waiting() || is_due(Moment::kSyncTurn, unfolded)) {
    TRY(roles->sync.try_turns(/*publish_now=*/false, clock.after_ms(kHandPatienceMs)));
  }
  return {};
}

bool Store::Impl::is_due(Moment last_turn, uint64_t behind) const {
  // Every call reads what is not applied, so that this much is left is what a call may cost; and
  // the backlog must not refuse what a turn would have made room for.
  constexpr uint64_t kLeftMax = 256;
  if (behind >=
      std::min({kLeftMax, config->sync.batch_records_max, config->backlog_records_max / 2})) {
    return true;
  }
  const int64_t age_ms = clock.now_ms() - journal->moment(last_turn);
  return age_ms < 0 || static_cast<uint64_t>(age_ms) >= config->sync.batch_age_ms_max;
}

Result<SyncReport> Store::sync(bool push, Deadline deadline) {
  TRY(impl_->check_writable());
  const uint64_t target = impl_->journal->durable().seq;
  const uint64_t batches_before = impl_->journal->counter(Counter::kBatches);
  const uint64_t committed_before = impl_->journal->watermark(Watermark::kCommitted);
  // One turn even where nothing is to be applied: sections that waited for git may be written now.
  if (const auto turn = impl_->roles->apply.try_turns(deadline);
      !turn && !is_database_locked(turn.error())) {
    return turn.error();
  }
  TRY(impl_->roles->apply.until(target, deadline));
  TRY(impl_->roles->sync.fold_until(target, deadline));
  TRY_ASSIGN(PublishReport published, impl_->roles->sync.publish_until(target, deadline));
  SyncReport report;
  report.waiting = std::move(published.waiting);
  report.left = std::move(published.left);
  report.republished = std::move(published.republished);
  report.ignored = published.ignored;
  if (push && report.waiting.empty()) {
    TRY_ASSIGN(report.pushed, impl_->roles->sync.push(deadline));
  }
  report.committed = impl_->journal->watermark(Watermark::kCommitted);
  report.published = impl_->journal->watermark(Watermark::kPublished);
  report.batches = impl_->journal->counter(Counter::kBatches) - batches_before;
  report.records = report.committed - std::min(report.committed, committed_before);
  return report;
}

Status Store::checkpoint() {
  TRY(impl_->check_writable());
  return impl_->roles->apply.checkpoint();
}

// ---- reading ----

std::vector<std::string> Store::take_notes() {
  std::vector<std::string> notes = std::exchange(impl_->open_notes, {});
  for (std::string& note : impl_->roles->take_notes()) notes.push_back(std::move(note));
  return notes;
}

Result<StoreStatus> Store::status() {
  StoreStatus status;
  Impl& store = *impl_;
  status.root = store.places.root;
  status.store_id = store.identity.store.hex();
  status.profile = store.config->profile;
  status.journaled = store.journal->durable().seq;
  // What is committed and published, git itself is asked; where it cannot be used, the hints and
  // the reason are shown.
  std::optional<uint64_t> due_for_sections_ms;
  // Of the branch: an index is read as a whole, and may be large.
  std::vector<std::string> tracked;
  const Status asked = store.roles->sync.read_syncer([&](Syncer& syncer) -> Status {
    status.committed = syncer.committed();
    // A store that goes on above a lost one has nothing of the lost one's to publish.
    status.published = std::max(syncer.published(), store.identity.first_seq - 1);
    TRY_ASSIGN(status.git, syncer.waiting_reason());
    status.publish_due_ms = syncer.publisher().due_in_ms(/*sections_wait=*/false);
    due_for_sections_ms = syncer.publisher().due_in_ms(/*sections_wait=*/true);
    TRY_ASSIGN(status.pushed, syncer.pusher().pushed());
    TRY_ASSIGN(status.attributes_off, syncer.attributes_off());
    TRY_ASSIGN(const HeldPaths ignored, syncer.held_paths());
    status.ignored = count_held(ignored);
    TRY_ASSIGN(const ObjectId branch, syncer.branch_tree());
    for (std::string& path : database_files(*store.config)) {
      TRY_ASSIGN(const bool held, syncer.holds(branch, path));
      if (held) tracked.push_back(std::move(path));
    }
    if (status.pushed) {
      TRY_ASSIGN(status.own_ref_waiting, syncer.own_ref_waiting_reason());
    }
    return {};
  });
  // A fetch may have shown that the remote was rewritten: receipts are to say no more than this.
  if (status.pushed && *status.pushed != store.journal->watermark(Watermark::kPushed) &&
      store.check_writable()) {
    store.journal->reset_watermark(Watermark::kPushed, *status.pushed);
  }
  if (!asked) {
    status.committed = store.journal->watermark(Watermark::kCommitted);
    status.published = store.journal->watermark(Watermark::kPublished);
    status.git = asked.error().message;
  }
  if (status.git.empty()) {
    status.git = "ok";
  } else {
    const std::string& branch =
        store.config->sync.branch.empty() ? store.identity.branch : store.config->sync.branch;
    auto broken = broken_ref(store.places.root, branch, store.platform);
    if (broken && !broken->empty()) status.git = std::move(*broken);
  }
  const std::string apply_waits = store.why_applying_waits();
  TRY_ASSIGN(ReceiptLookup records, store.lookup());
  TRY_ASSIGN(const AppliedState applied, records.state());
  status.applied = applied.applied.seq;
  status.set_aside = applied.set_aside;
  status.files_waiting = applied.files_waiting;
  if (status.files_waiting != 0) status.publish_due_ms = due_for_sections_ms;
  if (status.git != "ok" || !store.check_writable()) status.publish_due_ms.reset();
  // Which kind of I/O a long-running writer would use here: tried, not remembered.
  status.io = std::string(store.platform.make_ring(/*many_groups=*/true)->name());
  TRY_ASSIGN(status.journal_bytes, store.journal->size_bytes());
  status.notes = take_notes();
  if (!tracked.empty()) status.notes.push_back(tracked_database(tracked));
  if (!apply_waits.empty()) status.notes.push_back("applying waits: " + apply_waits);
  if (status.committed < status.applied) {
    const std::string why = store.why_committing_waits();
    if (!why.empty()) status.notes.push_back("committing waits: " + why);
  }
  store.measure(status, records);
  return status;
}

Result<Receipt> Store::show(uint64_t seq) {
  TRY_ASSIGN(ReceiptLookup records, impl_->lookup());
  TRY_ASSIGN(Receipt receipt, records.receipt(seq));
  TRY_ASSIGN(receipt.fields, impl_->fields_of(seq));
  if (receipt.stage >= Stage::kPublished) {
    // Of what is pushed the watermark knows no more than the last push did; git does.
    std::optional<uint64_t> pushed;
    const Status asked = impl_->roles->sync.read_syncer([&](Syncer& syncer) -> Status {
      TRY_ASSIGN(pushed, syncer.pusher().pushed());
      return {};
    });
    if (asked) receipt.stage = pushed && seq <= *pushed ? Stage::kPushed : Stage::kPublished;
  }
  return receipt;
}

Result<Receipt> Store::show_key(std::string_view key) {
  TRY_ASSIGN(ReceiptLookup records, impl_->lookup());
  TRY_ASSIGN(const std::optional<KeyEntry> entry, records.key(key));
  if (!entry) {
    return make_error(Code::kNotFound, fmt::format("there is no record with the key \"{}\"", key),
                      "`syncline log` lists the records and their keys");
  }
  return show(entry->seq);
}

Status Store::log(uint64_t from_seq, bool follow,
                  const std::function<bool(const LogEntry&)>& visit) {
  bool go_on = true;
  uint64_t next = std::max<uint64_t>(from_seq, 1);
  while (true) {
    {
      TRY_ASSIGN(ReceiptLookup records, impl_->lookup());
      TRY_ASSIGN(next, records.visit(next, [&](const LogEntry& entry) {
        go_on = visit(entry);
        return go_on;
      }));
    }
    if (!follow || !go_on) return {};
    while (impl_->journal->durable().seq < next) {
      // Woken when a record is applied; the limit lets the visitor's process see its signals.
      impl_->journal->wait_watermark(Watermark::kApplied, next, impl_->clock.after_ms(200));
    }
  }
}

}  // namespace syncline
