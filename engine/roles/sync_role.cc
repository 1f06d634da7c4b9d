#include "engine/roles/sync_role.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/projection/memos.h"
#include "engine/projection/projection.h"
#include "engine/roles/retention.h"
#include "journal/base/backoff.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/record/control_frame.h"
#include "sync/own/sync_trouble.h"

namespace syncline {

namespace {

// So long a wait for a person's git says nothing.
constexpr int64_t kSilentWaitMs = 1000;

// The apply role or SQLite's lock: nothing has failed.
bool is_held_by_another(const Error& error) {
  return error.code == Code::kTimeout || is_database_locked(error);
}

}  // namespace

SyncRole::SyncRole(RoleContext& context, ApplyRole& apply)
    : context_(context),
      apply_(apply),
      role_(context.journal, context.clock, context.places.platform->random(), kSyncLockName) {}

Status SyncRole::open_syncer() {
  if (syncer_ != nullptr) return {};
  TRY_ASSIGN(syncer_, context_.open_syncer());
  return {};
}

Status SyncRole::open_outcomes() {
  // A database that was rebuilt is another file.
  if (database_ != nullptr && !database_->has_moved()) return {};
  outcomes_.reset();
  database_.reset();
  TRY_ASSIGN(database_, open_to_read(context_.database_file));
  if (database_ == nullptr) {
    return make_error(Code::kBusy, "the database is being rebuilt: what it holds is committed then",
                      "try again");
  }
  outcomes_ = std::make_unique<DatabaseOutcomes>(*database_);
  return {};
}

void SyncRole::note_committer() {
  for (std::string& told : syncer_->committer().take_notes()) context_.notes.add(std::move(told));
}

Status SyncRole::follow_branch() {
  TRY_ASSIGN(std::string told, syncer_->follow_branch());
  if (!told.empty()) context_.notes.add(std::move(told));
  return {};
}

template <typename Work>
std::invoke_result_t<Work> SyncRole::within_memory(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    syncer_.reset();
    outcomes_.reset();
    database_.reset();
    return out_of_memory();
  }
}

// ---- turns ----

bool SyncRole::is_pending() const {
  return context_.journal.watermark(Watermark::kCommitted) <
         context_.journal.watermark(Watermark::kApplied);
}

Status SyncRole::sync_pending(bool publish_now) {
  TRY(open_syncer());
  TRY(open_outcomes());
  TRY_ASSIGN(const AppliedState state, read_applied_state(*database_));
  TRY_ASSIGN([[maybe_unused]] const FoldReport folded,
             syncer_->committer().fold(state.applied, *outcomes_, UINT64_MAX,
                                       [this] { return context_.is_over(); }));
  TRY(follow_branch());
  bool files_wait = state.files_waiting != 0;
  if (files_wait) {
    TRY(write_waiting_created());
    TRY_ASSIGN(const AppliedState now, read_applied_state(*database_));
    files_wait = now.files_waiting != 0;
  }
  // A broken repository is the publish's to tell, when one is due.
  const bool make_up = syncer_->publisher().must_make_up().value_or(false);
  if (publish_now || make_up || syncer_->publisher().due(files_wait)) {
    TRY(publish(files_wait, publish_now || make_up ? Pace::kAsked : Pace::kQuiet));
  } else if (files_wait) {
    last_publish_ = {};
    // Those of a publish that ended before it had come to them.
    TRY(with_applier([&](Applier& applier)
                         REQUIRES(role_.mutex) { return write_published_sections(applier); }));
  }
  if (files_wait && !publish_now && context_.short_lived) TRY(tell_files_wait());
  if (const Status tidy = syncer_->consolidator().run_if_due(); !tidy) {
    context_.notes.add("consolidating packs failed and is tried again later: " +
                       tidy.error().message);
  }
  note_committer();
  if (retention_is_set(*context_.config)) TRY(trim_journal());
  context_.journal.set_moment(Moment::kSyncTurn, context_.clock.now_ms());
  if (context_.short_lived) {
    // It only spares the next caller some work.
    static_cast<void>(leave_memo());
  }
  return {};
}

