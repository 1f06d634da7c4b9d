#include "engine/roles/role.h"

#include "journal/base/try.h"

namespace syncline {

namespace {

// A one-shot caller does others' work too, but not for ever.
constexpr int kTurnsMax = 64;

class HeldFileLock {
 public:
  explicit HeldFileLock(FileLock& lock) : lock_(lock) {}
  ~HeldFileLock() { lock_.unlock(); }
  HeldFileLock(const HeldFileLock&) = delete;
  HeldFileLock& operator=(const HeldFileLock&) = delete;

 private:
  FileLock& lock_;
};

}  // namespace

Role::Role(Journal& journal, Clock& clock, Random& random, std::string_view lock_name)
    : journal_(journal), clock_(clock), random_(random), lock_name_(lock_name) {}

Status Role::open_file_lock() {
  if (file_lock_ != nullptr) return {};
  TRY_ASSIGN(file_lock_, journal_.open_role(lock_name_));
  return {};
}

Result<bool> Role::try_turns(const std::function<Status()>& work,
                             const std::function<bool()>& pending) {
  TRY(open_file_lock());
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    TRY_ASSIGN(const bool held, file_lock_->try_lock(FileLock::Mode::kExclusive));
    if (!held) return false;
    {
      const HeldFileLock hold(*file_lock_);
      TRY(work());
    }
    if (!pending()) break;
  }
  return true;
}

Result<bool> Role::is_free() {
  TRY(open_file_lock());
  TRY_ASSIGN(const bool held, file_lock_->try_lock(FileLock::Mode::kExclusive));
  if (held) file_lock_->unlock();
  return held;
}

void Role::adopt(std::unique_ptr<FileLock> file_lock) {
  MutexLock lock(mutex);
  file_lock_ = std::move(file_lock);
}

std::string Role::holder() {
  MutexLock lock(mutex);
  return file_lock_ == nullptr ? std::string() : file_lock_->held_by();
}

Status Role::reach(const Goal& goal, const std::function<Result<bool>()>& attempt) {
  const Deadline quiet = clock_.after_ms(kQuietWaitMs);
  bool told = false;
  Backoff backoff(random_, kRoleRetry);
  while (journal_.watermark(goal.watermark) < goal.seq) {
    const Result<bool> turns = attempt();
    // What comes after the goal may wait for another.
    const bool waits = !turns && turns.error().code == Code::kTimeout;
    if ((turns || waits) && journal_.watermark(goal.watermark) >= goal.seq) break;
    TRY_ASSIGN(const bool had_role, turns);
    if (clock_.passed(goal.deadline)) {
      const std::string by = had_role ? std::string() : holder();
      return make_error(Code::kTimeout,
                        std::string(goal.on_timeout) + (by.empty() ? "" : ": " + by));
    }
    if (had_role) return goal.on_stuck();
    if (!told && clock_.passed(quiet)) {
      told = true;
      MutexLock lock(mutex);
      if (file_lock_ != nullptr) journal_.tell_wait(*file_lock_);
    }
    journal_.wait_watermark(goal.watermark, goal.seq,
                            sooner(goal.deadline, clock_.after_ns(backoff.next_delay_ns())));
    if (journal_.watermark(goal.watermark) < goal.seq) journal_.count_retry(RetryCause::kLockWait);
  }
  return {};
}

RoleGuard::RoleGuard(Role& role) : role_(role) {
  role_.mutex.lock();
}

RoleGuard::~RoleGuard() {
  if (held_ != nullptr) held_->unlock();
  role_.mutex.unlock();
}

Status RoleGuard::lock(Deadline deadline) {
  TRY(role_.open_file_lock());
  TRY(role_.journal_.lock_role(*role_.file_lock_, deadline));
  held_ = role_.file_lock_.get();
  return {};
}

}  // namespace syncline
