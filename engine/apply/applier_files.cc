// Files of records that are applied already: the recheck after an unclean start, the checkpoint,
// and the sections that waited.

#include <fmt/format.h>

#include <algorithm>

#include "engine/apply/applier_impl.h"
#include "engine/projection/projection.h"
#include "engine/projection/schema.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"

namespace syncline {
namespace {

constexpr size_t kVisitRecordsMax = 1000;
constexpr uint64_t kVisitBytesMax = 8u << 20;
constexpr int kRedoMax = 8;

Error keeps_changing() {
  return make_error(Code::kBusy, "the work tree keeps changing under what is to be written");
}

}  // namespace

Status Applier::Impl::visit_applied(
    uint64_t first_seq, uint64_t last_seq, const std::function<bool(uint64_t seq)>& include,
    const std::function<Status(const std::vector<AppliedRecord>&)>& visit) {
  if (first_seq > last_seq) return {};
  TRY_ASSIGN(Mark from, position_before(*database, first_seq));
  TRY_ASSIGN(const Mark begin, journal.begin());
  if (from.position < begin.position) from = begin;
  TRY_ASSIGN(auto frames, Reader::open(store, journal.store(), from));

  struct Decided {
    Intent intent;
    uint64_t seq = 0, id = 0;
    int64_t time_ms = 0;
  };  // as the frames have them
  std::vector<Decided> gathered;
  uint64_t bytes = 0;
  const auto hand_over = [&]() -> Status {
    if (gathered.empty()) return {};
    TRY_ASSIGN(const auto outcomes,
               read_outcomes(*database, gathered.front().seq, gathered.back().seq));
    std::vector<AppliedRecord> decided;
    decided.reserve(gathered.size());
    for (Decided& record : gathered) {
      const auto found = outcomes.find(record.seq);
      const Outcome* const outcome = found == outcomes.end() ? nullptr : &found->second;
      if (outcome != nullptr && !outcome->has_file()) continue;
      Effects effects =
          render_effects(record.intent, record.seq, EffectIds(record.id, outcome), record.time_ms);
      std::vector<Abandoned> abandoned;
      if (outcome != nullptr) {
        abandoned =
            abandoned_effects(record.intent, record.seq, record.time_ms, *outcome, {&record.id, 1});
        if (!outcome->has_row()) effects.table.clear();
      }
      decided.push_back({std::move(record.intent), std::move(effects), std::move(abandoned)});
    }
    gathered.clear();
    bytes = 0;
    return visit(decided);
  };
  while (true) {
    TRY_ASSIGN(const auto frame, frames->next(applied));
    if (!frame || frame->seq > last_seq) break;
    if (!is_record(frame->operation) || frame->seq < first_seq || !include(frame->seq)) continue;
    TRY_ASSIGN(Intent intent, at_frame(*frame, decode_intent(frame->operation, frame->payload)));
    gathered.push_back({std::move(intent), frame->seq, frame->id, frame->time_ms});
    bytes += frame->payload.size();
    if (gathered.size() >= kVisitRecordsMax || bytes >= kVisitBytesMax) TRY(hand_over());
  }
  return hand_over();
}

Status Applier::Impl::visit_unsynced(
    const std::function<Status(const std::vector<AppliedRecord>&)>& visit) {
  TRY_ASSIGN(const auto waiting, projection->waiting(files_synced + 1, applied.seq));
  return visit_applied(
      files_synced + 1, applied.seq, [&](uint64_t seq) { return !waiting.contains(seq); }, visit);
}

Status Applier::Impl::recheck_files() {
  TRY(refresh());
  if (!options.write_files) return {};
  if (options.journal_outcomes) TRY(journal.flush_all());
  TRY(ahead.scan(applied));
  return visit_unsynced(
      [&](const std::vector<AppliedRecord>& records) { return recheck_until_stable(records); });
}

Status Applier::Impl::recheck_until_stable(const std::vector<AppliedRecord>& records) {
  for (int tried = 0; tried < kRedoMax; ++tried) {
    auto done = recheck(records);
    parents.clear();
    if (!done) return std::move(done).error();
    if (*done) return {};
    TRY(ahead.scan(applied));  // the offsets of the try before
  }
  return keeps_changing();
}

Result<bool> Applier::Impl::recheck(const std::vector<AppliedRecord>& records) {
  for (const auto& [intent, effect, abandoned] : records) {
    if (effect.operation != Operation::kCreate || effect.path.empty()) continue;
    TRY(take_back(effect, abandoned));
    TRY_ASSIGN(const auto look, files.look(effect.path, effect.text, effect.time_ms));
    TRY_ASSIGN(const bool done, files.write(effect.path, effect.text, look.state));
    if (!done) return false;
  }
  TRY_ASSIGN(const auto candidates, sections_of(records));
  TRY_ASSIGN(const auto planned, sections.plan(candidates));
  if (!planned) return false;
  if (!planned->to_write.empty() && must_wait()) {
    TRY_ASSIGN(Transaction transaction, Transaction::begin(*database));
    for (const Section& section : candidates) {
      if (std::ranges::find(planned->to_write, section.seq) == planned->to_write.end()) continue;
      TRY(projection->put_waiting(section.seq, section.path));
    }
    TRY(transaction.commit());
    return true;
  }
  TRY(journal_offsets(planned->offsets));
  return sections.write();
}

// Sections of effects whose files can be written to, with their offsets.
Result<std::vector<Section>> Applier::Impl::sections_of(const std::vector<AppliedRecord>& records) {
  std::vector<Section> chosen;
  if (records.empty()) return chosen;
  TRY_ASSIGN(const auto offsets,
             projection->offsets(records.front().effects.seq, records.back().effects.seq));
  targets.clear();
  for (const auto& [intent, effect, abandoned] : records) {
    if (effect.operation != Operation::kAppend || effect.path.empty()) continue;
    auto target = targets.find(effect.path);
    if (target == targets.end()) {
      TRY_ASSIGN(SectionApplier::Target looked, sections.look(effect.path));
      target = targets.emplace(effect.path, std::move(looked)).first;
    }
    if (!target->second.unusable.empty()) continue;
    std::optional<uint64_t> known = ahead.tail().offset(effect.seq);
    if (const auto applied_at = offsets.find(effect.seq); !known && applied_at != offsets.end()) {
      known = applied_at->second;
    }
    chosen.push_back({.seq = effect.seq,
                      .id = effect.id,
                      .path = effect.path,
                      .header = effect.header,
                      .text = effect.text,
                      .known_offset = known,
                      .abandoned = texts_of(abandoned)});
  }
  return chosen;
}

Status Applier::Impl::journal_offsets(const std::vector<AppendOffset>& offsets) {
  if (offsets.empty()) return {};
  if (options.journal_outcomes) {
    TRY(journal.append_control(Operation::kAppendOffsets,
                               encode(AppendOffsetsFrame{.offsets = offsets}), clock.now_ms()));
  }
  TRY_ASSIGN(Transaction transaction, Transaction::begin(*database));
  for (const AppendOffset& offset : offsets) TRY(projection->put_offset(offset));
  return transaction.commit();
}

Status Applier::Impl::write_again(const std::vector<AppliedRecord>& records) {
  for (const auto& [intent, effect, abandoned] : records) {
    if (effect.operation != Operation::kCreate || effect.path.empty()) continue;
    TRY_ASSIGN(const auto look, files.look(effect.path, effect.text, effect.time_ms));
    if (look.state == FileApplier::State::kOurs) {
      TRY(files.write_again(effect.path, effect.text));
    } else {
      TRY_ASSIGN(const bool done, files.write(effect.path, effect.text, look.state));
      if (!done) return keeps_changing();
    }
  }
  TRY_ASSIGN(const auto candidates, sections_of(records));
  return sections.write_again(candidates);
}

Status Applier::Impl::sync_files() {
  if (!options.write_files) return {};
  auto synced = work_tree->sync_file_system();
  if (synced) return {};
  Error error = std::move(synced).error();
  error.message = "the record files could not be synced: " + error.message;
  error.hint = "they are written again before the next try";
  return error;
}

Status Applier::Impl::checkpoint() {
  TRY(refresh());
  TRY_ASSIGN(const auto under_way, read_meta(*database, "checkpoint"));
  if (under_way.value_or(0) != 0) {
    // Syncs of an earlier checkpoint failed, perhaps unseen: what they were to write reads back
    // well and may not be on disk.
    if (options.write_files) {
      TRY(ahead.scan(applied));
      auto again = visit_unsynced([&](const std::vector<AppliedRecord>& records) -> Status {
        auto written = write_again(records);
        parents.clear();
        return written;
      });
      TRY(again);
    }
  } else {
    TRY(write_meta(*database, "checkpoint", 1));
  }
  TRY(sync_files());
  if (auto done = database->checkpoint(); !done) {
    Error error = std::move(done).error();
    TRY(note_damage(error));
    return error;
  }
  TRY_ASSIGN(Transaction transaction, Transaction::begin(*database));
  TRY(write_meta(*database, "files_synced", static_cast<int64_t>(applied.seq)));
  TRY(write_meta(*database, "checkpoint", 0));
  TRY(transaction.commit());
  files_synced = applied.seq;
  return {};
}

Result<uint64_t> Applier::Impl::write_waiting() {
  uint64_t written = 0;
  TRY_ASSIGN(const bool any, projection->is_any_waiting());
  if (!any || !options.write_files || must_wait()) return written;
  TRY_ASSIGN(const auto waiting, projection->waiting(0, static_cast<uint64_t>(INT64_MAX)));
  auto visited = visit_applied(
      waiting.begin()->first, waiting.rbegin()->first,
      [&](uint64_t seq) { return waiting.contains(seq); },
      [&](const std::vector<AppliedRecord>& records) -> Status {
        for (int tried = 0; tried < kRedoMax; ++tried) {
          auto done = write_waiting(records, written);
          parents.clear();
          if (!done) return std::move(done).error();
          if (*done) return {};
          TRY(ahead.scan(applied));
        }
        return keeps_changing();
      });
  TRY(visited);
  return written;
}

Result<bool> Applier::Impl::write_waiting(const std::vector<AppliedRecord>& records,
                                          uint64_t& written) {
  TRY_ASSIGN(const auto candidates, sections_of(records));
  TRY_ASSIGN(const auto planned, sections.plan(candidates));
  if (!planned) return false;
  TRY(journal_offsets(planned->offsets));
  TRY_ASSIGN(const bool done, sections.write());
  if (!done) return false;
  std::vector<Section> known;
  for (const Section& section : candidates) {
    if (section.known_offset) known.push_back(section);
  }
  // An earlier try wrote these, and its sync failed: the page cache may say clean what the disk
  // never got.
  if (!known.empty()) TRY(sections.write_again(known));
  // Below files_synced nothing is looked at after an unclean start: so they wait until synced.
  TRY(sync_files());
  TRY_ASSIGN(Transaction transaction, Transaction::begin(*database));
  for (const Section& section : candidates) TRY(projection->remove_waiting(section.seq));
  TRY(transaction.commit());
  written += candidates.size();
  return true;
}

Status Applier::Impl::restore_rows(std::vector<uint64_t> seqs) {
  TRY(refresh());
  std::ranges::sort(seqs);
  if (seqs.empty()) return {};
  return visit_applied(
      seqs.front(), seqs.back(),
      [&](uint64_t seq) { return std::ranges::binary_search(seqs, seq); },
      [&](const std::vector<AppliedRecord>& records) -> Status {
        TRY_ASSIGN(Transaction transaction, Transaction::begin(*database));
        for (const auto& [intent, effects, abandoned] : records) {
          if (effects.table.empty()) continue;
          // Whatever row has the id stays, and so does the user's refusal.
          TRY_ASSIGN(const RowResult row, rows->insert(intent, effects));
          if (row.kind == RowResult::Kind::kRolledBack) {
            return make_error(Code::kInvalid,
                              fmt::format("record {}: {}", effects.seq, row.reason));
          }
        }
        return transaction.commit();
      });
}

Status Applier::Impl::restore_files(std::vector<uint64_t> seqs) {
  TRY(refresh());
  std::ranges::sort(seqs);
  if (seqs.empty() || !options.write_files) return {};
  TRY(journal.flush_all());
  TRY(ahead.scan(applied));
  TRY_ASSIGN(const auto waiting, projection->waiting(seqs.front(), seqs.back()));
  auto restored = visit_applied(
      seqs.front(), seqs.back(),
      [&](uint64_t seq) { return std::ranges::binary_search(seqs, seq) && !waiting.contains(seq); },
      [&](const std::vector<AppliedRecord>& records) { return recheck_until_stable(records); });
  TRY(restored);
  // Most lie below files_synced, where nothing would look at them again.
  return sync_files();
}

Status Applier::restore_rows(std::vector<uint64_t> seqs) {
  return impl_->restore_rows(std::move(seqs));
}

Status Applier::restore_files(std::vector<uint64_t> seqs) {
  return impl_->restore_files(std::move(seqs));
}

Status Applier::recheck_files() {
  return impl_->recheck_files();
}

Status Applier::checkpoint() {
  return impl_->checkpoint();
}

Result<uint64_t> Applier::write_waiting_files() {
  TRY(impl_->refresh());
  TRY(impl_->journal.flush_all());
  TRY(impl_->ahead.scan(impl_->applied));
  return impl_->write_waiting();
}

}  // namespace syncline
