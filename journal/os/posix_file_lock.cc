#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "journal/base/backoff.h"
#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "journal/os/posix_file.h"
#include "journal/os/process_files.h"

namespace syncline {
namespace {

// flock has no timed form, so a lock with a deadline is tried again and again. Holders keep a lock
// for tens of microseconds (an append) to milliseconds (a flush): start there, and stay short.
constexpr BackoffLimits kLockRetry = {.first_ns = 20'000, .longest_ns = 10'000'000};

// A process for people: its number, its name, and whether somebody has stopped it.
std::string process_text(const std::string& id) {
  const std::optional<ProcessStat> stat = process_stat(id);
  if (!stat || stat->state.empty()) return fmt::format("process {}", id);
  const bool stopped = stat->state == "T" || stat->state == "t";
  return fmt::format("process {} ({}{})", id, stat->name, stopped ? ", which is stopped" : "");
}

// Those who hold a flock of the file, by lines as "7: FLOCK  ADVISORY  WRITE 1234 fe:00:131 0 EOF";
// who waits for it has "->" before the FLOCK.
std::string flock_holders(const struct stat& file) {
  const std::string wanted =
      fmt::format("{:02x}:{:02x}:{}", major(file.st_dev), minor(file.st_dev), file.st_ino);
  const std::string locks = content_of_process_file("/proc/locks");
  std::string holders;
  for (size_t begin = 0; begin < locks.size();) {
    const size_t end = std::min(locks.find('\n', begin), locks.size());
    const std::string_view line = std::string_view(locks).substr(begin, end - begin);
    begin = end + 1;
    const size_t file_at = line.find(" " + wanted + " ");
    if (file_at == std::string_view::npos || line.find(" FLOCK ") == std::string_view::npos ||
        line.find("->") != std::string_view::npos) {
      continue;
    }
    const std::string_view before = line.substr(0, file_at);
    const std::string_view id = before.substr(before.rfind(' ') + 1);
    // Processes of another namespace have no number here.
    const bool seen = !id.empty() && id != "0" && id.front() != '-';
    if (!holders.empty()) holders += ", ";
    holders += seen ? process_text(std::string(id)) : "a process that cannot be seen from here";
  }
  return holders;
}

class PosixLock final : public FileLock {
 public:
  PosixLock(PosixFd descriptor, std::string path)
      : fd_(std::move(descriptor)), path_(std::move(path)) {}

  Result<bool> try_lock(Mode mode) override {
    while (flock(fd_.get(), operation_of(mode) | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return false;
      if (errno != EINTR) return failed(errno);
    }
    return true;
  }

  Status lock(Mode mode, Deadline deadline) override {
    if (deadline.forever()) {
      while (flock(fd_.get(), operation_of(mode)) != 0) {
        if (errno != EINTR) return failed(errno);
      }
      return {};
    }
    Clock& clock = system_clock();
    Backoff backoff(system_random(), kLockRetry);
    while (true) {
      TRY_ASSIGN(const bool locked, try_lock(mode));
      if (locked) return {};
      const int64_t left_ns = deadline.monotonic_ns - clock.monotonic_ns();
      if (left_ns <= 0) {
        const std::string by = holders();
        return make_error(
            Code::kTimeout,
            fmt::format("the lock {} was not free before the deadline{}", path_,
                        by.empty() ? std::string() : fmt::format(": {} has it", by)),
            by.empty() ? "" : "give a longer --timeout; or end or continue that process");
      }
      clock.pause_ns(std::min(backoff.next_delay_ns(), left_ns));
    }
  }

  std::string held_by() override {
    const std::string by = holders();
    return by.empty() ? by : fmt::format("{} has {}", by, path_);
  }

  void unlock() override {
    while (flock(fd_.get(), LOCK_UN) != 0 && errno == EINTR) {
    }
  }

 private:
  std::string holders() const {
    struct stat status{};
    return fstat(fd_.get(), &status) == 0 ? flock_holders(status) : std::string();
  }

  static int operation_of(Mode mode) { return mode == Mode::kShared ? LOCK_SH : LOCK_EX; }
  Error failed(int sys_errno) const {
    return errno_error(sys_errno, fmt::format("lock {}", path_));
  }

  PosixFd fd_;
  std::string path_;
};

}  // namespace

std::unique_ptr<FileLock> make_posix_lock(PosixFd descriptor, std::string path) {
  return std::make_unique<PosixLock>(std::move(descriptor), std::move(path));
}

}  // namespace syncline
