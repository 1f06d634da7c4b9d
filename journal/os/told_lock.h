// Waiting for a lock, and saying for whom: a holder that is stopped, or hangs, must not look like a
// fault of whoever waits.
#pragma once

#include <functional>
#include <string>

#include "journal/base/clock.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// A wait that is longer is told.
inline constexpr int64_t kQuietWaitMs = 1000;

// Told a sentence about a wait that goes on.
using TellWait = std::function<void(const std::string& why)>;

// The sentence about waiting for this lock.
std::string wait_for_lock_text(FileLock& lock);

// As FileLock::lock; a wait beyond kQuietWaitMs is told, once. Without `tell` nobody is told.
Status lock_and_tell(FileLock& lock, FileLock::Mode mode, Deadline deadline, Clock& clock,
                     const TellWait& tell);

}  // namespace syncline
