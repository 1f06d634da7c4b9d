// The records of a step: rows, rebinds, what is set aside, files, and the projection of it all.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/apply/applier_impl.h"
#include "engine/config/path_rules.h"
#include "engine/projection/projection.h"
#include "engine/projection/schema.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {

Result<bool> Applier::Impl::apply_rows(Batch& batch, std::optional<Appended>& journalled) {
  targets.clear();
  std::vector<size_t> taken;
  for (size_t i = 0; i < batch.records.size(); ++i) {
    TRY_ASSIGN(const Placed placed, place(batch.records[i]));
    if (placed == Placed::kRedo) return false;
    if (placed == Placed::kIdTaken) taken.push_back(i);
  }
  if (taken.empty()) return true;
  TRY(rebind(batch, taken, journalled));
  for (const size_t i : taken) {
    BatchRecord& record = batch.records[i];
    TRY_ASSIGN(const Placed placed, place(record));
    if (placed == Placed::kRedo) return false;
    if (placed == Placed::kIdTaken) {
      TRY(set_aside(record, fmt::format("table {} has no free id", record.effects.table)));
    }
  }
  return true;
}

Result<Applier::Impl::Placed> Applier::Impl::place(BatchRecord& record) {
  const uint64_t seq = record.effects.seq;
  const auto refused = rolled_back.find(seq);
  if (!record.is_set_aside() && refused != rolled_back.end()) {
    TRY(set_aside(record, refused->second));
  }
  // An id that no row can have, which a program before this one gave, is as good as taken.
  if (!record.is_set_aside() && !is_row_id(record.effects.id)) return Placed::kIdTaken;
  if (record.has_file()) TRY(look_at_path(record));
  if (record.is_set_aside() || record.effects.table.empty()) return Placed::kDone;
  Result<RowResult> inserted = rows->insert(record.intent, record.effects);
  if (!inserted) return tell_ddl_failure(record, std::move(inserted).error());
  RowResult row = std::move(*inserted);
  switch (row.kind) {
    case RowResult::Kind::kInserted:
    case RowResult::Kind::kOurs:
      return Placed::kDone;
    case RowResult::Kind::kIdTaken:
      return Placed::kIdTaken;
    case RowResult::Kind::kRolledBack:
      rolled_back.emplace(seq, std::move(row.reason));
      return Placed::kRedo;
    case RowResult::Kind::kRefused:
      break;
  }
  TRY(set_aside(record, std::move(row.reason)));
  return Placed::kDone;
}

Error Applier::Impl::tell_ddl_failure(const BatchRecord& record, Error error) const {
  const auto failure = ddl_failures.find(record.effects.table);
  if (failure != ddl_failures.end() && error.code == Code::kRetryLater) {
    error.message += fmt::format(" (it could not be made: {})", failure->second);
  }
  return error;
}

Status Applier::Impl::look_at_path(BatchRecord& record) {
  const Effects& effects = record.effects;
  if (!options.write_files || effects.path.empty()) return {};
  // What a checkpoint says was applied is not set aside now because of what people did since.
  const bool applied_before = was_applied(effects.seq);
  if (auto fit = check_path(effects.path); !fit) {
    return set_aside(record, std::move(fit).error().message);
  }
  if (effects.operation == Operation::kCreate) {
    TRY_ASSIGN(FileApplier::Look look, files.look(effects.path, effects.text, effects.time_ms));
    record.seen = look.state;
    if (applied_before || (look.state != FileApplier::State::kForeign &&
                           look.state != FileApplier::State::kUnusable)) {
      return {};
    }
    return set_aside(record, std::move(look.reason));
  }
  auto target = targets.find(effects.path);
  if (target == targets.end()) {
    TRY_ASSIGN(SectionApplier::Target looked, sections.look(effects.path));
    target = targets.emplace(effects.path, std::move(looked)).first;
  }
  // Not the record's fault, and settled in a moment: order is kept.
  if (!target->second.blocked.empty() && !applied_before && options.journal_outcomes) {
    return make_error(
        Code::kRetryLater, target->second.blocked + "; what was recorded waits for it",
        fmt::format("give it one name: cp -p {0} {0}.new && mv {0}.new {0}", effects.path));
  }
  if (target->second.unusable.empty()) {
    record.seen = target->second.exists ? FileApplier::State::kEdited : FileApplier::State::kAbsent;
    return {};
  }
  record.seen = FileApplier::State::kUnusable;
  if (applied_before) return {};
  return set_aside(record, target->second.unusable);
}

Status Applier::Impl::set_aside(BatchRecord& record, std::string reason) {
  const uint64_t seq = record.effects.seq;
  if (!options.journal_outcomes) {
    return make_error(Code::kDisagree,
                      fmt::format("record {} cannot be applied here, and the journal does not say "
                                  "that it was set aside: {}",
                                  seq, reason),
                      "replay into an empty directory");
  }
  decide(record, {.seq = seq, .kind = Outcome::Kind::kSetAside, .reason = std::move(reason)});
  record.outcome_is_new = true;
  return {};
}

