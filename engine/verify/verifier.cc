#include "engine/verify/verifier.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "sync/git/ref_store.h"
#include "sync/own/sync_state.h"

namespace syncline {

namespace {

constexpr uint64_t kProgressEvery = 1024;
constexpr uint64_t kRecordsOfAView = 1000;

}  // namespace

Result<VerifyFloor> verify_floor(Directory& store_directory, const Journal& journal) {
  VerifyFloor floor{.durable = journal.durable()};
  TRY_ASSIGN(const auto state, load_sync_state(store_directory, journal.store()));
  // A cache that knows another journal's commits, or more than this one holds, is not used.
  if (state && state->committed <= floor.durable.seq) floor.committed = state->committed;
  return floor;
}

Verifier::Verifier(const StorePlaces& places, const Config& config, Directory& store_directory,
                   Journal& journal, Database& database, const VerifyFloor& floor,
                   uint64_t first_seq, Progress progress)
    : places_(places),
      config_(config),
      store_directory_(store_directory),
      journal_(journal),
      database_(database),
      floor_(floor),
      first_seq_(first_seq),
      progress_(std::move(progress)) {}

void Verifier::find(FindingClass cls, const Effects& effects, std::string detail) {
  report_.findings.push_back(
      {cls, effects.seq, effects.path, effects.table, effects.id, {}, std::move(detail)});
}

void Verifier::note_edit(const std::string& path, uint64_t seq, const std::string& table,
                         uint64_t id, std::string_view where) {
  report_.notes.push_back(
      {FindingClass::kFileDiffers, seq, path, table, id, {}, std::string(where)});
}

Result<VerifyReport> Verifier::run(Syncer* syncer, std::optional<Error> git_error) {
  syncer_ = syncer;
  git_error_ = std::move(git_error);
  // Nobody can tell then which files a person has removed.
  branch_is_away_ = syncer_ == nullptr && !git_error_;
  TRY_ASSIGN(root_, places_.platform->open_directory(places_.root));
  if (syncer_ != nullptr) {
    const Status loaded = load_trees();
    if (!loaded && loaded.error().code != Code::kCorrupt) return loaded.error();
    if (!loaded) lose_git(loaded.error());
  }
  TRY(read_applied());
  end_ = journal_.durable();
  TRY(collect_outcomes());
  if (syncer_ == nullptr && git_error_) note_git_error();
  TRY(compare_records());
  TRY(check_sections());
  if (!journal_damaged_) {
    TRY(find_orphans());
    if (syncer_ != nullptr) {
      TRY(check_foreign_blobs());
      const Status checked = check_history();
      if (!checked && checked.error().code != Code::kCorrupt) return checked.error();
      if (!checked) {
        lose_git(checked.error());
        note_git_error();
      }
    }
  }
  TRY(tell_behind());
  return std::move(report_);
}

// The repository lacks objects that its refs name: nothing of git is compared then.
void Verifier::lose_git(const Error& error) {
  git_error_ = error;
  syncer_ = nullptr;
  tree_files_.clear();
  branch_goes_on_ = false;
  branch_is_away_ = false;
  sparse_ = {};
  held_.clear();
}

void Verifier::note_git_error() {
  const bool rewritten = git_error_->code == Code::kDisagree;
  report_.findings.push_back(
      {rewritten ? FindingClass::kHistoryRewritten : FindingClass::kRowWithoutCommit,
       0,
       {},
       {},
       0,
       {},
       git_error_->message});
}

// Reads a snapshot of the database. The transaction is short, because while it lasts the WAL cannot
// start over.
Status Verifier::read_applied() {
  TRY(database_.execute("BEGIN"));
  const auto read = [&]() -> Status {
    TRY_ASSIGN(applied_, read_applied_state(database_));
    TRY_ASSIGN(const bool there, database_.has_table("syncline_waiting"));
    if (!there) return {};
    TRY_ASSIGN(Statement waiting, database_.prepare("SELECT seq FROM syncline_waiting"));
    while (true) {
      TRY_ASSIGN(const bool row, waiting.step());
      if (!row) return {};
      waiting_.insert(static_cast<uint64_t>(waiting.integer(0)));
    }
  };
  const Status done = read();
  TRY(database_.execute("COMMIT"));
  return done;
}

void Verifier::note_damage(const Reader& reader, const Error& error) {
  report_.findings.push_back(
      {FindingClass::kJournalDamaged, reader.position().seq + 1, {}, {}, 0, {}, error.message});
  journal_damaged_ = true;
  end_ = reader.position();
}

Status Verifier::collect_outcomes() {
  TRY_ASSIGN(begin_, journal_.begin());
  TRY_ASSIGN(auto reader,
             Reader::open(store_directory_, journal_.store(), begin_, Reading::kThrough));
  while (true) {
    const auto frame = reader->next(end_);
    if (frame && !*frame) return {};
    const Status noted = frame ? tail_.take(**frame) : Status(frame.error());
    if (noted) {
      if ((*frame)->end() <= floor_.durable.position) floor_batches_ = tail_.batches().size();
      continue;
    }
    // Damage is a finding, not a failure of this command; nothing behind it can be judged.
    if (noted.error().code != Code::kCorrupt) return noted;
    note_damage(*reader, noted.error());
    return {};
  }
}

Status Verifier::load_trees() {
  TRY(syncer_->walk_tree_of(syncer_->own_tip(), [&](const TreeEntry& entry) -> Status {
    tree_files_[entry.path].own = entry.blob;
    return {};
  }));
  TRY_ASSIGN(branch_goes_on_, syncer_->branch_goes_on());
  TRY_ASSIGN(const bool checked_out, syncer_->branch_is_checked_out());
  branch_is_away_ = !checked_out;
  TRY_ASSIGN(sparse_, syncer_->sparse_checkout());
  TRY_ASSIGN(held_, syncer_->held_paths());
  return syncer_->walk_branch_tree([&](const TreeEntry& entry) -> Status {
    tree_files_[entry.path].branch = entry.blob;
    return {};
  });
}

bool Verifier::is_ignored(uint64_t seq, const std::string& path, const TreeFile& file) const {
  return file.branch.is_zero() && is_held(held_, seq, path);
}

bool Verifier::removed_by_a_person(uint64_t seq, const std::string& path,
                                   const TreeFile& file) const {
  return branch_goes_on_ && file.branch.is_zero() && seq <= syncer_->published() &&
         !is_held(held_, seq, path);
}

Verifier::TreeFile Verifier::tree_file(const std::string& path) const {
  const auto found = tree_files_.find(path);
  return found == tree_files_.end() ? TreeFile{} : found->second;
}

Status Verifier::compare_records() {
  TRY_ASSIGN(auto reader,
             Reader::open(store_directory_, journal_.store(), begin_, Reading::kThrough));
  // A view for each look would lock and unlock for each row; one for all of them would keep the WAL
  // from starting over.
  std::optional<ReadView> view;
  for (uint64_t records = 0;;) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(end_));
    if (!frame) break;
    if (!is_record(frame->operation)) continue;
    if (records++ % kRecordsOfAView == 0) {
      view.reset();
      TRY_ASSIGN(ReadView begun, ReadView::begin(database_));
      view.emplace(std::move(begun));
    }
    const auto intent = at_frame(*frame, decode_intent(frame->operation, frame->payload));
    if (!intent) {
      if (intent.error().code != Code::kCorrupt) return intent.error();
      report_.findings.push_back(
          {FindingClass::kJournalDamaged, frame->seq, {}, {}, 0, {}, intent.error().message});
      journal_damaged_ = true;
      break;
    }
    if (progress_ && frame->seq % kProgressEvery == 0) progress_(frame->seq, end_.seq);
    const Outcome* const outcome = tail_.outcome(frame->seq);
    TRY(check_record(
        render_effects(*intent, frame->seq, EffectIds(frame->id, outcome), frame->time_ms),
        outcome));
  }
  if (progress_) progress_(end_.seq, end_.seq);
  return {};
}