// Sections that wait are written into the work tree by the publish, so that work tree, index and
// branch change together. Nobody applies meanwhile.
Status SyncRole::publish(bool files_wait, Pace pace) {
  Publisher& publisher = syncer_->publisher();
  if (!files_wait) {
    TRY_ASSIGN(last_publish_, publisher.publish(*outcomes_, {}, pace));
    return {};
  }
  return with_applier([&](Applier& applier) REQUIRES(role_.mutex) -> Status {
    const WaitingSections waiting{
        .settle =
            [&applier, &syncer = *syncer_](uint64_t last_seq) {
              return applier.settle_waiting_files(last_seq, syncer.published());
            },
        .write =
            [&applier, &syncer = *syncer_](uint64_t last_seq) {
              return applier.place_waiting_files(last_seq, syncer.published());
            }};
    TRY_ASSIGN(last_publish_, publisher.publish(*outcomes_, waiting, pace));
    return write_published_sections(applier);
  });
}

// Before the publish, which would call them put back.
Status SyncRole::write_waiting_created() {
  return with_applier([&](Applier& applier) REQUIRES(role_.mutex) {
    return applier.write_waiting_created(syncer_->published());
  });
}

Status SyncRole::write_published_sections(Applier& applier) {
  const uint64_t published = syncer_->published();
  TRY_ASSIGN([[maybe_unused]] const uint64_t written,
             applier.write_waiting_files(published, published));
  return {};
}

// A one-shot call leaves them to a later one: whoever reads the file then does not find them yet.
Status SyncRole::tell_files_wait() {
  if (syncer_->published() >= syncer_->committed()) return {};
  std::string why = last_publish_.waiting;
  if (why.empty()) {
    TRY_ASSIGN(why, syncer_->publisher().waiting_reason());
  }
  if (why.empty()) why = kJustMoved;
  context_.notes.add("what is recorded comes into its files with the next publish, which waits: " +
                     why);
  return {};
}

Status SyncRole::leave_memo() {
  Journal& journal = context_.journal;
  TRY_ASSIGN(const auto common,
             context_.places.platform->open_directory(context_.places.common_dir));
  const auto fingerprint = [&] {
    return git_fingerprint(*common, context_.store_directory, journal.store());
  };
  TRY_ASSIGN(const uint64_t before, fingerprint());
  const GitMemo memo{.committed = syncer_->committed(), .published = syncer_->published()};
  TRY_ASSIGN(const uint64_t after, fingerprint());
  if (after == before) remember(journal, memo, after);
  return {};
}

void SyncRole::note_failure(const Error& error) {
  // Others are at work, or time is up: nothing has failed.
  if (error.code == Code::kBusy || error.code == Code::kTimeout) return;
  const std::string way_out =
      error.hint.empty() ? "run `syncline sync` once that is mended" : error.hint;
  // Where it cannot be written whoever asks later looks for a reason alone.
  static_cast<void>(note_trouble(context_.store_directory,
                                 fmt::format("the last try to commit or publish failed: {}; {}",
                                             error.message, way_out))
                        .has_value());
}

Status SyncRole::with_applier(const std::function<Status(Applier&)>& use) {
  return apply_.with_applier(use, turn_until_);
}

Result<bool> SyncRole::take_turns(bool publish_now, Deadline deadline) {
  turn_until_ = deadline;
  return within_memory([&]() REQUIRES(role_.mutex) {
    return role_.try_turns(
        [&]() REQUIRES(role_.mutex) -> Status {
          Status turn = sync_pending(publish_now);
          if (!turn) note_failure(turn.error());
          return turn;
        },
        [this] { return is_pending(); });
  });
}

