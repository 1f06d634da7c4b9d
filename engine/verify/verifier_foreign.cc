// The Verifier's part for what no record has made: rows of people's own in the kinds' tables, which
// are notes, and files on the store's ref, where nobody else writes.
#include "engine/verify/verifier.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"

namespace syncline {

Status Verifier::check_foreign_rows() {
  // Another snapshot of the database, as short as the first; its records are looked up below.
  TRY(database_.execute("BEGIN"));
  Result<std::vector<Finding>> strangers = find_strangers();
  TRY(database_.execute("COMMIT"));
  if (!strangers) return std::move(strangers).error();
  if (!strangers->empty()) TRY(keep_unexplained(*strangers));
  std::ranges::move(*strangers, std::back_inserter(report_.notes));
  return {};
}

Result<std::vector<Finding>> Verifier::find_strangers() {
  std::vector<Finding> strangers;
  // Nothing says which rows belong to records trimmed from the journal, except that their ids come
  // before those of the records that are left, unless they were rebound.
  std::set<uint64_t> trimmed_rebound;
  if (begin_.seq > 0) {
    TRY_ASSIGN(const auto outcomes, read_outcomes(database_, 1, begin_.seq));
    for (const auto& [seq, outcome] : outcomes) {
      if (outcome.kind == Outcome::Kind::kRebind) trimmed_rebound.insert(outcome.new_id);
    }
  }
  for (auto& [table, ids] : ids_by_table_) {
    std::sort(ids.begin(), ids.end());
    auto query = database_.prepare(fmt::format("SELECT {0} FROM {1} ORDER BY {0}",
                                               quote_identifier(id_columns_[table]),
                                               quote_identifier(table)));
    if (!query) continue;  // no such table: its rows were reported one by one
    auto next = ids.begin();
    while (true) {
      TRY_ASSIGN(const bool row, query->step());
      if (!row) break;
      const auto id = static_cast<uint64_t>(query->integer(0));
      while (next != ids.end() && *next < id) ++next;
      if (next != ids.end() && *next == id) continue;
      if (begin_.seq > 0 && (id < ids.front() || trimmed_rebound.contains(id))) continue;
      strangers.push_back({FindingClass::kForeignRow,
                           0,
                           {},
                           table,
                           id,
                           {},
                           "a row that did not come through the journal"});
    }
  }
  return strangers;
}

Status Verifier::keep_unexplained(std::vector<Finding>& strangers) {
  std::set<std::pair<std::string, uint64_t>> recorded;
  std::set<uint64_t> rebound;
  TRY_ASSIGN(auto reader, Reader::open(store_directory_, journal_.store(), end_));
  const Mark now = journal_.durable();
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(now));
    if (!frame) break;
    if (is_record(frame->operation)) {
      TRY_ASSIGN(const Intent intent,
                 at_frame(*frame, decode_intent(frame->operation, frame->payload)));
      recorded.emplace(intent.table, frame->id);
    } else if (frame->operation == Operation::kRebind) {
      TRY_ASSIGN(const Outcome outcome,
                 at_frame(*frame, decode_outcome(frame->operation, frame->payload)));
      rebound.insert(outcome.new_id);
    }
  }
  std::erase_if(strangers, [&](const Finding& row) {
    return recorded.contains({row.table, row.id}) || rebound.contains(row.id);
  });
  return {};
}

Status Verifier::check_foreign_blobs() {
  if (begin_.seq > 0) {
    // For trimmed records, the commit that holds the last of them counts; later commits are
    // compared with the journal.
    ObjectId held = syncer_->own_tip();
    if (!tail_.batches().empty()) held = tail_.batches().front().parent;
    for (const BatchFrame& batch : tail_.batches()) {
      if (batch.first_seq <= begin_.seq) held = batch.commit;
    }
    TRY(syncer_->walk_tree_of(held, [&](const TreeEntry& entry) -> Status {
      tree_files_[entry.path].is_recorded = true;
      return {};
    }));
  }
  for (const auto& [path, file] : tree_files_) {
    if (file.own.is_zero() || file.is_recorded) continue;
    report_.findings.push_back({FindingClass::kCommitWithoutRow,
                                0,
                                path,
                                {},
                                0,
                                {},
                                "the store's ref holds a file no record made"});
  }
  return {};
}

}  // namespace syncline