void Applier::Impl::decide(BatchRecord& record, Outcome outcome) {
  settle_file(outcome, record.outcome ? &*record.outcome : nullptr, ahead.tail().batched());
  const uint64_t id = record.effects.id;
  record.outcome = std::move(outcome);
  std::ranges::move(abandoned_effects(record.intent, record.effects.seq, record.time_ms,
                                      *record.outcome, {&id, 1}),
                    std::back_inserter(record.abandoned));
}

std::vector<Abandoned> abandoned_effects(const Intent& intent, uint64_t seq, int64_t time_ms,
                                         const Outcome& outcome, std::span<const uint64_t> ids) {
  std::vector<Abandoned> abandoned;
  if (outcome.file_id) return abandoned;
  for (const uint64_t id : ids) {
    if (outcome.kind == Outcome::Kind::kRebind && id == outcome.new_id) continue;
    Effects effects = render_effects(intent, seq, id, time_ms);
    if (effects.path.empty()) continue;
    abandoned.push_back({std::move(effects.path), std::move(effects.text)});
  }
  return abandoned;
}

Status Applier::Impl::rebind(Batch& batch, const std::vector<size_t>& taken,
                             std::optional<Appended>& journalled) {
  struct NextId {
    uint64_t in_rows = 0;
    uint64_t given = 0;
    uint64_t last = 0;
  };
  std::map<std::string, NextId> tables;
  for (const size_t i : taken) {
    const BatchRecord& record = batch.records[i];
    if (!options.journal_outcomes) {
      return make_error(Code::kDisagree,
                        fmt::format("record {}: its id {} is taken in table {}, and the journal "
                                    "does not say which it got",
                                    record.effects.seq, record.effects.id, record.effects.table),
                        "replay into an empty directory");
    }
    if (tables.contains(record.effects.table)) continue;
    TRY_ASSIGN(const uint64_t highest,
               syncline::highest_id(*database, record.effects.table, record.effects.id_column));
    TRY_ASSIGN(const uint64_t given, last_id_given(*database, record.effects.table));
    tables.emplace(record.effects.table, NextId{.in_rows = highest, .given = given});
  }
  TRY(ahead.read_ids());

  // Holding the append lock, what the log holds is all that was ever given out; whoever appends
  // next sees the rebind before taking an id.
  TRY_ASSIGN(AppendTurn turn, journal.begin_append());
  const Mark end = turn.end();
  for (auto& [table, next] : tables) {
    TRY_ASSIGN(const uint64_t in_log, ahead.highest_id(table, end));
    // Above a row that has the largest id nothing is left. The record was accepted, so it gets one
    // below: the next that no row has, above all that was ever given out.
    const bool top_is_taken = next.in_rows >= kRowIdMax;
    next.last = std::max(top_is_taken ? next.given : next.in_rows, in_log);
  }
  ControlGroup group;
  for (const size_t i : taken) {
    BatchRecord& record = batch.records[i];
    NextId& next = tables.at(record.effects.table);
    TRY_ASSIGN(const auto free,
               next_free_id(*database, record.effects.table, record.effects.id_column, next.last));
    if (!free) {
      TRY(set_aside(record, fmt::format("table {} has no free id", record.effects.table)));
      continue;
    }
    decide(
        record,
        {.seq = record.effects.seq, .kind = Outcome::Kind::kRebind, .new_id = *free, .reason = {}});
    next.last = *free;
    group.add(Operation::kRebind, encode(*record.outcome));
    record.effects = render_effects(record.intent, record.effects.seq,
                                    EffectIds(record.decided_id, &*record.outcome), record.time_ms);
  }
  if (!group.empty()) {
    TRY_ASSIGN(journalled, group.append(turn, clock));
  }
  return {};
}

Result<std::vector<Section>> Applier::Impl::choose_sections(Batch& batch) {
  std::vector<Section> chosen;
  if (!options.write_files) return chosen;
  std::set<std::string_view> waiting;
  std::optional<bool> wait;  // asked once, and only when there is a section
  for (BatchRecord& record : batch.records) {
    const Effects& effects = record.effects;
    if (effects.operation != Operation::kAppend || effects.path.empty()) continue;
    if (record.seen == FileApplier::State::kUnusable) continue;
    if (!record.has_file() && record.abandoned.empty()) continue;
    if (!wait) wait = must_wait();
    if (!record.has_file() && *wait) continue;
    record.waits = record.has_file() && (waiting.contains(effects.path) ||
                                         (*wait && record.seen != FileApplier::State::kAbsent));
    if (!record.waits && record.has_file()) {
      // Behind those that wait for the same file, so that its order is the journal's.
      TRY_ASSIGN(record.waits, projection->is_path_waiting(effects.path));
    }
    if (record.waits) {
      waiting.insert(effects.path);
      continue;
    }
    chosen.push_back({.seq = effects.seq,
                      .path = effects.path,
                      .header = effects.header,
                      .text = record.has_file() ? std::string_view(effects.text) : "",
                      .known_offset = ahead.tail().offset(effects.seq),
                      .was_synced = was_synced(effects.seq),
                      .abandoned = texts_of(record.abandoned)});
  }
  return chosen;
}