Status Verifier::check_record(const Effects& effects, const Outcome* outcome) {
  // A committed record was applied before, whatever a database restored from a copy says.
  const uint64_t committed = syncer_ == nullptr ? 0 : syncer_->committed();
  const uint64_t applied = std::max(applied_.applied.seq, committed);
  const bool is_retracted = outcome != nullptr && outcome->is_retracted();
  const bool is_gone = is_retracted && outcome->retracted_by <= applied;
  if (is_gone || effects.retracted) {
    if (effects.seq <= applied) ++report_.checked;
    if (is_gone) check_retracted(effects, outcome->retracted_by);
    return {};
  }
  const bool has_row = outcome == nullptr || outcome->has_row() || is_retracted;
  const bool is_settled = outcome == nullptr || outcome->has_file();
  const bool has_file = is_settled && !effects.path.empty();
  TreeFile file;
  if (has_file) {
    if (const auto found = tree_files_.find(effects.path); found != tree_files_.end()) {
      found->second.is_recorded = true;
      file = found->second;
    }
  }
  if (has_file) orphans_.recorded_paths.insert(effects.path);
  if (has_row && is_settled) {
    ids_by_table_[effects.table].push_back(effects.id);
    id_columns_[effects.table] = effects.id_column;
    if (!effects.found.row) {
      uint64_t& lowest = lowest_given_.try_emplace(effects.table, effects.id).first->second;
      lowest = std::min(lowest, effects.id);
    }
  }
  if (has_file && effects.operation == Operation::kAppend && effects.seq > applied) {
    unapplied_sections_[effects.path].push_back(
        {effects.seq, effects.table, effects.id, effects.text, false});
  }
  if (effects.seq > applied) return {};  // not applied yet
  ++report_.checked;
  if (!has_row) TRY(check_set_aside(effects, outcome->reason));
  if (!is_settled) return {};
  if (has_row) TRY(check_row(effects));
  if (!has_file) return {};
  const bool outside = !sparse_.has(effects.path) && !root_->info(effects.path);
  if (outside) ++files_outside_;
  const bool waits = branch_is_away_ || waiting_.contains(effects.seq) || outside;
  if (effects.operation == Operation::kAppend) {
    sections_[effects.path].push_back(
        {effects.seq, effects.table, effects.id, effects.text, !waits});
    return {};
  }
  if (!waits) TRY(check_file(effects, file));
  if (syncer_ != nullptr) check_commit(effects, file);
  return {};
}

