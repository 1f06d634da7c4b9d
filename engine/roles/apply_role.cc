#include "engine/roles/apply_role.h"

#include <fmt/format.h>

#include <new>

#include "engine/projection/memos.h"
#include "engine/projection/projection.h"
#include "engine/projection/schema.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {

namespace {

// So many turns may find the database exchanged under them; then whoever waits is told.
constexpr int kExchangesMax = 50;
constexpr BackoffLimits kExchangeRetry = {.first_ns = 10'000'000, .longest_ns = 40'000'000};

// Somebody deleted or exchanged the database under a turn: the next one finds what is there now.
bool is_exchanged(const Error& error) {
  return error.code == Code::kNotFound ||
         (error.code == Code::kBusy && error.hint == kDatabaseExchangedHint);
}

// A lock is waited for in slices; each try within one counts as a retry (CurrentApplier).
constexpr int64_t kPatienceSliceMs = 1000;
constexpr int64_t kPatienceInPassingMs = 100;

}  // namespace

ApplyRole::ApplyRole(RoleContext& context)
    : context_(context),
      role_(context.journal, context.clock, context.places.platform->random(), kApplyLockName),
      current_(context) {}

bool ApplyRole::is_pending() const {
  return context_.journal.watermark(Watermark::kApplied) < context_.journal.durable().seq;
}

Status ApplyRole::apply_pending() {
  TRY(current_.open());
  Applier& applier = current_.applier();
  while (true) {
    TRY_ASSIGN(const ApplyReport report, applier.step());
    if (!report.more || context_.is_over()) break;
  }
  for (std::string& told : applier.take_notes()) context_.notes.add(std::move(told));
  TRY_ASSIGN(const AppliedState state, read_applied_state(applier.database()));
  left_files_waiting_ = state.files_waiting != 0;
  if (applier.checkpoint_due()) TRY(applier.checkpoint());
  context_.journal.set_moment(Moment::kApplyTurn, context_.clock.now_ms());
  if (context_.short_lived) {
    // It only spares the next caller some work.
    static_cast<void>(leave_memo());
  }
  return {};
}

Status ApplyRole::leave_memo() {
  TRY_ASSIGN(const auto root, context_.places.platform->open_directory(context_.places.root));
  TRY_ASSIGN(const uint64_t before, database_fingerprint(*root, context_.config->database));
  Database& database = current_.applier().database();
  TRY_ASSIGN(const auto applied, read_applied_mark(database));
  if (!applied) return {};
  DatabaseMemo memo{.applied = *applied, .highest_by_hash = {}};
  for (const KindSpec& kind : context_.config->kinds) {
    if (memo.highest_id(kind.table)) continue;
    TRY_ASSIGN(const uint64_t highest, highest_id(database, kind.table, kind.id_column));
    memo.note_highest(kind.table, highest);
  }
  TRY_ASSIGN(const uint64_t after, database_fingerprint(*root, context_.config->database));
  if (after == before) remember(context_.journal, memo, after);
  return {};
}

bool ApplyRole::left_files_waiting() {
  MutexLock lock(role_.mutex);
  return left_files_waiting_;
}

Result<bool> ApplyRole::try_turns_in_passing() {
  if (!role_.mutex.try_lock()) return true;  // a thread of this process is at it
  Result<bool> turns = take_turns(kPatienceInPassingMs);
  role_.mutex.unlock();
  return turns;
}

Result<bool> ApplyRole::try_turns_within(int64_t patience_ms) {
  MutexLock lock(role_.mutex);
  return take_turns(patience_ms);
}

Result<bool> ApplyRole::take_turns(int64_t patience_ms) {
  current_.set_patience(patience_ms);
  try {
    return role_.try_turns([this]() REQUIRES(role_.mutex) -> Status { return apply_pending(); },
                           [this] { return is_pending(); });
  } catch (const std::bad_alloc&) {
    // Half of a step may be in its memory; the journal and the database hold the whole.
    current_.close();
    return out_of_memory();
  }
}

Status ApplyRole::until(uint64_t seq, Deadline deadline) {
  Clock& clock = context_.clock;
  int exchanges = 0;
  Backoff backoff(context_.places.platform->random(), kExchangeRetry);
  // Without a time limit, as long as SQLite would wait by itself.
  const Deadline unlocked_by =
      deadline.forever() ? clock.after_ms(Database::kBusyTimeoutMs) : deadline;
  const auto again = [&](const Error& error) {
    if (is_database_locked(error)) return !clock.passed(unlocked_by);
    return is_exchanged(error) && ++exchanges < kExchangesMax && !clock.passed(deadline);
  };
  const auto attempt = [&]() -> Result<bool> {
    while (true) {
      Result<bool> turns = try_turns_within(clock.left_ms(unlocked_by, kPatienceSliceMs));
      if (turns || !again(turns.error())) return turns;
      if (is_exchanged(turns.error())) {
        context_.journal.count_retry(RetryCause::kOther);
        clock.pause_ns(backoff.next_delay_ns());
      }
      if (context_.journal.watermark(Watermark::kApplied) >= seq) return false;
    }
  };
  // Applied as far as is durable, and still not there: seq is not durable, which callers exclude.
  const auto on_stuck = [seq] {
    return make_error(Code::kInternal, fmt::format("record {} is not durable", seq));
  };
  return role_.reach({.watermark = Watermark::kApplied,
                      .seq = seq,
                      .deadline = deadline,
                      .on_timeout = "the record is journalled; applying it goes on",
                      .on_stuck = on_stuck},
                     attempt);
}

Status ApplyRole::with_applier(const std::function<Status(Applier&)>& use, Deadline deadline) {
  RoleGuard guard(role_);
  TRY(guard.lock(deadline));
  current_.set_patience(context_.clock.left_ms(deadline, Database::kBusyTimeoutMs));
  try {
    TRY(current_.open());
    return use(current_.applier());
  } catch (const std::bad_alloc&) {
    current_.close();
    return out_of_memory();
  }
}

Status ApplyRole::checkpoint(Deadline deadline) {
  return with_applier([](Applier& applier) { return applier.checkpoint(); }, deadline);
}

Status ApplyRole::rebuild_database() {
  {
    RoleGuard guard(role_);
    TRY(guard.lock(kForever));
    TRY_ASSIGN(const bool replaced, current_.replace_if_damaged());
    if (!replaced) return {};
  }
  TRY_ASSIGN([[maybe_unused]] const bool had_role, try_turns());
  return {};
}

}  // namespace syncline
