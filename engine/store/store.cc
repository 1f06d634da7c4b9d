#include "syncline/store.h"

#include <fmt/format.h>

#include <cerrno>

#include <algorithm>
#include <filesystem>

#include "engine/config/make_intent.h"
#include "engine/place/database_place.h"
#include "engine/projection/database_claims.h"
#include "engine/projection/database_replacement.h"
#include "engine/store/store_impl.h"
#include "engine/write/receipt.h"
#include "engine/write/stage.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/own/own_claims.h"

namespace syncline {

// ---- open ----

Result<std::string> Store::discover(const std::string& start) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path at = fs::canonical(start, error);
  if (error) return errno_error(error.value(), fmt::format("opening {}", start));
  while (true) {
    if (const auto places = find_places(at.string(), system_store_platform());
        places && fs::exists(fs::path(places->store_dir) / kIdentityFile, error)) {
      return places->root;
    }
    if (at == at.parent_path()) break;
    at = at.parent_path();
  }
  return make_error(Code::kNoStore, fmt::format("no store at {} or above it", start),
                    "make one with `syncline init`, or name one with --store");
}

// The work tree's file, or, where the person has a branch checked out that lacks it, the one that
// was journalled last.
Result<std::shared_ptr<const Config>> load_config(const StorePlaces& places,
                                                  Directory& store_directory) {
  TRY_ASSIGN(auto root, places.platform->open_directory(places.root));
  Result<std::string> text = read_file(*root, kConfigFile, 1u << 20);
  if (!text && text.error().code == Code::kNotFound) {
    text = read_file(store_directory, kConfigCopyFile, 1u << 20);
  }
  if (!text) return std::move(text).error();
  TRY_ASSIGN(Config config, parse_config(std::move(*text)));
  TRY(check_tables(config));
  return std::make_shared<const Config>(std::move(config));
}

