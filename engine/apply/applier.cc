#include "engine/apply/applier.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/apply/applier_impl.h"
#include "engine/config/config.h"
#include "engine/projection/database_replacement.h"
#include "engine/projection/schema.h"
#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/contents/kept_keys.h"

namespace syncline {
namespace {

// How often a step is redone because people change the paths it writes to, before it gives up.
constexpr int kRedoMax = 8;

}  // namespace

void ControlGroup::add(Operation operation, ByteVector payload) {
  payloads_.emplace_back(operation, std::move(payload));
}

Result<Appended> ControlGroup::append(AppendTurn& turn, Clock& clock) {
  std::vector<NewFrame> frames;
  frames.reserve(payloads_.size());
  const int64_t time_ms = std::max(clock.now_ms(), turn.last_time_ms());
  for (const auto& [operation, payload] : payloads_) {
    frames.push_back({.operation = operation,
                      .time_ms = time_ms,
                      .payload = payload,
                      .payload_hash = hash_payload(payload)});
  }
  return turn.append(frames);
}

Applier::Impl::Impl(Directory& store_directory, Journal& journal_, Clock& clock_,
                    std::unique_ptr<Directory> work_tree_, ApplierOptions options_)
    : store(store_directory),
      journal(journal_),
      clock(clock_),
      work_tree(std::move(work_tree_)),
      options(std::move(options_)),
      parents(*work_tree),
      files(parents, clock),
      sections(parents),
      ahead(store_directory, journal_) {}

Applier::Applier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Applier::~Applier() = default;

Result<std::unique_ptr<Applier>> Applier::open(Directory& store_directory, Journal& journal,
                                               Clock& clock, std::unique_ptr<Directory> work_tree,
                                               ApplierOptions options) {
  SYNCLINE_ASSERT(work_tree != nullptr && options.batch_records_max > 0);
  auto impl = std::make_unique<Impl>(store_directory, journal, clock, std::move(work_tree),
                                     std::move(options));
  TRY(impl->open_database());
  return std::unique_ptr<Applier>(new Applier(std::move(impl)));
}

// A database of which the folder is gone begins anew as one that is gone itself.
Status Applier::Impl::make_database_folder() {
  const std::string root = options.work_tree + "/";
  if (!options.database_path.starts_with(root)) return {};
  const std::string below = options.database_path.substr(root.size());
  const size_t slash = below.rfind('/');
  return slash == std::string::npos ? Status()
                                    : work_tree->make_directories(below.substr(0, slash));
}

Status Applier::Impl::open_database() {
  projection.reset();
  rows.reset();
  database.reset();
  reader.reset();
  ahead.reset();
  TRY(make_database_folder());
  const DatabaseFile file(options.database_path, options.sqlite_vfs, options.work_tree);
  TRY_ASSIGN(database, Database::open(file, Database::Access::kWrite));

  TRY_ASSIGN(const bool known, database->has_table("syncline_meta"));
  const auto suspect = store.info(kDatabaseSuspect);
  if (suspect && known) {
    return make_error(Code::kCorrupt, "a sync of the database failed: what it holds is not known",
                      "it is moved aside and rebuilt from the journal");
  }
  if (!suspect && suspect.error().code != Code::kNotFound) return suspect.error();
  if (suspect) TRY(store.remove_file(kDatabaseSuspect));

  TRY_ASSIGN(Transaction transaction, Transaction::begin(*database));
  TRY(check_identity());
  for (const auto& [table, ddl] : options.ddl) TRY(create_table(table, ddl));
  TRY(transaction.commit());

  rows = std::make_unique<RowApplier>(*database);
  TRY_ASSIGN(projection, ProjectionWriter::prepare(*database));
  return read_marks();
}

// Creates the engine's tables, or sees that those there are this journal's projection; sets the
// watermark where there is none, or the journal no longer reaches back to it.
Status Applier::Impl::check_identity() {
  // Somebody dropped one of them: what the others say of the watermark is not true any more.
  TRY_ASSIGN(const bool whole, has_engine_tables(*database));
  if (!whole) TRY(drop_engine_tables(*database));
  TRY(create_engine_tables(*database));
  const std::string store_id = journal.store().hex();
  TRY_ASSIGN(auto projected, read_meta_text(*database, "store"));
  if (projected && *projected != store_id) {
    if (!options.take_over_database) {
      return make_error(Code::kDisagree,
                        fmt::format("{} is the projection of store {}, not of {}",
                                    options.database_path, *projected, store_id),
                        "put the store's own database back, or move this one away: it is rebuilt "
                        "from the journal");
    }
    TRY(drop_engine_tables(*database));
    TRY(create_engine_tables(*database));
    projected.reset();
  }
  if (!projected) TRY(write_meta_text(*database, "store", store_id));

  TRY_ASSIGN(const auto mark, read_applied_mark(*database));
  TRY_ASSIGN(const Mark begin, journal.begin());
  if (mark && mark->seq > std::max(journal.end().seq, journal.durable().seq)) {
    return make_error(Code::kDisagree,
                      fmt::format("the database has applied {} records, the journal ends at {}",
                                  mark->seq, journal.end().seq),
                      "the journal has lost records, or is an older copy: restore it");
  }
  const uint64_t seq = mark ? mark->seq : 0;
  if (seq < begin.seq) TRY(project_kept_keys(seq, begin.seq));
  // A mark whose segment was trimmed stays where nothing behind it is missing: the reader knows.
  if (!mark || seq < begin.seq) TRY(write_applied_mark(*database, begin));
  return {};
}

// Keys and ids of records that the journal no longer holds: a retry must still find its first
// record, and no id may come twice.
Status Applier::Impl::project_kept_keys(uint64_t after_seq, uint64_t last_seq) {
  TRY_ASSIGN(const auto writer, ProjectionWriter::prepare(*database));
  return visit_kept_keys(store, journal.store(), after_seq, last_seq,
                         [&](const KeptKeys& kept) -> Status {
                           std::vector<ProjectionWriter::Key> keys;
                           for (const KeptRecord& record : kept.records) {
                             keys.push_back({record.key, record.seq, &record.content_hash});
                           }
                           TRY(writer->add_keys(std::move(keys)));
                           for (const auto& [table, id] : kept.last_ids)
                             TRY(writer->raise_id(table, id));
                           return {};
                         });
}

Status Applier::Impl::refresh() {
  if (database == nullptr || database->has_moved()) return open_database();
  if (database->sync_failed()) {
    return make_error(Code::kCorrupt, "a sync of the database failed: what it holds is not known",
                      "it is moved aside and rebuilt from the journal");
  }
  // Somebody dropped our tables: they are begun anew, and filled from the journal.
  TRY_ASSIGN(const bool known, has_engine_tables(*database));
  if (!known) return open_database();
  return read_marks();
}

Status Applier::Impl::read_marks() {
  TRY_ASSIGN(const auto mark, read_applied_mark(*database));
  if (!mark) return make_error(Code::kCorrupt, "the database has lost its applied watermark");
  TRY_ASSIGN(const auto synced, read_meta(*database, "files_synced"));
  applied = *mark;
  files_synced = static_cast<uint64_t>(synced.value_or(0));
  return {};
}

// A failed sync of the database is told to whoever opens the store next, however this ends.
Status Applier::Impl::note_damage(Error& error) {
  if (!database->sync_failed()) return {};
  error.code = Code::kRetryLater;  // nothing is damaged that the journal would not make again
  error.hint = "the database is moved aside and rebuilt from the journal";
  return replace_file(store, kDatabaseSuspect, as_bytes(error.message));
}

Result<ApplyReport> Applier::Impl::step(std::optional<uint64_t> stop_after_seq) {
  int redone = 0;
  size_t refused = 0;
  while (true) {
    auto done = try_step(stop_after_seq);
    parents.clear();
    if (done && *done) {
      rolled_back.clear();
      return std::move(**done);
    }
    // Rolled back: reader and look-ahead stand where the database does not.
    reader.reset();
    ahead.reset();
    if (!done) return std::move(done).error();
    if (rolled_back.size() > refused) {
      refused = rolled_back.size();  // each such redo sets one record aside
    } else if (++redone >= kRedoMax) {
      return make_error(Code::kBusy, "the work tree keeps changing under what is to be written");
    }
  }
}

Result<std::optional<ApplyReport>> Applier::Impl::try_step(std::optional<uint64_t> stop_after_seq) {
  TRY(refresh());
  // A hint above the database's watermark is of one that was lost: whoever waits must not believe
  // it. Set back under apply.lock, so nobody raises it meanwhile.
  if (journal.watermark(Watermark::kApplied) > applied.seq) {
    journal.reset_watermark(Watermark::kApplied, applied.seq);
  }
  // One below it was never told: who opened the store alone and emptied the hints died before that,
  // or has not come to it yet.
  journal.set_watermark(Watermark::kApplied, applied.seq);
  if (options.journal_outcomes) TRY(journal.flush_all());
  TRY(ahead.scan(applied));
  if (options.journal_outcomes) TRY(write_waiting());

  ApplyReport report{.applied = applied};
  TRY_ASSIGN(Batch batch, read_batch(stop_after_seq));
  report.more = !batch.reached_end;
  if (batch.to == batch.from) return std::optional<ApplyReport>(report);

  TRY_ASSIGN(Transaction transaction, Transaction::begin(*database));
  TRY_ASSIGN(const auto mark, read_applied_mark(*database));
  if (mark != applied) return std::optional<ApplyReport>();
  for (const BatchControl& control : batch.controls) {
    if (control.operation == Operation::kConfig) TRY(create_tables(control));
  }
  std::optional<Appended> journalled;
  TRY_ASSIGN(const bool rows_done, apply_rows(batch, journalled));
  if (!rows_done) return std::optional<ApplyReport>();

  TRY_ASSIGN(const auto to_write, choose_sections(batch));
  TRY_ASSIGN(const auto planned, sections.plan(to_write));
  if (!planned) return std::optional<ApplyReport>();
  TRY(journal_decisions(batch, planned->offsets, journalled));

  TRY_ASSIGN(const bool files_done, write_files(batch));
  if (!files_done) return std::optional<ApplyReport>();

  TRY(project(batch, planned->offsets));
  TRY(transaction.commit());

  applied = batch.to;
  ahead.set_applied(applied);
  journal.set_watermark(Watermark::kApplied, applied.seq);
  report.applied = applied;
  report.records = batch.records.size();
  for (const BatchRecord& record : batch.records) {
    report.set_aside += record.is_set_aside() ? 1 : 0;
    report.rebound += record.outcome && !record.is_set_aside() ? 1 : 0;
  }
  if (database->wal_bytes() > options.wal_bytes_max) {
    if (auto done = database->checkpoint_passive(); !done) {
      Error error = std::move(done).error();
      TRY(note_damage(error));
      return error;
    }
  }
  return std::optional<ApplyReport>(report);
}

Result<Batch> Applier::Impl::read_batch(std::optional<uint64_t> stop_after_seq) {
  if (reader == nullptr || reader->position() != applied) {
    TRY_ASSIGN(reader, Reader::open(store, journal.store(), applied));
  }
  Batch batch{.from = applied, .to = applied};
  const Mark durable = journal.durable();
  uint64_t bytes = 0;
  while (batch.records.size() < options.batch_records_max && bytes < options.batch_bytes_max) {
    TRY_ASSIGN(const auto frame, reader->next(durable));
    if (!frame || (stop_after_seq && frame->seq > *stop_after_seq)) {
      // A frame read beyond the stop is read again.
      if (frame) reader.reset();
      batch.reached_end = true;
      return batch;
    }
    bytes += frame->payload.size();
    TRY(decode(*frame, batch));
    batch.to = reader->position();
  }
  batch.reached_end = batch.to == durable;
  return batch;
}

Status Applier::Impl::decode(const FrameView& frame, Batch& batch) {
  switch (frame.operation) {
    case Operation::kCreate:
    case Operation::kAppend: {
      TRY_ASSIGN(Intent intent, at_frame(frame, decode_intent(frame.operation, frame.payload)));
      BatchRecord& record = batch.records.emplace_back();
      record.intent = std::move(intent);
      record.decided_id = frame.id;
      record.time_ms = frame.time_ms;
      const Outcome* const outcome = ahead.tail().outcome(frame.seq);
      if (outcome != nullptr) {
        record.outcome = *outcome;
        std::vector<uint64_t> ids = {frame.id};
        std::ranges::copy(ahead.tail().earlier_ids(frame.seq), std::back_inserter(ids));
        record.abandoned =
            abandoned_effects(record.intent, frame.seq, frame.time_ms, *outcome, ids);
      }
      record.effects =
          render_effects(record.intent, frame.seq, EffectIds(frame.id, outcome), frame.time_ms);
      return {};
    }
    case Operation::kConfig:
    case Operation::kRebind:
    case Operation::kSetAside:
    case Operation::kAppendOffsets:
    case Operation::kBatch:
    case Operation::kPublish:
    case Operation::kCheckpoint:
      batch.controls.push_back({frame.operation, frame.position,
                                ByteVector(frame.payload.begin(), frame.payload.end())});
      return {};
    default:
      return make_error(
          Code::kUnsupported,
          fmt::format("record {} (segment {:016x}, offset {}) is an operation {} that "
                      "this program does not know",
                      frame.seq, frame.position.segment, frame.position.offset,
                      static_cast<int>(frame.operation)),
          "a newer syncline wrote it: use that one");
  }
}

Status Applier::Impl::create_tables(const BatchControl& control) {
  TRY_ASSIGN(ConfigFrame frame, decode_config(control.payload));
  TRY_ASSIGN(const Config config, parse_config(std::move(frame.text)));
  for (const KindSpec& kind : config.kinds) TRY(create_table(kind.table, kind.create_table));
  return {};
}

// Where SQLite refuses the statement, records of the kind are set aside with its reason and those
// of others go on.
Status Applier::Impl::create_table(const std::string& table, const std::string& ddl) {
  auto created = create_kind_table(*database, table, ddl);
  if (created) return {};
  if (created.error().code != Code::kInvalid || !database->in_transaction()) return created;
  ddl_failures.insert_or_assign(table, created.error().message);
  return {};
}

Result<ApplyReport> Applier::step(std::optional<uint64_t> stop_after_seq) {
  return impl_->step(stop_after_seq);
}

Mark Applier::applied() const {
  return impl_->applied;
}
Status Applier::refresh() {
  return impl_->refresh();
}
uint64_t Applier::files_synced() const {
  return impl_->files_synced;
}
Database& Applier::database() {
  return *impl_->database;
}
bool Applier::checkpoint_due() const {
  return impl_->applied.seq - std::min(impl_->applied.seq, impl_->files_synced) >=
         impl_->options.checkpoint_records_max;
}

}  // namespace syncline
