#include "engine/sqlite/busy_wait.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace syncline {
namespace {

// Most writers are done within milliseconds; who has waited for long hears of the end half a
// second later at most.
constexpr BackoffLimits kBusyRetry = {.first_ns = 1'000'000, .longest_ns = 500'000'000};

}  // namespace

uint64_t BusyWait::VfsRandom::next_u64() {
  std::array<char, sizeof(uint64_t)> bytes{};
  vfs_->xRandomness(vfs_, bytes.size(), bytes.data());
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

BusyWait::BusyWait(sqlite3* handle, sqlite3_vfs* vfs, int64_t timeout_ms,
                   std::function<void()> on_again)
    : handle_(handle),
      vfs_(vfs),
      timeout_us_(timeout_ms * 1000),
      on_again_(std::move(on_again)),
      random_(vfs),
      backoff_(random_, kBusyRetry) {}

void BusyWait::install() {
  sqlite3_busy_handler(handle_, &BusyWait::wait, this);
}

int BusyWait::wait(void* self, int tries) {
  return static_cast<BusyWait*>(self)->wait_once(tries) ? 1 : 0;
}

// False: the time is up, and SQLite answers SQLITE_BUSY.
bool BusyWait::wait_once(int tries) {
  if (tries == 0) {
    waited_us_ = 0;
    backoff_.reset();
  }
  const int64_t left_us = timeout_us_ - waited_us_;
  if (left_us <= 0) return false;
  // At least a millisecond: where the jitter gives nothing, nothing has changed since.
  const int64_t delay_us = std::max<int64_t>(backoff_.next_delay_ns() / 1000, 1000);
  const int64_t slept_us = std::min(delay_us, left_us);
  vfs_->xSleep(vfs_, static_cast<int>(slept_us));
  waited_us_ += slept_us;
  if (on_again_) on_again_();
  return true;
}

}  // namespace syncline