namespace {
// Nothing of one that knows nothing.
Result<std::vector<DurableClaim>> look_at_database(const DatabaseFile& file, const StoreId& store,
                                                   const std::string& name) {
  TRY_ASSIGN(const auto database, open_to_read(file));
  if (database == nullptr) return std::vector<DurableClaim>();
  return database_claims(*database, store, name);
}

// The journal does not hold what was acknowledged. Every verb that opens the store says so, and
// what can be done about it.
Error journal_refused(Error error) {
  if (error.code == Code::kNotFound) {
    error = make_error(Code::kCorrupt, "segment 1 offset 0: the journal is lost: " + error.message);
  }
  if (error.code != Code::kCorrupt) return error;
  if (error.sys_errno == EIO) {
    error.hint =
        "nothing was changed; check the disk and the system's log: once it gives the bytes again, "
        "nothing is lost; if it never does, `syncline repair` puts back what is known elsewhere";
    return error;
  }
  error.hint =
      "nothing was changed; `syncline repair` puts back what is still known elsewhere; for the "
      "rest put .git/syncline/journal back from a backup, or go on without it: `syncline repair "
      "--accept-loss`";
  return error;
}
}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& root, StoreOptions options) {
  auto impl = std::make_unique<Impl>(options);
  TRY_ASSIGN(impl->places, find_places(root, impl->platform));
  TRY(check_owner(impl->places));
  TRY_ASSIGN(impl->common_directory, impl->platform.open_directory(impl->places.common_dir));
  auto store_directory = impl->platform.open_directory(impl->places.store_dir);
  if (!store_directory) {
    if (store_directory.error().code != Code::kNotFound) return std::move(store_directory).error();
    return make_error(Code::kNoStore, fmt::format("{} is not a store", impl->places.root),
                      "make it one with `syncline init`");
  }
  impl->store_directory = std::move(*store_directory);
  auto identity = read_identity(*impl->store_directory);
  if (!identity && identity.error().code == Code::kNotFound) {
    return make_error(Code::kNoStore, fmt::format("{} is not a store", impl->places.root),
                      "make it one with `syncline init`");
  }
  if (!identity) return std::move(identity).error();
  impl->identity = std::move(*identity);
  if (!impl->identity.ready && !impl->identity.kept.empty()) {
    return make_error(Code::kDisagree, "giving up what this store has lost was interrupted",
                      "run `syncline repair --accept-loss` again: it goes on where it stopped");
  }
  if (!impl->identity.ready) {
    return make_error(Code::kNoStore, "making this store was interrupted",
                      "run `syncline init` again: it goes on where it stopped");
  }
  TRY(check_identity(impl->identity, *impl->common_directory));
  TRY_ASSIGN(impl->config, load_config(impl->places, *impl->store_directory));
  TRY(check_known_database(impl->identity, *impl->store_directory, *impl->config));

  const DatabaseFile database = database_file(impl->places, *impl->config);
  TRY_ASSIGN(std::vector<DurableClaim> claims,
             own_claims(impl->places.common_dir, *impl->common_directory, *impl->store_directory,
                        impl->identity.store, impl->platform));
  bool database_damaged = false;
  TRY_ASSIGN(const bool database_there, impl->platform.is_there(database.path));
  if (const auto copy = impl->store_directory->info(kDatabaseCopy); copy) {
    database_damaged = true;  // its replacement was begun, and is finished below
  } else if (copy.error().code != Code::kNotFound) {
    return copy.error();
  } else if (database_there) {
    const auto known = look_at_database(database, impl->identity.store, impl->config->database);
    if (known) {
      claims.insert(claims.end(), known->begin(), known->end());
    } else if (known.error().code == Code::kCorrupt) {
      database_damaged = true;  // it claims nothing, and is rebuilt below
    } else {
      return known.error();
    }
  }
  JournalOptions journal_options;
  journal_options.segment_bytes_max = impl->config->segment_bytes_max;
  journal_options.open_deadline = options.open_deadline;
  if (!options.background) {
    // Started fifty at a time, one-shot commands reach this point milliseconds apart.
    journal_options.gather_quiet_ns = 4'000'000;
    journal_options.gather_ns_max = 20'000'000;
  }
  // A one-shot command appends one group: setting a ring up costs more than it could save.
  auto ring = impl->platform.make_ring(/*many_groups=*/options.background);
  auto journal = Journal::open(*impl->store_directory, impl->identity.store, impl->clock,
                               std::move(ring), journal_options, claims);
  if (!journal) return journal_refused(std::move(journal).error());
  impl->journal = std::move(*journal);
  // From here on nobody can set the store aside. Until here somebody could have.
  TRY_ASSIGN(const Identity now, read_identity(*impl->store_directory));
  if (now.store != impl->identity.store || !now.ready) {
    return make_error(Code::kRetryLater, "the store was given another identity meanwhile",
                      "run the command again");
  }
  const RecoveryReport& recovery = impl->journal->recovery();
  if (recovery.torn) {
    impl->open_notes.push_back(fmt::format(
        "a torn tail of {} bytes was cut at segment {} offset {}: nothing acknowledged was in it",
        recovery.torn_bytes, recovery.torn_at.segment, recovery.torn_at.offset));
  }
  if (recovery.abandoned) {
    impl->open_notes.push_back(
        "a flush had failed or was interrupted: its segment was left, what it held was copied");
  }
  impl->roles = std::make_unique<Roles>(impl->places, impl->identity, impl->config,
                                        *impl->store_directory, *impl->journal, impl->clock);
  if (database_damaged && !options.read_only) TRY(impl->roles->apply.rebuild_database());
  if (recovery.alone) TRY(impl->restore_watermarks());

  WriteQueueOptions queue_options;
  queue_options.id_floor = impl->identity.id_floor;
  // A group lies in one segment: small segments want small groups.
  queue_options.group_bytes_max =
      std::min(queue_options.group_bytes_max, impl->config->segment_bytes_max);
  queue_options.on_durable = [raw = impl.get()] { raw->wake_apply(); };
  impl->queue = std::make_unique<WriteQueue>(impl->platform, *impl->store_directory, *impl->journal,
                                             database, std::move(queue_options));
  if (options.background) TRY(impl->start_background());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

const Config& Store::config() const {
  return *impl_->config;
}

Status Store::Impl::restore_watermarks() {
  TRY_ASSIGN(Lookup records, lookup());
  TRY_ASSIGN(const Lookup::Progress progress, records.progress());
  journal->set_watermark(Watermark::kApplied, progress.applied);
  journal->set_watermark(Watermark::kCommitted, progress.committed);
  journal->set_watermark(Watermark::kPublished, progress.published);
  return {};
}

// ---- recording ----

Status Store::Impl::check_writable() const {
  if (options.read_only || identity.read_only) {
    return make_error(Code::kReadOnly, "this store takes no records: it was made by replay",
                      "record into the store it was made from");
  }
  return {};
}

Result<Store::Impl::Submitted> Store::Impl::make_write(const Record& record) const {
  TRY(check_writable());
  Xxh3Hash xxh3{};
  TRY_ASSIGN(const Intent intent,
             make_intent(*config, record.kind, record.fields, record.key, identity.tag, &xxh3));
  auto write = std::make_shared<PendingWrite>();
  write->xxh3 = xxh3;
  write->operation = intent.operation;
  write->payload = encode_intent(intent);
  write->payload_hash = hash_payload(write->payload);
  write->key = intent.key;
  write->content_hash = intent.content_hash;
  write->table = intent.table;
  write->id_column = intent.id_column;
  write->config = config;
  return Submitted{std::move(write), intent.path, intent.kind};
}

Status Store::Impl::check_backlog() {
  const uint64_t journaled = journal->durable().seq;
  const uint64_t committed = journal->watermark(Watermark::kCommitted);
  const uint64_t waiting = journaled > committed ? journaled - committed : 0;
  bool full = waiting >= config->backlog_records_max;
  if (!full && waiting >= 1024) {
    // Bytes are asked for only where they can matter: the answer takes a look into SQLite.
    TRY_ASSIGN(Lookup records, lookup());
    TRY_ASSIGN(const uint64_t bytes, records.bytes_after(committed));
    full = bytes >= config->backlog_bytes_max;
  }
  if (!full) return {};
  return make_error(Code::kRetryLater,
                    fmt::format("{} records wait to be committed: nothing was written", waiting),
                    "see `syncline status` for why git waits, then try again");
}

Result<Receipt> Store::record(const Record& record, Stage wait_stage, Deadline deadline) {
  TRY(impl_->check_writable());
  TRY(impl_->check_backlog());
  TRY_ASSIGN(const Ticket ticket, submit(record, deadline));
  TRY_ASSIGN(Receipt receipt, wait(ticket, wait_stage, deadline));
  if (!receipt.duplicate) return receipt;
  TRY_ASSIGN(Lookup records, impl_->lookup());
  Result<Receipt> found = records.receipt(receipt.seq);
  // Of a record that was trimmed by a program that kept no receipts the key is all that is left.
  if (!found && found.error().code == Code::kNotFound) return receipt;
  if (!found) return std::move(found).error();
  Receipt first = std::move(*found);
  first.duplicate = true;
  first.timed_out = receipt.timed_out;
  return first;
}

Result<Ticket> Store::submit(const Record& record, Deadline deadline) {
  TRY_ASSIGN(Impl::Submitted submitted, impl_->make_write(record));
  Ticket ticket;
  {
    MutexLock lock(impl_->tickets_mutex);
    ticket.number_ = ++impl_->last_ticket;
  }
  // The backlog is looked at now and then: it is a limit of a million, not a promise to the record.
  constexpr uint64_t kBacklogLookEvery = 256;
  while (ticket.number_ % kBacklogLookEvery == 0) {
    const Status room = impl_->check_backlog();
    if (room) break;
    if (room.error().code != Code::kRetryLater || impl_->clock.passed(deadline)) {
      return std::move(room).error();
    }
    const uint64_t committed = impl_->journal->watermark(Watermark::kCommitted);
    impl_->journal->wait_watermark(Watermark::kCommitted, committed + 1,
                                   impl_->clock.after_ms(200));
  }
  TRY(impl_->queue->submit(submitted.write, deadline));
  MutexLock lock(impl_->tickets_mutex);
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
  const PendingWrite& write = *submitted.write;
  TRY(impl_->queue->wait(submitted.write, deadline));
  if (write.error) return *write.error;
  if (impl_->options.on_durable) impl_->options.on_durable(write.seq);

  // From here on the record is durable, and every error says so.
  const auto durable = [&write](Error error) {
    error.seq = write.seq;
    return error;
  };
  const Result<bool> reached = impl_->reach(write.seq, stage, deadline);
  if (!reached) return durable(reached.error());
  const Stage now = stage_of(write.seq, *impl_->journal);
  std::optional<Outcome> outcome;
  if (!write.duplicate && now >= Stage::kApplied) {
    auto known = impl_->outcome_of(write.seq);
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
  receipt.duplicate = write.duplicate;
  receipt.timed_out = !*reached;
  return receipt;
}

// Tickets are waited for in order, near enough, so one query answers for many of them.
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
  // The database has been begun anew since the record was applied: the journal tells.
  outcomes_to = seq;
  TRY_ASSIGN(Lookup records, lookup());
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
  TRY(impl_->roles->apply.try_turns());
  TRY(impl_->roles->sync.try_turns(/*publish_now=*/false));
  return {};
}

Result<SyncReport> Store::sync(bool push, Deadline deadline) {
  TRY(impl_->check_writable());
  const uint64_t target = impl_->journal->durable().seq;
  const uint64_t batches_before = impl_->journal->counter(Counter::kBatches);
  const uint64_t committed_before = impl_->journal->watermark(Watermark::kCommitted);
  // A turn even where nothing is to be applied: sections that waited for git may be written now.
  TRY(impl_->roles->apply.try_turns());
  TRY(impl_->roles->apply.until(target, deadline));
  TRY(impl_->roles->sync.fold_until(target, deadline));
  TRY_ASSIGN(PublishReport published, impl_->roles->sync.publish_until(target, deadline));
  SyncReport report;
  report.waiting = std::move(published.waiting);
  report.left = std::move(published.left);
  report.republished = std::move(published.republished);
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
  // The truth of git is asked of git; where it cannot be used, the hints and the reason are shown.
  const Status asked = store.roles->sync.read_syncer([&](Syncer& syncer) -> Status {
    status.committed = syncer.committed();
    // A store that goes on above a lost one has nothing of that to publish.
    status.published = std::max(syncer.published(), store.identity.first_seq - 1);
    TRY_ASSIGN(status.git, syncer.waiting_reason());
    TRY_ASSIGN(status.pushed, syncer.pusher().pushed());
    return {};
  });
  if (!asked) {
    status.committed = store.journal->watermark(Watermark::kCommitted);
    status.published = store.journal->watermark(Watermark::kPublished);
    status.git = asked.error().message;
  }
  if (status.git.empty()) status.git = "ok";
  std::string apply_waits;
  if (store.journal->watermark(Watermark::kApplied) < status.journaled && store.check_writable()) {
    // Why, only a try tells.
    if (const auto tried = store.roles->apply.try_turns(); !tried) {
      apply_waits =
          fmt::format("applying waits: {}; {}", tried.error().message, tried.error().hint);
    }
  }
  TRY_ASSIGN(Lookup records, store.lookup());
  TRY_ASSIGN(const AppliedState applied, records.state());
  status.applied = applied.applied.seq;
  status.set_aside = applied.set_aside;
  status.files_waiting = applied.files_waiting;
  // Which way a long-running writer would take here: tried, not remembered.
  status.io = std::string(store.platform.make_ring(/*many_groups=*/true)->name());
  TRY_ASSIGN(status.journal_bytes, store.journal->size_bytes());
  status.appends = store.journal->counter(Counter::kAppends);
  status.flushes = store.journal->counter(Counter::kFlushes);
  status.flush_failures = store.journal->counter(Counter::kFlushFailures);
  status.batches = store.journal->counter(Counter::kBatches);
  status.publishes = store.journal->counter(Counter::kPublishes);
  status.retries = store.journal->counter(Counter::kRetries);
  status.notes = take_notes();
  if (!apply_waits.empty()) status.notes.push_back(std::move(apply_waits));
  return status;
}

Result<Receipt> Store::show(uint64_t seq) {
  TRY_ASSIGN(Lookup records, impl_->lookup());
  return records.receipt(seq);
}

Result<Receipt> Store::show_key(std::string_view key) {
  TRY_ASSIGN(Lookup records, impl_->lookup());
  TRY_ASSIGN(const std::optional<KeyEntry> entry, records.key(key));
  if (!entry) {
    return make_error(Code::kNotFound, fmt::format("there is no record with the key \"{}\"", key),
                      "`syncline log` lists the records and their keys");
  }
  return records.receipt(entry->seq);
}

Status Store::log(uint64_t from_seq, bool follow,
                  const std::function<bool(const LogEntry&)>& visit) {
  bool go_on = true;
  uint64_t next = std::max<uint64_t>(from_seq, 1);
  while (true) {
    {
      TRY_ASSIGN(Lookup records, impl_->lookup());
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
