#include "engine/roles/projector.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "engine/place/database_place.h"
#include "engine/projection/database_replacement.h"
#include "engine/roles/retention.h"
#include "journal/base/backoff.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/record/control_frame.h"
#include "sync/git/worktree_state.h"

namespace syncline {

namespace {

// How long to rely on the holder of a role before trying its lock oneself: it may have died. A
// wake-up comes with every progress; this only bounds what a death costs.
constexpr int64_t kRoleRetryMs = 20;
// A one-shot caller does others' work too, but not for ever.
constexpr int kTurnsMax = 64;
// Turns that find the database exchanged under them before who waits is told.
constexpr int kExchangesMax = 50;

class HeldLock {
 public:
  explicit HeldLock(FileLock& lock) : lock_(lock) {}
  ~HeldLock() { lock_.unlock(); }
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;

 private:
  FileLock& lock_;
};

// Somebody deleted or exchanged the database under a turn: the next one finds what is there now.
// Another program that holds its lock has been waited for already.
bool is_exchanged(const Error& error) {
  return error.code == Code::kNotFound ||
         (error.code == Code::kBusy && error.hint == kDatabaseExchangedHint);
}

Deadline sooner(Deadline a, Deadline b) {
  return a.monotonic_ns < b.monotonic_ns ? a : b;
}

}  // namespace

Projector::Projector(const StorePlaces& places, const Identity& identity,
                     std::shared_ptr<const Config> config, Directory& store_directory,
                     Journal& journal, Clock& clock, bool take_over_database)
    : places_(places),
      identity_(identity),
      config_(std::move(config)),
      database_file_(database_file(places, *config_)),
      branch_(config_->sync.branch.empty() ? identity.branch : config_->sync.branch),
      branch_was_born_(identity.ready && branch_ == identity.branch),
      take_over_database_(take_over_database),
      store_directory_(store_directory),
      journal_(journal),
      clock_(clock) {}

Projector::~Projector() = default;

// ---- apply ----

Status Projector::open_applier() {
  if (applier_ == nullptr) TRY(finish_replacement());
  TRY_ASSIGN(const bool there, places_.platform->is_there(database_file_.path));
  // One that was damaged and moved aside has been spoken of.
  const bool missing = !there && !replaced_ && journal_.durable().seq > 0;
  TRY(reach_applier());
  replaced_ = false;
  if (!missing) return {};
  TRY_ASSIGN(const Mark begin, journal_.begin());
  note(fmt::format("{} was missing: rebuilt from the journal{}", database_file_.path,
                   begin.seq == 0 ? ""
                                  : fmt::format(", which was trimmed: rows of records up to {} "
                                                "are gone, their keys are kept",
                                                begin.seq)));
  return {};
}

Status Projector::reach_applier() {
  if (applier_ != nullptr) {
    const Status refreshed = applier_->refresh();
    if (refreshed || refreshed.error().code != Code::kCorrupt) return refreshed;
    applier_.reset();
    TRY(finish_replacement());
  }
  Status ready = make_applier();
  // Half ready is not open: a checkpoint by the next turn would call synced what nobody has looked
  // for.
  if (!ready) applier_.reset();
  return ready;
}

Status Projector::make_applier() {
  ApplierOptions options;
  options.work_tree = places_.root;
  options.database_path = database_file_.path;
  options.sqlite_vfs = database_file_.vfs;
  options.take_over_database = take_over_database_;
  for (const KindSpec& kind : config_->kinds) {
    options.ddl.emplace_back(kind.table, kind.create_table);
  }
  options.files_must_wait = [this] { return files_must_wait(); };
  Status opened = open_applier_with(options);
  if (!opened && opened.error().code == Code::kCorrupt) {
    TRY(replace_database());
    opened = open_applier_with(options);
    // What was acknowledged as applied is in it again before anybody else sees it: this process may
    // have come for a checkpoint only, with nothing of its own to apply.
    while (opened) {
      TRY_ASSIGN(const ApplyReport report, applier_->step());
      if (!report.more) break;
    }
  }
  if (!opened) return opened;
  return recheck_after_cache_loss();
}

// A file that git tracks may not change under a merge, a rebase or another branch. Where the state
// cannot be told the section waits: it can always be written later.
bool Projector::files_must_wait() {
  const auto paths = git_paths_at(places_.root, *places_.platform);
  if (!paths) return true;
  const auto git = open_git_directories(*paths);
  if (!git) return true;
  const WorktreeQuestion question{.branch = branch_, .lock_owner = {}, .locks_matter = false};
  const auto reason = worktree_waiting_reason(*git, question, clock_);
  return !reason || !reason->empty();
}

Status Projector::open_applier_with(const ApplierOptions& options) {
  TRY_ASSIGN(auto work_tree, places_.platform->open_directory(places_.root));
  TRY_ASSIGN(applier_,
             Applier::open(store_directory_, journal_, clock_, std::move(work_tree), options));
  journal_.set_watermark(Watermark::kApplied, applier_->applied().seq);
  return {};
}

// The page cache of unsynced files may be gone: after a reboot, or a new mount. What the token says
// is compared, not the clock; where the kernel cannot tell, who opens the store alone always
// checks.
Status Projector::recheck_after_cache_loss() {
  TRY_ASSIGN(const std::string token, store_directory_.cache_token());
  const Result<std::string> before = read_file(store_directory_, kCacheTokenFile);
  const bool same = before && *before == token && !token.empty();
  if (same || (token.empty() && !journal_.recovery().alone)) return {};
  TRY(applier_->recheck_files());
  return replace_file(store_directory_, kCacheTokenFile, as_bytes(token), /*durable=*/false);
}

// With no connection of this process open. The projection begins anew, or at what was carried over.
Status Projector::replace_database() {
  TRY_ASSIGN(const Mark begin, journal_.begin());
  DatabaseReplacement replacement(places_, store_directory_, database_file_, clock_);
  TRY_ASSIGN(std::string told, replacement.replace(begin.seq));
  note(std::move(told));
  replaced_ = true;
  journal_.reset_watermark(Watermark::kApplied, 0);
  return {};
}

Status Projector::finish_replacement() {
  DatabaseReplacement replacement(places_, store_directory_, database_file_, clock_);
  TRY_ASSIGN(std::optional<std::string> told, replacement.finish());
  if (!told) return {};
  replaced_ = true;
  note(std::move(*told));
  return {};
}

bool Projector::apply_pending() const {
  return journal_.watermark(Watermark::kApplied) < journal_.durable().seq;
}

Result<bool> Projector::apply_turn() {
  if (apply_lock_ == nullptr) {
    TRY_ASSIGN(apply_lock_, journal_.open_role(kApplyLockName));
  }
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    TRY_ASSIGN(const bool held, apply_lock_->try_lock(FileLock::Mode::kExclusive));
    if (!held) return false;
    {
      const HeldLock hold(*apply_lock_);
      TRY(open_applier());
      while (true) {
        TRY_ASSIGN(const ApplyReport report, applier_->step());
        if (!report.more) break;
      }
      TRY_ASSIGN(const AppliedState state, read_applied_state(applier_->database()));
      if (state.files_waiting != 0 && !files_must_wait()) TRY(applier_->write_waiting_files());
      if (applier_->checkpoint_due()) TRY(applier_->checkpoint());
    }
    if (!apply_pending()) break;
  }
  return true;
}