Status Applier::Impl::journal_decisions(const Batch& batch,
                                        const std::vector<AppendOffset>& offsets,
                                        std::optional<Appended>& journalled) {
  // In a replay the sections go where the files it makes have them; nothing is told to the journal.
  if (!options.journal_outcomes) return {};
  ControlGroup group;
  for (const BatchRecord& record : batch.records) {
    if (record.outcome_is_new) group.add(Operation::kSetAside, encode(*record.outcome));
  }
  if (!offsets.empty()) {
    group.add(Operation::kAppendOffsets, encode(AppendOffsetsFrame{.offsets = offsets}));
  }
  if (!group.empty()) {
    TRY_ASSIGN(AppendTurn turn, journal.begin_append());
    TRY_ASSIGN(journalled, group.append(turn, clock));
  }
  if (!journalled) return {};
  return journal.flush(*journalled);
}

Result<bool> Applier::Impl::write_files(const Batch& batch) {
  if (!options.write_files) return true;
  for (const BatchRecord& record : batch.records) {
    const Effects& effects = record.effects;
    if (effects.operation != Operation::kCreate) continue;
    TRY(take_back(effects, record.abandoned));
    if (!record.has_file()) continue;
    TRY_ASSIGN(const bool done, files.write(effects.path, effects.text, record.seen));
    if (!done) return false;
  }
  TRY_ASSIGN(const bool done, sections.write());
  if (!done) return false;
  return parents.all_in_place();
}

Status Applier::Impl::take_back(const Effects& effects, const std::vector<Abandoned>& abandoned) {
  if (effects.operation != Operation::kCreate) return {};  // sections are found by their bytes
  for (const auto& [path, text] : abandoned) {
    TRY(files.take_back(path, text, effects.time_ms));
  }
  return {};
}

Status Applier::Impl::project(const Batch& batch, const std::vector<AppendOffset>& offsets) {
  // Before the records: what they decided now is later in the journal than what is passed here.
  for (const BatchControl& control : batch.controls) TRY(project_control(control));

  std::vector<ProjectionWriter::Key> keys;
  std::map<std::string_view, uint64_t> ids;
  for (const BatchRecord& record : batch.records) {
    const uint64_t seq = record.effects.seq;
    if (!record.intent.key.empty()) {
      keys.push_back({record.intent.key, seq, &record.intent.content_hash});
    }
    if (record.outcome) TRY(projection->put_outcome(*record.outcome));
    if (record.waits) TRY(projection->put_waiting(seq, record.effects.path));
    if (!record.effects.table.empty()) {
      uint64_t& highest = ids[record.effects.table];
      highest = std::max(highest, record.highest_id());
    }
  }
  TRY(projection->add_keys(std::move(keys)));
  for (const AppendOffset& offset : offsets) TRY(projection->put_offset(offset));
  for (const auto& [table, id] : ids) TRY(projection->raise_id(table, id));
  if (!batch.records.empty()) TRY(projection->put_position(batch.from));
  TRY(write_durable_mark(*database, journal.durable()));
  return write_applied_mark(*database, batch.to);
}

Status Applier::Impl::project_control(const BatchControl& control) {
  switch (control.operation) {
    case Operation::kRebind:
    case Operation::kSetAside: {
      TRY_ASSIGN(Outcome outcome, decode_outcome(control.operation, control.payload));
      if (!ahead.tail().pass_outcome(outcome, control.position)) return {};
      return projection->put_outcome(outcome);
    }
    case Operation::kAppendOffsets: {
      TRY_ASSIGN(const AppendOffsetsFrame frame, decode_append_offsets(control.payload));
      for (const AppendOffset& offset : frame.offsets) {
        if (!ahead.tail().pass_offset(offset.seq, control.position)) continue;
        TRY(projection->put_offset(offset));
      }
      return {};
    }
    case Operation::kBatch: {
      TRY_ASSIGN(const BatchFrame frame, decode_batch(control.payload));
      return projection->put_commit(own_ref_of(journal.store().hex()), frame.first_seq,
                                    frame.last_seq, frame.commit);
    }
    case Operation::kPublish: {
      TRY_ASSIGN(const PublishFrame frame, decode_publish(control.payload));
      TRY_ASSIGN(const uint64_t first, projection->next_published(frame.branch, frame.last_seq));
      return projection->put_commit(frame.branch, first, frame.last_seq, frame.commit);
    }
    default:
      return {};
  }
}

}  // namespace syncline