// Its row is among those that no record explains, if it is there; the own ref holds it until the
// retraction is committed.
void Verifier::check_retracted(const Effects& effects, uint64_t by) {
  // What an edit, or a publish that waits, keeps of it is no orphan.
  if (effects.operation == Operation::kAppend) {
    unapplied_sections_[effects.path].push_back(
        {effects.seq, effects.table, effects.id, effects.text, false});
  } else {
    orphans_.recorded_paths.insert(effects.path);
  }
  if (syncer_ == nullptr) return;
  const auto found = tree_files_.find(effects.path);
  if (found == tree_files_.end()) return;
  TreeFile& file = found->second;
  if (syncer_->committed() < by) file.is_recorded = true;
  const bool on_branch = effects.operation == Operation::kCreate && !file.branch.is_zero();
  if (syncer_->published() < by || !on_branch) return;
  note_edit(
      effects.path, effects.seq, effects.table, effects.id,
      fmt::format("kept on the branch, edited by a person; record {} took the record away", by));
}

// Reports, without judging, the records that had not reached a stage when it was looked at.
Status Verifier::tell_behind() {
  const auto tell = [&](uint64_t reached, std::string_view done, const std::string& why) {
    if (reached >= end_.seq) return false;
    const uint64_t count = end_.seq - reached;
    report_.behind.push_back(fmt::format("{} record{} not {} yet{}{}", count,
                                         count == 1 ? " is" : "s are", done,
                                         why.empty() ? "" : ": ", why));
    return true;
  };
  const auto last_line = [&] { return report_.behind.size() - 1; };
  if (journal_damaged_) return {};
  const uint64_t committed = syncer_ == nullptr ? 0 : syncer_->committed();
  if (tell(std::max(applied_.applied.seq, committed), "applied", {})) {
    unexplained_.applied = last_line();
  }
  if (!waiting_.empty()) {
    report_.behind.push_back(fmt::format("{} file{} for the git state of the work tree",
                                         waiting_.size(),
                                         waiting_.size() == 1 ? " waits" : "s wait"));
  }
  if (files_outside_ > 0) {
    report_.behind.push_back(fmt::format(
        "{} record{} looked at in rows, own ref and branch alone: the sparse checkout leaves {} "
        "out of the work tree",
        files_outside_, files_outside_ == 1 ? " was" : "s were",
        files_outside_ == 1 ? "its file" : "their files"));
  }
  if (records_ignored_ > 0) {
    report_.behind.push_back(fmt::format("{} record{} not on the branch: the repository ignores {}",
                                         records_ignored_, records_ignored_ == 1 ? " is" : "s are",
                                         records_ignored_ == 1 ? "its path" : "their paths"));
  }
  if (files_stashed_ > 0) {
    report_.behind.push_back(
        fmt::format("{} file{} away with a stash: `git stash pop` brings {} back", files_stashed_,
                    files_stashed_ == 1 ? " is" : "s are", files_stashed_ == 1 ? "it" : "them"));
  }
  if (branch_is_away_ && syncer_ != nullptr) {
    report_.behind.push_back(fmt::format(
        "no file was looked at in the work tree: {} is not checked out, and its files went with it",
        short_branch_name(syncer_->branch())));
  }
  if (syncer_ == nullptr) return {};
  if (tell(committed, "committed", {})) unexplained_.committed = last_line();
  if (syncer_->published() >= end_.seq) return {};
  TRY_ASSIGN(const std::string why, syncer_->waiting_reason());
  tell(std::max(syncer_->published(), first_seq_ - 1), "published", why);
  return {};
}