Result<bool> SyncRole::try_turns(bool publish_now, Deadline deadline) {
  MutexLock lock(role_.mutex);
  return take_turns(publish_now, deadline);
}

Status SyncRole::fold_until(uint64_t seq, Deadline deadline) {
  const auto on_stuck = [seq] {
    return make_error(
        Code::kBusy,
        fmt::format("record {} is not applied any more: the database is being rebuilt", seq),
        "try again");
  };
  return role_.reach({.watermark = Watermark::kCommitted,
                      .seq = seq,
                      .deadline = deadline,
                      .on_timeout = "the record is applied; committing it goes on",
                      .on_stuck = on_stuck},
                     [&] { return try_turns(/*publish_now=*/false, deadline); });
}

Result<PublishReport> SyncRole::publish_until(uint64_t seq, Deadline deadline) {
  Journal& journal = context_.journal;
  Clock& clock = context_.clock;
  Backoff backoff(context_.places.platform->random(),
                  {.first_ns = 5'000'000, .longest_ns = 1'000'000'000});
  PublishReport report;
  const Deadline silent_until = clock.after_ms(kSilentWaitMs);
  std::string told;
  while (true) {
    bool had_role = false;
    {
      MutexLock lock(role_.mutex);
      const Result<bool> turns = take_turns(/*publish_now=*/true, deadline);
      const bool held = !turns && is_held_by_another(turns.error());
      if (!turns && !(held && !deadline.forever())) return turns.error();
      if (held) report.waiting = turns.error().message;
      had_role = turns.value_or(false);
      if (had_role) {
        // What earlier tries put back or left is part of what this call did.
        report.left.insert(report.left.end(), last_publish_.left.begin(), last_publish_.left.end());
        report.republished.insert(report.republished.end(), last_publish_.republished.begin(),
                                  last_publish_.republished.end());
        report.published = last_publish_.published;
        report.commit = last_publish_.commit;
        report.ignored = last_publish_.ignored;
        report.waiting = last_publish_.waiting;
      }
    }
    if (had_role && report.waiting.empty()) return report;
    if (!had_role && journal.watermark(Watermark::kPublished) >= seq) {
      report.published = journal.watermark(Watermark::kPublished);
      report.waiting.clear();
      return report;
    }
    const StorePlaces& places = context_.places;
    const bool in_vain = had_role && places.platform->git_waits_for_us(places.root, places.git_dir);
    if (clock.passed(deadline) || in_vain) {
      if (report.waiting.empty()) report.waiting = "another process is syncing";
      return report;
    }
    if (context_.on_wait && clock.passed(silent_until)) {
      const std::string why =
          report.waiting.empty() ? "another process is syncing" : report.waiting;
      if (std::exchange(told, why) != why) context_.on_wait(why);
    }
    // Woken when another process publishes.
    const uint64_t next = std::max(seq, journal.watermark(Watermark::kPublished) + 1);
    journal.wait_watermark(Watermark::kPublished, next,
                           sooner(deadline, clock.after_ns(backoff.next_delay_ns())));
    journal.count_retry(had_role ? RetryCause::kGitState : RetryCause::kLockWait);
  }
}

Result<PublishReport> SyncRole::restore(const std::set<std::string>& paths,
                                        const std::function<bool(uint64_t seq)>& wanted) {
  RoleGuard guard(role_);
  TRY(guard.lock(kForever));
  turn_until_ = kForever;
  return within_memory([&]() REQUIRES(role_.mutex) -> Result<PublishReport> {
    TRY(sync_pending(/*publish_now=*/true));
    if (!last_publish_.waiting.empty()) return last_publish_;
    PublishReport report;
    TRY(with_applier([&](Applier& /*applier*/) REQUIRES(role_.mutex) -> Status {
      TRY_ASSIGN(report, syncer_->publisher().restore(*outcomes_, paths, wanted));
      return {};
    }));
    return report;
  });
}

Result<std::optional<uint64_t>> SyncRole::push(Deadline deadline) {
  RoleGuard guard(role_);
  TRY(guard.lock(deadline));
  turn_until_ = deadline;
  return within_memory([&]() REQUIRES(role_.mutex) -> Result<std::optional<uint64_t>> {
    TRY(open_syncer());
    TRY(syncer_->committer().refresh());
    TRY(follow_branch());
    const Status done = syncer_->pusher().push(
        deadline,
        [&](const std::function<Status(OutcomeSource&)>& work) REQUIRES(role_.mutex) -> Status {
          TRY(sync_pending(/*publish_now=*/true));
          return with_applier([&](Applier& /*applier*/)
                                  REQUIRES(role_.mutex) { return work(*outcomes_); });
        });
    for (std::string& told : syncer_->pusher().take_notes()) context_.notes.add(std::move(told));
    TRY(done);
    return syncer_->pusher().pushed();
  });
}

Status SyncRole::with_syncer(const std::function<Status(Syncer&, OutcomeSource&)>& use) {
  RoleGuard guard(role_);
  TRY(guard.lock(kForever));
  return within_memory([&]() REQUIRES(role_.mutex) -> Status {
    TRY(open_syncer());
    TRY(open_outcomes());
    TRY(use(*syncer_, *outcomes_));
    note_committer();
    return {};
  });
}

Status SyncRole::read_syncer(const std::function<Status(Syncer&)>& use) {
  if (!role_.mutex.try_lock()) return read_beside(use);
  const Status read = within_memory([&]() REQUIRES(role_.mutex) -> Status {
    TRY(open_syncer());
    TRY(syncer_->committer().refresh());
    TRY(follow_branch());
    return use(*syncer_);
  });
  role_.mutex.unlock();
  return read;
}

// While a thread of this process folds or publishes, which may take seconds: as from another one.
Status SyncRole::read_beside(const std::function<Status(Syncer&)>& use) const {
  try {
    TRY_ASSIGN(const auto syncer, context_.open_current_syncer());
    return use(*syncer);
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

// ---- trimming ----

// Up to where rows, files and commits hold everything, and where nobody reads on from before it.
Result<Mark> SyncRole::carried_mark() {
  const uint64_t carried = std::min(syncer_->committed(), syncer_->published());
  TRY_ASSIGN(const AppliedState state, read_applied_state(*database_));
  if (state.files_waiting != 0) return Mark{};  // their sections are still to be read
  Mark mark = state.applied;
  // The applied watermark is exact; of earlier records only a place somewhere before them is known.
  if (carried < mark.seq) {
    TRY_ASSIGN(mark, position_before(*database_, carried + 1));
  }
  mark.position = std::min(mark.position, syncer_->reads_from());
  return mark;
}

// What every projection holds durably may go from the journal. A checkpoint that fails trims
// nothing.
Status SyncRole::trim_journal() {
  Journal& journal = context_.journal;
  Database& database = *database_;
  // Looked at before the checkpoint, which is work: is there anything that could go?
  TRY_ASSIGN(const Mark limit, carried_mark());
  TRY_ASSIGN(const std::optional<Mark> mark,
             trimmable(context_.store_directory, journal.store(), *context_.config, limit,
                       context_.clock.now_ms()));
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
  TRY(journal.append_control(Operation::kCheckpoint, encode(checkpoint), context_.clock.now_ms()));
  const auto keep = [&](Directory& journal_directory, const Mark& from, const Mark& to) -> Status {
    TRY_ASSIGN(const KeptKeys kept,
               kept_keys_of(context_.store_directory, journal.store(), database, from, to));
    return write_kept_keys(journal_directory, journal.store(), kept);
  };
  TRY_ASSIGN([[maybe_unused]] const uint64_t segments, journal.trim(*mark, keep));
  return {};
}

}  // namespace syncline