Result<bool> Projector::try_apply() {
  MutexLock lock(apply_mutex_);
  try {
    return apply_turn();
  } catch (const std::bad_alloc&) {
    // Half of a step may be in its memory; the journal and the database hold the whole.
    applier_.reset();
    return out_of_memory();
  }
}

Status Projector::apply_until(uint64_t seq, Deadline deadline) {
  int exchanged = 0;
  while (journal_.watermark(Watermark::kApplied) < seq) {
    const Result<bool> turn = try_apply();
    if (!turn && is_exchanged(turn.error()) && ++exchanged < kExchangesMax &&
        !clock_.passed(deadline)) {
      clock_.pause_ns(kRoleRetryMs * 1'000'000);
      continue;
    }
    if (!turn) return turn.error();
    const bool held = *turn;
    if (journal_.watermark(Watermark::kApplied) >= seq) break;
    if (clock_.passed(deadline)) {
      return make_error(Code::kTimeout, "the record is journalled; applying it goes on");
    }
    if (held) {
      // Applied as far as is durable, and still not there: seq is not durable, which callers
      // exclude.
      return make_error(Code::kInternal, fmt::format("record {} is not durable", seq));
    }
    journal_.add_counter(Counter::kRetries);
    journal_.wait_watermark(Watermark::kApplied, seq,
                            sooner(deadline, clock_.after_ms(kRoleRetryMs)));
  }
  return {};
}

Status Projector::with_applier(const std::function<Status(Applier&)>& use) {
  MutexLock lock(apply_mutex_);
  if (apply_lock_ == nullptr) {
    TRY_ASSIGN(apply_lock_, journal_.open_role(kApplyLockName));
  }
  TRY(apply_lock_->lock(FileLock::Mode::kExclusive, kForever));
  const HeldLock hold(*apply_lock_);
  try {
    TRY(open_applier());
    return use(*applier_);
  } catch (const std::bad_alloc&) {
    applier_.reset();
    return out_of_memory();
  }
}

Status Projector::checkpoint() {
  return with_applier([](Applier& applier) { return applier.checkpoint(); });
}

