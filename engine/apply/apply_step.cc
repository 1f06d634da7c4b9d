#include "engine/apply/apply_step.h"

#include <set>
#include <string_view>

#include "engine/apply/batch_projection.h"
#include "engine/apply/control_group.h"
#include "engine/projection/schema.h"
#include "journal/base/elapsed.h"
#include "journal/base/try.h"

namespace syncline {

Result<Attempt> ApplyStep::run() {
  TRY(prepare());
  report_.applied = context_.applied;
  TRY(read_batch());
  report_.more = !batch_.reached_end;
  if (batch_.to == batch_.from) return Attempt::kDone;
  TRY_ASSIGN(const Attempt applied, apply_batch());
  if (applied == Attempt::kRedo) return applied;
  raise_watermark();
  TRY(limit_wal());
  return Attempt::kDone;
}

Status ApplyStep::prepare() {
  TRY(context_.refresh());
  Journal& journal = context_.journal;
  const uint64_t applied = context_.applied.seq;
  // A shared watermark above the database's is that of a database that was lost: whoever waits must
  // not believe it. It is set back under apply.lock, so nobody raises it meanwhile.
  if (journal.watermark(Watermark::kApplied) > applied) {
    journal.reset_watermark(Watermark::kApplied, applied);
  }
  // One below it was never raised: the process that opened the store alone, and emptied the shared
  // page, died before it did, or has not come to it yet.
  journal.set_watermark(Watermark::kApplied, applied);
  if (context_.options.journal_outcomes) TRY(journal.flush_all());
  return context_.look_ahead();
}

Status ApplyStep::read_batch() {
  std::unique_ptr<Reader>& reader = context_.reader;
  if (reader == nullptr || reader->position() != context_.applied) {
    TRY_ASSIGN(reader,
               Reader::open(context_.store_directory, context_.journal.store(), context_.applied));
  }
  batch_.from = batch_.to = context_.applied;
  const Mark durable = context_.journal.durable();
  uint64_t bytes = 0;
  while (batch_.records.size() < context_.options.batch_records_max &&
         bytes < context_.options.batch_bytes_max) {
    TRY_ASSIGN(const auto frame, reader->next(durable));
    if (!frame || (stop_after_seq_ && frame->seq > *stop_after_seq_)) {
      // A frame read beyond the stop is read again by the next step.
      if (frame) reader.reset();
      batch_.reached_end = true;
      return {};
    }
    bytes += frame->payload.size();
    TRY(batch_.take(*frame, context_.ahead.tail()));
    batch_.to = reader->position();
  }
  batch_.reached_end = batch_.to == durable;
  return {};
}

Result<Attempt> ApplyStep::apply_batch() {
  Database& database = *context_.database;
  TRY_ASSIGN(Transaction transaction, Transaction::begin(database));
  TRY_ASSIGN(const auto mark, read_applied_mark(database));
  if (mark != context_.applied) return Attempt::kRedo;
  for (const BatchControl& control : batch_.controls) {
    if (control.operation != Operation::kConfig) continue;
    TRY(context_.kinds.create_of(database, control.payload));
  }
  std::optional<Appended> journalled;
  TRY_ASSIGN(const Attempt placed, placer_.place_all(batch_, journalled));
  if (placed == Attempt::kRedo) return placed;

  TRY_ASSIGN(const auto to_write, choose_sections());
  TRY_ASSIGN(const Attempt planned, context_.sections.plan(to_write));
  if (planned == Attempt::kRedo) return planned;
  const std::vector<AppendOffset>& offsets = context_.sections.planned().offsets;
  TRY(journal_decisions(offsets, journalled));

  TRY_ASSIGN(const Attempt written, write_files());
  if (written == Attempt::kRedo) return written;

  TRY(project_batch(context_, batch_, offsets));
  TRY(transaction.commit());
  return Attempt::kDone;
}

Result<std::vector<Section>> ApplyStep::choose_sections() {
  std::vector<Section> chosen;
  if (!context_.options.write_files) return chosen;
  std::set<std::string_view> waiting;
  std::optional<bool> state;  // asked once, and only when it matters
  const auto state_forbids = [&] {
    if (!state) state = context_.must_wait();
    return *state;
  };
  for (BatchRecord& record : batch_.records) {
    const Effects& effects = record.effects;
    if (effects.operation != Operation::kAppend || effects.path.empty()) continue;
    if (record.seen == FileApplier::State::kUnusable) continue;
    if (!record.has_file() && record.abandoned.empty()) continue;
    if (!record.has_file() && state_forbids()) continue;
    record.waits = record.waits || (record.has_file() && context_.is_outside(effects.path));
    if (record.waits && record.has_file()) {
      waiting.insert(effects.path);
      continue;
    }
    const std::optional<uint64_t> offset = context_.ahead.tail().offset(effects.seq);
    // A replay makes its files anew, and finds nothing in place.
    const bool in_place = record.intent.found.file && context_.options.journal_outcomes &&
                          record.has_file() && !record.waits &&
                          record.seen != FileApplier::State::kAbsent;
    if (in_place) {
      // Nothing is written, so there is nothing to wait for.
    } else if (record.has_file() && waiting.contains(effects.path)) {
      record.waits = true;
    } else if (record.has_file()) {
      // A new file as well: without its publish it is untracked, in the way of a person's commands,
      // or it is gone from the work tree alone and would begin anew with this section.
      // One whose offset is journalled may have been written by an attempt that died.
      const bool awaits_publish = context_.options.sections_await_publish && !offset;
      record.waits = awaits_publish || state_forbids();
    }
    if (!in_place && !record.waits && record.has_file()) {
      // Behind those that wait for the same file, so that its order is the journal's.
      TRY_ASSIGN(record.waits, context_.projection->is_path_waiting(effects.path));
    }
    if (record.waits) {
      waiting.insert(effects.path);
      continue;
    }
    chosen.push_back({.seq = effects.seq,
                      .id = effects.id,
                      .path = effects.path,
                      .header = effects.header,
                      .text = record.has_file() ? std::string_view(effects.text) : "",
                      .known_offset = offset,
                      .was_synced = context_.was_synced(effects.seq),
                      .found_in_place = in_place,
                      .abandoned = texts_of(record.abandoned)});
  }
  return chosen;
}

Status ApplyStep::journal_decisions(const std::vector<AppendOffset>& offsets,
                                    std::optional<Appended>& journalled) {
  // A replay puts its sections at the end of the files that it makes, and tells the journal
  // nothing.
  if (!context_.options.journal_outcomes) return {};
  ControlGroup group;
  for (const BatchRecord& record : batch_.records) {
    if (record.outcome_is_new) group.add(Operation::kSetAside, encode(*record.outcome));
  }
  if (!offsets.empty()) {
    group.add(Operation::kAppendOffsets, encode(AppendOffsetsFrame{.offsets = offsets}));
  }
  if (!group.empty()) {
    TRY_ASSIGN(AppendTurn turn, context_.journal.begin_append());
    TRY_ASSIGN(journalled, group.append(turn, context_.clock));
  }
  if (!journalled) return {};
  return context_.journal.flush(*journalled);
}

Result<Attempt> ApplyStep::write_files() {
  if (!context_.options.write_files) return Attempt::kDone;
  FileApplier& files = context_.files;
  for (const BatchRecord& record : batch_.records) {
    const Effects& effects = record.effects;
    if (effects.operation != Operation::kCreate) continue;
    TRY(take_back(files, effects, record.abandoned));
    if (!record.has_file() || record.waits) continue;
    TRY_ASSIGN(const Attempt written, files.write(effects.path, effects.text, record.seen));
    if (written == Attempt::kRedo) return written;
  }
  TRY_ASSIGN(const Attempt written, context_.sections.write());
  if (written == Attempt::kRedo) return written;
  return context_.parents.check_in_place();
}

// Of records that are applied for the first time: a replay applies another's, and a database that
// is rebuilt those that were committed long ago.
void ApplyStep::note_latencies() {
  if (!context_.options.journal_outcomes) return;
  const uint64_t committed = context_.journal.watermark(Watermark::kCommitted);
  const int64_t now_ms = context_.clock.now_ms();
  Histogram took;
  for (const BatchRecord& record : batch_.records) {
    if (record.effects.seq > committed) took.observe_ns(elapsed_ns(record.time_ms, now_ms));
  }
  context_.journal.add_latencies(Latency::kApplied, took);
}

void ApplyStep::raise_watermark() {
  context_.applied = batch_.to;
  context_.ahead.set_applied(batch_.to);
  context_.journal.set_watermark(Watermark::kApplied, batch_.to.seq);
  report_.applied = batch_.to;
  report_.records = batch_.records.size();
  note_latencies();
  for (const BatchRecord& record : batch_.records) {
    report_.set_aside += record.is_set_aside() ? 1 : 0;
    report_.rebound += record.outcome && record.outcome->has_row() ? 1 : 0;
  }
}

Status ApplyStep::limit_wal() {
  if (context_.database->wal_bytes() <= context_.options.wal_bytes_max) return {};
  auto done = context_.database->checkpoint_passive();
  if (done) return {};
  Error error = std::move(done).error();
  TRY(context_.note_damage(error));
  return error;
}

}  // namespace syncline
