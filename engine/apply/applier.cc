#include "engine/apply/applier.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/apply/apply_context.h"
#include "engine/apply/apply_step.h"
#include "engine/apply/checkpoint.h"
#include "engine/apply/file_recheck.h"
#include "engine/apply/waiting_files.h"
#include "engine/projection/projection.h"
#include "journal/base/assert.h"
#include "journal/base/try.h"

namespace syncline {

struct Applier::Impl {
  Impl(Directory& store_directory, Journal& journal, Clock& clock,
       std::unique_ptr<Directory> work_tree, ApplierOptions options)
      : context(store_directory, journal, clock, std::move(work_tree), std::move(options)),
        waiting(context),
        recheck(context),
        checkpoint(context, recheck) {}

  Result<ApplyReport> step(std::optional<uint64_t> stop_after_seq);
  Status restore_rows(std::vector<uint64_t> seqs);
  Result<std::vector<std::string>> put_back_row(uint64_t seq);
  Result<std::string> refusal_of(const Intent& intent, std::optional<uint64_t> id);

  ApplyContext context;
  WaitingFiles waiting;
  FileRecheck recheck;
  Checkpoint checkpoint;
  RolledBack rolled_back;
};

Applier::Applier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Applier::~Applier() = default;

Result<std::unique_ptr<Applier>> Applier::open(Directory& store_directory, Journal& journal,
                                               Clock& clock, std::unique_ptr<Directory> work_tree,
                                               ApplierOptions options) {
  SYNCLINE_ASSERT(work_tree != nullptr && options.batch_records_max > 0);
  auto impl = std::make_unique<Impl>(store_directory, journal, clock, std::move(work_tree),
                                     std::move(options));
  TRY(impl->context.open_database());
  return std::unique_ptr<Applier>(new Applier(std::move(impl)));
}

Result<ApplyReport> Applier::Impl::step(std::optional<uint64_t> stop_after_seq) {
  int redone = 0;
  size_t refused = 0;
  while (true) {
    ApplyStep attempt(context, rolled_back, stop_after_seq);
    auto done = attempt.run();
    context.parents.clear();
    if (done && *done == Attempt::kDone) {
      rolled_back.clear();
      return attempt.report();
    }
    // The transaction was rolled back: reader and unapplied log are beyond the database.
    context.reader.reset();
    context.ahead.reset();
    if (!done) return std::move(done).error();
    if (rolled_back.size() > refused) {
      refused = rolled_back.size();  // each such redo sets one record aside
    } else if (++redone >= kAttemptsMax) {
      return keeps_changing();
    }
  }
}

Status Applier::Impl::restore_rows(std::vector<uint64_t> seqs) {
  TRY(context.refresh());
  std::ranges::sort(seqs);
  if (seqs.empty()) return {};
  return visit_applied(
      context, seqs.front(), seqs.back(),
      [&](uint64_t seq) { return std::ranges::binary_search(seqs, seq); },
      [&](const std::vector<AppliedRecord>& records) -> Status {
        TRY_ASSIGN(Transaction transaction, Transaction::begin(*context.database));
        for (const auto& [intent, effects, abandoned] : records) {
          if (effects.table.empty() || effects.retracted) continue;
          // Whatever row has the id stays; a row that the table refuses stays missing.
          TRY_ASSIGN(const RowResult row, context.rows->insert(intent, effects));
          if (row.kind == RowResult::Kind::kRolledBack) {
            return make_error(Code::kInvalid,
                              fmt::format("record {}: {}", effects.seq, row.reason));
          }
        }
        return transaction.commit();
      });
}

namespace {

std::string text_of(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  if (const auto* text = std::get_if<std::string>(&value)) return fmt::format("'{}'", *text);
  return "NULL";
}

}  // namespace

Result<std::vector<std::string>> Applier::Impl::put_back_row(uint64_t seq) {
  TRY(context.refresh());
  std::vector<std::string> told;
  TRY(visit_applied(
      context, seq, seq, [](uint64_t) { return true; },
      [&](const std::vector<AppliedRecord>& records) -> Status {
        TRY_ASSIGN(Transaction transaction, Transaction::begin(*context.database));
        for (const auto& [intent, effects, abandoned] : records) {
          if (effects.table.empty()) continue;
          TRY_ASSIGN(const RowResult row, context.rows->insert(intent, effects));
          std::string was = row.kind == RowResult::Kind::kInserted ? "was missing" : "";
          if (row.kind == RowResult::Kind::kRolledBack || row.kind == RowResult::Kind::kRefused) {
            return make_error(Code::kInvalid,
                              fmt::format("record {}: {}", effects.seq, row.reason));
          }
          if (was.empty()) {
            TRY_ASSIGN(const auto replaced, context.rows->put_back(effects));
            for (const auto& [column, value] : replaced) {
              was += fmt::format("{}{} was {}", was.empty() ? "" : ", ", column, text_of(value));
            }
          }
          if (!was.empty()) {
            told.push_back(fmt::format("{} {}: {}", effects.table, effects.id, was));
          }
        }
        return transaction.commit();
      }));
  return told;
}

Result<std::vector<std::string>> Applier::put_back_row(uint64_t seq) {
  return impl_->put_back_row(seq);
}

Result<std::string> Applier::Impl::refusal_of(const Intent& intent, std::optional<uint64_t> id) {
  TRY(context.refresh());
  TRY_ASSIGN(const Transaction transaction, Transaction::begin(*context.database));
  if (!id) {
    TRY_ASSIGN(const uint64_t highest,
               highest_id(*context.database, intent.table, intent.id_column));
    TRY_ASSIGN(id, next_free_id(*context.database, intent.table, intent.id_column, highest));
  }
  if (!id) return std::string();  // whoever writes the record says so
  BatchRecord record;
  record.intent = intent;
  record.decided_id = *id;
  record.time_ms = context.clock.now_ms();
  const uint64_t seq = std::max(context.journal.end().seq, context.journal.durable().seq) + 1;
  record.effects = render_effects(record.intent, seq, EffectIds(*id), record.time_ms);
  RolledBack refused;
  Result<std::string> refusal = RecordPlacer(context, refused).refusal_of(record);
  context.parents.clear();
  return refusal;
}

Result<std::string> Applier::refusal_of(const Intent& intent, std::optional<uint64_t> id) {
  return impl_->refusal_of(intent, id);
}

Result<ApplyReport> Applier::step(std::optional<uint64_t> stop_after_seq) {
  return impl_->step(stop_after_seq);
}

Status Applier::recheck_files() {
  return impl_->recheck.run();
}

Status Applier::checkpoint() {
  return impl_->checkpoint.run();
}

bool Applier::checkpoint_due() const {
  return impl_->checkpoint.is_due();
}

Status Applier::settle_waiting_files(uint64_t last_seq, uint64_t published) {
  return impl_->waiting.settle(last_seq, published);
}

Status Applier::place_waiting_files(uint64_t last_seq, uint64_t published) {
  return impl_->waiting.place(last_seq, published);
}

Result<uint64_t> Applier::write_waiting_files(uint64_t last_seq, uint64_t published) {
  return impl_->waiting.write(last_seq, published);
}

Status Applier::write_waiting_created(uint64_t published) {
  return impl_->waiting.write_created(published);
}

Status Applier::restore_rows(std::vector<uint64_t> seqs) {
  return impl_->restore_rows(std::move(seqs));
}

Status Applier::restore_files(std::vector<uint64_t> seqs) {
  return impl_->recheck.restore(std::move(seqs));
}

std::vector<std::string> Applier::take_notes() {
  return impl_->context.kinds.take_notes();
}

Mark Applier::applied() const {
  return impl_->context.applied;
}

Status Applier::refresh() {
  return impl_->context.refresh();
}

uint64_t Applier::files_synced() const {
  return impl_->context.files_synced;
}

void Applier::set_busy_timeout(int64_t timeout_ms) {
  ApplyContext& context = impl_->context;
  context.options.busy_timeout_ms = static_cast<int>(timeout_ms);
  // There is none after a call that failed to open it.
  if (context.database != nullptr) context.database->set_busy_timeout(timeout_ms);
}

Database& Applier::database() {
  SYNCLINE_ASSERT(impl_->context.database != nullptr);
  return *impl_->context.database;
}

}  // namespace syncline