Status Projector::rebuild_database() {
  {
    MutexLock lock(apply_mutex_);
    if (apply_lock_ == nullptr) {
      TRY_ASSIGN(apply_lock_, journal_.open_role(kApplyLockName));
    }
    TRY(apply_lock_->lock(FileLock::Mode::kExclusive, kForever));
    const HeldLock hold(*apply_lock_);
    applier_.reset();
    TRY(finish_replacement());
    // Another process may have rebuilt it while this one waited for the lock.
    const Status sound = check_database(database_file_);
    if (sound) return {};
    if (sound.error().code != Code::kCorrupt) return sound;
    TRY(replace_database());
  }
  TRY_ASSIGN([[maybe_unused]] const bool held, try_apply());
  return {};
}

// ---- sync ----

Status Projector::open_syncer() {
  if (syncer_ != nullptr) return {};
  SyncOptions options = config_->sync;
  options.branch = branch_;
  options.branch_was_born = branch_was_born_;
  TRY_ASSIGN(syncer_, Syncer::open(places_.root, store_directory_, journal_, clock_, options,
                                   *places_.platform));
  return {};
}

Status Projector::open_outcomes() {
  // A database that was rebuilt is another file.
  if (sync_database_ != nullptr && !sync_database_->has_moved()) return {};
  outcomes_.reset();
  sync_database_.reset();
  TRY_ASSIGN(sync_database_, open_to_read(database_file_));
  if (sync_database_ == nullptr) {
    return make_error(Code::kBusy, "the database is being rebuilt: what it holds is committed then",
                      "try again");
  }
  outcomes_ = std::make_unique<DatabaseOutcomes>(*sync_database_);
  return {};
}

Result<Mark> Projector::applied_mark() {
  TRY_ASSIGN(const AppliedState state, read_applied_state(*sync_database_));
  return state.applied;
}

// Up to where rows, files and commits hold everything, and nobody reads on from before it.
Result<Mark> Projector::carried_mark() {
  const uint64_t carried = std::min(syncer_->committed(), syncer_->published());
  TRY_ASSIGN(const AppliedState state, read_applied_state(*sync_database_));
  if (state.files_waiting != 0) return Mark{};  // their sections are still to be read
  Mark mark = state.applied;
  // The applied watermark is exact; of earlier records only a place somewhere before them is known.
  if (carried < mark.seq) {
    TRY_ASSIGN(mark, position_before(*sync_database_, carried + 1));
  }
  mark.position = std::min(mark.position, syncer_->reads_from());
  return mark;
}

// With the sync role: what every projection holds durably may go from the journal. A checkpoint
// that fails trims nothing.
Status Projector::trim_journal() {
  // Looked at before the checkpoint, which is work: is there anything that could go?
  TRY_ASSIGN(const Mark limit, carried_mark());
  TRY_ASSIGN(const std::optional<Mark> mark,
             trimmable(store_directory_, journal_.store(), *config_, limit, clock_.now_ms()));
  if (!mark) return {};
  CheckpointFrame checkpoint{.files_synced = 0,
                             .applied = 0,
                             .committed = std::min(syncer_->committed(), syncer_->published())};
  TRY(with_applier([&](Applier& applier) -> Status {
    TRY(applier.checkpoint());
    checkpoint.files_synced = applier.files_synced();
    checkpoint.applied = applier.applied().seq;
    return {};
  }));
  if (std::min(checkpoint.files_synced, checkpoint.applied) < mark->seq) return {};
  TRY(syncer_->committer().make_ref_durable());
  TRY(journal_.append_control(Operation::kCheckpoint, encode(checkpoint), clock_.now_ms()));
  Database& database = *sync_database_;
  const auto keep = [&](Directory& folder, const Mark& from, const Mark& to) -> Status {
    TRY_ASSIGN(const KeptKeys kept,
               kept_keys_of(store_directory_, journal_.store(), database, from, to));
    return write_kept_keys(folder, journal_.store(), kept);
  };
  TRY_ASSIGN([[maybe_unused]] const uint64_t segments, journal_.trim(*mark, keep));
  return {};
}

bool Projector::fold_pending() const {
  return journal_.watermark(Watermark::kCommitted) < journal_.watermark(Watermark::kApplied);
}

Result<bool> Projector::sync_turn(bool publish_now) {
  if (sync_lock_ == nullptr) {
    TRY_ASSIGN(sync_lock_, journal_.open_role(kSyncLockName));
  }
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    TRY_ASSIGN(const bool held, sync_lock_->try_lock(FileLock::Mode::kExclusive));
    if (!held) return false;
    {
      const HeldLock hold(*sync_lock_);
      TRY(open_syncer());
      TRY(open_outcomes());
      TRY_ASSIGN(const Mark applied, applied_mark());
      TRY_ASSIGN([[maybe_unused]] const FoldReport folded,
                 syncer_->committer().fold(applied, *outcomes_));
      if (publish_now || syncer_->publisher().due()) {
        TRY_ASSIGN(last_publish_, syncer_->publisher().publish(*outcomes_));
      }
      if (const Status tidy = syncer_->consolidator().run_if_due(); !tidy) {
        note("consolidating packs failed and is tried again later: " + tidy.error().message);
      }
      for (std::string& told : syncer_->committer().take_notes()) note(std::move(told));
      if (retention_is_set(*config_)) TRY(trim_journal());
    }
    if (!fold_pending()) break;
  }
  return true;
}

