#include "engine/apply/record_placer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/apply/control_group.h"
#include "engine/config/path_rules.h"
#include "engine/projection/projection.h"
#include "journal/base/try.h"

namespace syncline {

Result<Attempt> RecordPlacer::place_all(Batch& batch, std::optional<Appended>& journalled) {
  std::vector<BatchRecord*> taken;
  for (BatchRecord& record : batch.records) {
    TRY_ASSIGN(const Attempt placed, place(record));
    if (placed == Attempt::kRedo) return placed;
    if (record.id_is_taken) taken.push_back(&record);
  }
  if (taken.empty()) return Attempt::kDone;
  TRY(rebind(taken, journalled));
  for (BatchRecord* const record : taken) {
    TRY_ASSIGN(const Attempt placed, place(*record));
    if (placed == Attempt::kRedo) return placed;
    if (record->id_is_taken) TRY(set_aside_without_id(*record));
  }
  return Attempt::kDone;
}

Result<std::string> RecordPlacer::refusal_of(BatchRecord& record) {
  TRY_ASSIGN(const Attempt placed, place(record));
  if (placed == Attempt::kRedo) return rolled_back_[record.effects.seq];
  return record.is_set_aside() ? record.outcome->reason : std::string();
}

Result<Attempt> RecordPlacer::place(BatchRecord& record) {
  record.id_is_taken = false;
  if (record.is_retracted()) return Attempt::kDone;
  if (record.effects.retracted) return retract(record);
  const auto refused = rolled_back_.find(record.effects.seq);
  if (!record.is_set_aside() && refused != rolled_back_.end()) {
    TRY(set_aside(record, refused->second));
  }
  // An id that no row can have, given by an earlier version of this program, is as good as taken.
  if (!record.is_set_aside() && !is_row_id(record.effects.id)) {
    record.id_is_taken = true;
    return Attempt::kDone;
  }
  if (record.has_file()) TRY(look_at_path(record));
  if (record.is_set_aside() || record.effects.table.empty()) return Attempt::kDone;
  return insert_row(record);
}

Result<Attempt> RecordPlacer::retract(BatchRecord& record) {
  Effects row = record.effects;
  const ApplierOptions& options = context_.options;
  record.waits = options.write_files && options.sections_await_publish && !row.path.empty();
  const uint64_t seq = row.retracted->seq;
  // One that was not applied before never made a row: this record was known ahead of it.
  if (row.table.empty() || seq > context_.applied.seq || rolled_back_.contains(row.seq)) {
    return Attempt::kDone;
  }
  TRY_ASSIGN(const auto outcomes, read_outcomes(*context_.database, seq, seq));
  if (const auto known = outcomes.find(seq); known != outcomes.end()) {
    if (!known->second.has_row()) return Attempt::kDone;
    row.id = known->second.new_id;
  }
  Result<RowResult> removed = context_.rows->remove(row);
  if (!removed) return context_.kinds.explain(row.table, std::move(removed).error());
  if (removed->kind != RowResult::Kind::kRolledBack) return Attempt::kDone;
  rolled_back_.emplace(row.seq, std::move(removed->reason));
  return Attempt::kRedo;
}

Result<Attempt> RecordPlacer::insert_row(BatchRecord& record) {
  Result<RowResult> inserted = context_.rows->insert(record.intent, record.effects);
  if (!inserted) {
    return context_.kinds.explain(record.effects.table, std::move(inserted).error());
  }
  RowResult row = std::move(*inserted);
  switch (row.kind) {
    case RowResult::Kind::kInserted:
    case RowResult::Kind::kOurs:
      return Attempt::kDone;
    case RowResult::Kind::kIdTaken:
      record.id_is_taken = true;
      return Attempt::kDone;
    case RowResult::Kind::kRolledBack:
      rolled_back_.emplace(record.effects.seq, std::move(row.reason));
      return Attempt::kRedo;
    case RowResult::Kind::kRefused:
      break;
  }
  TRY(set_aside(record, std::move(row.reason)));
  return Attempt::kDone;
}

// A record that a checkpoint says was applied is not set aside because of what people have done to
// its path since; it is where the path itself breaks the rules.
Status RecordPlacer::look_at_path(BatchRecord& record) {
  const Effects& effects = record.effects;
  if (!context_.options.write_files || effects.path.empty()) return {};
  if (auto fit = check_path(effects.path); !fit) {
    return set_aside(record, std::move(fit).error().message);
  }
  if (!branch_is_away_) {
    TRY_ASSIGN(branch_is_away_, context_.branch_is_away());
  }
  record.waits = *branch_is_away_;
  if (record.waits) return {};
  if (context_.is_outside(effects.path)) {
    record.seen = FileApplier::State::kEdited;  // nothing is written
    return {};
  }
  return effects.operation == Operation::kCreate ? look_at_file(record) : look_at_section(record);
}

Status RecordPlacer::look_at_file(BatchRecord& record) {
  const Effects& effects = record.effects;
  TRY_ASSIGN(FileApplier::Look look,
             context_.files.look(effects.path, effects.text, effects.time_ms));
  // One that was found in place is older than its record, and may have been edited since.
  if (record.intent.found.file && look.state == FileApplier::State::kForeign) {
    look.state = FileApplier::State::kEdited;
  }
  record.seen = look.state;
  // Of a database that was lost: the record was committed before, so it was applied.
  const bool again = effects.seq <= context_.ahead.tail().batched();
  if (again && look.state == FileApplier::State::kAbsent && context_.is_removed(effects)) {
    record.seen = FileApplier::State::kEdited;
  }
  if (context_.was_applied(effects.seq) ||
      (look.state != FileApplier::State::kForeign && look.state != FileApplier::State::kUnusable)) {
    return {};
  }
  return set_aside(record, std::move(look.reason));
}

Status RecordPlacer::look_at_section(BatchRecord& record) {
  const Effects& effects = record.effects;
  const bool applied_before = context_.was_applied(effects.seq);
  TRY_ASSIGN(const SectionTarget* const target, targets_.look(effects.path));
  // Not the record's fault, and a person can clear it in a moment: the step waits, so that the
  // order of the journal is kept.
  if (!target->blocked.empty() && !applied_before && context_.options.journal_outcomes) {
    return make_error(
        Code::kRetryLater, target->blocked + "; what was recorded waits for it",
        fmt::format("give it one name: cp -p {0} {0}.new && mv {0}.new {0}", effects.path));
  }
  if (target->unusable.empty()) {
    record.seen = target->exists ? FileApplier::State::kEdited : FileApplier::State::kAbsent;
    return {};
  }
  record.seen = FileApplier::State::kUnusable;
  if (applied_before) return {};
  return set_aside(record, target->unusable);
}

Status RecordPlacer::set_aside(BatchRecord& record, std::string reason) {
  const uint64_t seq = record.effects.seq;
  if (!context_.options.journal_outcomes) {
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

Status RecordPlacer::set_aside_without_id(BatchRecord& record) {
  return set_aside(record, fmt::format("table {} has no free id", record.effects.table));
}

void RecordPlacer::decide(BatchRecord& record, Outcome outcome) {
  settle_file(outcome, record.outcome ? &*record.outcome : nullptr,
              context_.ahead.tail().batched());
  const uint64_t id = record.effects.id;
  record.outcome = std::move(outcome);
  std::ranges::move(abandoned_effects(record.intent, record.effects.seq, record.time_ms,
                                      *record.outcome, {&id, 1}),
                    std::back_inserter(record.abandoned));
}

// Read before the append lock is taken, to hold that only briefly: under apply.lock nobody else
// gives rows an id.
Result<std::map<std::string, RecordPlacer::NextId>> RecordPlacer::highest_ids(
    const std::vector<BatchRecord*>& taken) {
  std::map<std::string, NextId> tables;
  for (const BatchRecord* const record : taken) {
    const Effects& effects = record->effects;
    if (!context_.options.journal_outcomes) {
      return make_error(Code::kDisagree,
                        fmt::format("record {}: its id {} is taken in table {}, and the journal "
                                    "does not say which it got",
                                    effects.seq, effects.id, effects.table),
                        "replay into an empty directory");
    }
    if (tables.contains(effects.table)) continue;
    TRY_ASSIGN(const uint64_t highest,
               highest_id(*context_.database, effects.table, effects.id_column));
    TRY_ASSIGN(const uint64_t given, last_id_given(*context_.database, effects.table));
    tables.emplace(effects.table, NextId{.in_rows = highest, .given = given});
  }
  TRY(context_.ahead.read_ids());
  return tables;
}

Status RecordPlacer::rebind(const std::vector<BatchRecord*>& taken,
                            std::optional<Appended>& journalled) {
  TRY_ASSIGN(auto tables, highest_ids(taken));
  // While the append lock is held, the log holds every id that was ever given out; whoever appends
  // next sees the rebinds before it takes an id.
  TRY_ASSIGN(AppendTurn turn, context_.journal.begin_append());
  const Mark end = turn.end();
  for (auto& [table, next] : tables) {
    TRY_ASSIGN(const uint64_t in_log, context_.ahead.highest_id(table, end));
    // Above a row that has the largest id no id is left. The record was accepted, so it gets one
    // below: the next that no row has, above all that were ever given out.
    const bool top_is_taken = next.in_rows >= kRowIdMax;
    next.last = std::max(top_is_taken ? next.given : next.in_rows, in_log);
  }
  ControlGroup group;
  for (BatchRecord* const record : taken) {
    Effects& effects = record->effects;
    NextId& next = tables.at(effects.table);
    TRY_ASSIGN(const auto free,
               next_free_id(*context_.database, effects.table, effects.id_column, next.last));
    if (!free) {
      TRY(set_aside_without_id(*record));
      continue;
    }
    decide(*record,
           {.seq = effects.seq, .kind = Outcome::Kind::kRebind, .new_id = *free, .reason = {}});
    next.last = *free;
    group.add(Operation::kRebind, encode(*record->outcome));
    effects = render_effects(record->intent, effects.seq,
                             EffectIds(record->decided_id, &*record->outcome), record->time_ms);
  }
  if (!group.empty()) {
    TRY_ASSIGN(journalled, group.append(turn, context_.clock));
  }
  return {};
}

}  // namespace syncline