// Compares a created file.
Status Verifier::check_file(const Effects& effects, const TreeFile& file) {
  const Result<std::string> text = read_file(*root_, effects.path);
  if (!text) {
    if (text.error().code != Code::kNotFound && text.error().code != Code::kUnsafePath) {
      return text.error();
    }
    gone_files_.insert(hash_blob(effects.text).hex());
    if (removed_by_a_person(effects.seq, effects.path, file)) return {};
    TRY_ASSIGN(const bool away, is_away_with_stash(effects));
    if (away) return {};
    TRY_ASSIGN(const bool staged, removed_in_index(effects.seq, effects.path, file));
    if (staged) {
      note_edit(effects.path, effects.seq, effects.table, effects.id, kRemovedInIndex);
      return {};
    }
    find(FindingClass::kRowWithoutFile, effects, text.error().message);
    return {};
  }
  if (*text == effects.text) return {};
  // A user is editing the file, or has edited it, and may do so.
  const bool published = syncer_ != nullptr && effects.seq <= syncer_->published() &&
                         !is_ignored(effects.seq, effects.path, file);
  const bool branch_too = published && file.branch != hash_blob(effects.text);
  note_edit(effects.path, effects.seq, effects.table, effects.id,
            branch_too ? kEditedEverywhere : kEditedInWorkTree);
  return {};
}

// Compares a created file on the branch, which may hold a user's version of it.
void Verifier::check_commit(const Effects& effects, const TreeFile& file) {
  if (effects.seq > syncer_->committed()) return;
  if (file.own.is_zero()) {
    find(FindingClass::kRowWithoutCommit, effects, "the store's ref does not hold the file");
  } else if (file.own != hash_blob(effects.text)) {
    find(FindingClass::kFileWithoutCommit, effects, "the store's ref does not hold these bytes");
  }
  if (is_ignored(effects.seq, effects.path, file)) {
    ++records_ignored_;
  } else if (removed_by_a_person(effects.seq, effects.path, file)) {
    note_edit(effects.path, effects.seq, effects.table, effects.id, kRemoved);
  } else if (effects.seq <= syncer_->published() && file.branch.is_zero()) {
    find(FindingClass::kUnpublished, effects,
         "the branch does not hold the file: a publish puts it back");
  }
}

// Checks that the commits of the store's ref are the journalled batches, one to one.
Status Verifier::check_history() {
  check_ref_floor();
  if (syncer_->own_tip().is_zero()) return {};
  TRY_ASSIGN(auto claimed, syncer_->claimed_ranges());
  // Batches folded since the ref was looked at are not judged.
  const auto tip = std::ranges::find(claimed, syncer_->own_tip(), &Syncer::ClaimedRange::commit);
  claimed.erase(claimed.begin(), tip == claimed.end() ? claimed.begin() : tip);
  std::map<std::string, const BatchFrame*> journalled;
  for (const BatchFrame& batch : tail_.batches()) journalled[batch.commit.hex()] = &batch;
  uint64_t reached = first_seq_ - 1;
  for (auto range = claimed.rbegin(); range != claimed.rend(); ++range) {
    const auto found = journalled.find(range->commit.hex());
    const bool same = found != journalled.end() && found->second->first_seq == range->first_seq &&
                      found->second->last_seq == range->last_seq && range->first_seq == reached + 1;
    // A batch is journalled behind its records, and may be trimmed with the last of them.
    const bool trimmed = found == journalled.end() && range->last_seq <= begin_.seq &&
                         range->first_seq == reached + 1;
    if (!same && !trimmed) {
      report_.findings.push_back(
          {FindingClass::kHistoryRewritten,
           range->first_seq,
           {},
           {},
           0,
           range->commit.hex(),
           fmt::format("the commit claims records {} to {}, the journal does not", range->first_seq,
                       range->last_seq)});
    }
    reached = range->last_seq;
  }
  return {};
}

// The ref only moves forward. So it holds what sync.state had seen on it, and every journalled
// batch but the last, because the next batch is built upon it.
void Verifier::check_ref_floor() {
  uint64_t floor = floor_.committed;
  const auto standing = standing_batches(std::span(tail_.batches()).first(floor_batches_));
  if (standing.size() > 1) floor = std::max(floor, (standing.end() - 2)->last_seq);
  if (floor <= syncer_->committed()) return;
  report_.findings.push_back({FindingClass::kRowWithoutCommit,
                              syncer_->committed() + 1,
                              {},
                              {},
                              0,
                              {},
                              fmt::format("the store's ref ends at record {}; it has held record "
                                          "{}",
                                          syncer_->committed(), floor)});
}

}  // namespace syncline
