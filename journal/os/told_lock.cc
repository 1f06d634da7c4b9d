#include "journal/os/told_lock.h"

namespace syncline {

std::string wait_for_lock_text(FileLock& lock) {
  const std::string by = lock.held_by();
  return by.empty() ? "another process has a lock of the store" : by;
}

Status lock_and_tell(FileLock& lock, FileLock::Mode mode, Deadline deadline, Clock& clock,
                     const TellWait& tell) {
  if (!tell) return lock.lock(mode, deadline);
  const Deadline quiet = clock.after_ms(kQuietWaitMs);
  Status locked = lock.lock(mode, sooner(deadline, quiet));
  if (locked || locked.error().code != Code::kTimeout || clock.passed(deadline)) return locked;
  tell(wait_for_lock_text(lock));
  return lock.lock(mode, deadline);
}

}  // namespace syncline