Result<bool> Projector::try_sync(bool publish_now) {
  MutexLock lock(sync_mutex_);
  try {
    return sync_turn(publish_now);
  } catch (const std::bad_alloc&) {
    syncer_.reset();
    outcomes_.reset();
    sync_database_.reset();
    return out_of_memory();
  }
}

Status Projector::fold_until(uint64_t seq, Deadline deadline) {
  while (journal_.watermark(Watermark::kCommitted) < seq) {
    TRY_ASSIGN(const bool held, try_sync(/*publish_now=*/false));
    if (journal_.watermark(Watermark::kCommitted) >= seq) break;
    if (clock_.passed(deadline)) {
      return make_error(Code::kTimeout, "the record is applied; committing it goes on");
    }
    if (held) {
      return make_error(Code::kBusy,
                        fmt::format("record {} is not applied any more: the database is being "
                                    "rebuilt",
                                    seq),
                        "try again");
    }
    journal_.add_counter(Counter::kRetries);
    journal_.wait_watermark(Watermark::kCommitted, seq,
                            sooner(deadline, clock_.after_ms(kRoleRetryMs)));
  }
  return {};
}

Result<PublishReport> Projector::publish_until(uint64_t seq, Deadline deadline) {
  Backoff backoff(places_.platform->random(), {.first_ns = 5'000'000, .longest_ns = 500'000'000});
  PublishReport report;
  while (true) {
    bool held = false;
    {
      MutexLock lock(sync_mutex_);
      TRY_ASSIGN(held, sync_turn(/*publish_now=*/true));
      if (held) {
        // What earlier tries put back or left is part of what this call did.
        report.left.insert(report.left.end(), last_publish_.left.begin(), last_publish_.left.end());
        report.republished.insert(report.republished.end(), last_publish_.republished.begin(),
                                  last_publish_.republished.end());
        report.published = last_publish_.published;
        report.commit = last_publish_.commit;
        report.waiting = last_publish_.waiting;
      }
    }
    if (held && report.waiting.empty()) return report;
    if (!held && journal_.watermark(Watermark::kPublished) >= seq) {
      report.published = journal_.watermark(Watermark::kPublished);
      report.waiting.clear();
      return report;
    }
    if (clock_.passed(deadline)) {
      if (report.waiting.empty()) report.waiting = "another process is syncing";
      return report;
    }
    journal_.add_counter(Counter::kRetries);
    clock_.pause_ns(backoff.next_delay_ns());
  }
}

Result<std::optional<uint64_t>> Projector::push(Deadline deadline) {
  MutexLock lock(sync_mutex_);
  if (sync_lock_ == nullptr) {
    TRY_ASSIGN(sync_lock_, journal_.open_role(kSyncLockName));
  }
  TRY(sync_lock_->lock(FileLock::Mode::kExclusive, deadline));
  const HeldLock hold(*sync_lock_);
  TRY(open_syncer());
  TRY(syncer_->committer().refresh());
  TRY(syncer_->pusher().push(deadline));
  return syncer_->pusher().pushed();
}

Status Projector::with_syncer(const std::function<Status(Syncer&, OutcomeSource&)>& use) {
  MutexLock lock(sync_mutex_);
  if (sync_lock_ == nullptr) {
    TRY_ASSIGN(sync_lock_, journal_.open_role(kSyncLockName));
  }
  TRY(sync_lock_->lock(FileLock::Mode::kExclusive, kForever));
  const HeldLock hold(*sync_lock_);
  TRY(open_syncer());
  TRY(open_outcomes());
  TRY(use(*syncer_, *outcomes_));
  for (std::string& told : syncer_->committer().take_notes()) note(std::move(told));
  return {};
}

Status Projector::read_syncer(const std::function<Status(Syncer&)>& use) {
  MutexLock lock(sync_mutex_);
  TRY(open_syncer());
  TRY(syncer_->committer().refresh());
  return use(*syncer_);
}

void Projector::note(std::string text) {
  MutexLock lock(notes_mutex_);
  notes_.push_back(std::move(text));
}

std::vector<std::string> Projector::take_notes() {
  MutexLock lock(notes_mutex_);
  return std::exchange(notes_, {});
}

}  // namespace syncline
