#include <fcntl.h>
#include <fmt/format.h>
#include <liburing.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <optional>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/os/posix_file.h"
#include "journal/os/read_queue.h"

namespace syncline {
namespace {

constexpr unsigned kReadEntries = 4;

// cachestat of Linux 6.5, which older headers lack.
constexpr long kCachestatCall = 451;
struct CachestatRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};
struct Cachestat {
  uint64_t cached = 0;
  uint64_t dirty = 0;
  uint64_t writeback = 0;
  uint64_t evicted = 0;
  uint64_t recently_evicted = 0;
};

bool is_cached(int descriptor, uint64_t offset, uint64_t bytes) {
  CachestatRange range{offset, bytes};
  Cachestat found;
  return syscall(kCachestatCall, descriptor, &range, &found, 0) == 0 &&
         found.cached * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) >= bytes;
}

// A part that is in the page cache is copied from there; any other is read around the cache, which
// costs less than to read through it, and takes no room from what others keep there. A read that
// the ring does not finish whole is done again by the file's own method, which knows what to do
// about EINTR, a short read and the end of the file.
class UringReadQueue final : public ReadQueue {
 public:
  UringReadQueue(const io_uring& ring, std::unique_ptr<File> direct, int cached)
      : ring_(ring), direct_(std::move(direct)), cached_(cached), owner_(getpid()) {}
  ~UringReadQueue() override {
    drain();
    io_uring_queue_exit(&ring_);
  }
  UringReadQueue(const UringReadQueue&) = delete;
  UringReadQueue& operator=(const UringReadQueue&) = delete;

  void start(uint64_t offset, MutableByteSpan into) override {
    Read read{.offset = offset, .into = into};
    if (usable() && !is_cached(cached_, offset, into.size())) {
      io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
      if (entry != nullptr) {
        io_uring_prep_read(entry, direct_->descriptor(), into.data(),
                           static_cast<unsigned>(into.size()), offset);
        entry->user_data = first_ticket_ + reads_.size();
        int submitted = 0;
        do {
          submitted = io_uring_submit(&ring_);
        } while (submitted == -EINTR);
        read.under_way = submitted == 1;
        // What the kernel did not take must never be found in the queue and run later.
        refused_ = refused_ || submitted != 1;
      }
    }
    reads_.push_back(read);
  }

  Result<size_t> finish() override {
    SYNCLINE_ASSERT(!reads_.empty());
    if (getpid() != owner_) return errno_error(ECANCELED, "read by io_uring in a forked child");
    while (reads_.front().under_way) reap();
    const Read read = reads_.front();
    reads_.pop_front();
    ++first_ticket_;
    if (read.result && *read.result == static_cast<int>(read.into.size())) return read.into.size();
    if (!read.result && !refused_) {
      const ssize_t count =
          pread(cached_, read.into.data(), read.into.size(), static_cast<off_t>(read.offset));
      if (count == static_cast<ssize_t>(read.into.size())) return read.into.size();
    }
    return direct_->read_at(read.offset, read.into);
  }

 private:
  struct Read {
    uint64_t offset = 0;
    MutableByteSpan into;
    bool under_way = false;
    std::optional<int> result;  // of the ring: bytes, or -errno
  };

  // A forked child shares the parent's queue, and must not touch it.
  bool usable() const { return !refused_ && getpid() == owner_; }

  void reap() {
    io_uring_cqe* completion = nullptr;
    int waited = 0;
    do {
      waited = io_uring_wait_cqe(&ring_, &completion);
    } while (waited == -EINTR || waited == -EAGAIN);
    // The kernel still holds a buffer: going on would let it write into freed memory.
    SYNCLINE_ASSERT(waited == 0);
    const uint64_t index = completion->user_data - first_ticket_;
    SYNCLINE_ASSERT(index < reads_.size());
    reads_[index].under_way = false;
    reads_[index].result = completion->res;
    io_uring_cqe_seen(&ring_, completion);
  }

  void drain() {
    if (getpid() != owner_) return;
    while (!reads_.empty()) {
      while (reads_.front().under_way) reap();
      reads_.pop_front();
      ++first_ticket_;
    }
  }

  io_uring ring_;
  std::unique_ptr<File> direct_;
  int cached_;
  pid_t owner_;
  bool refused_ = false;
  std::deque<Read> reads_;     // oldest first
  uint64_t first_ticket_ = 1;  // of reads_.front()
};

}  // namespace

Result<std::unique_ptr<ReadQueue>> make_uring_read_queue(int descriptor, const std::string& path) {
  struct statx status{};
  if (statx(descriptor, "", AT_EMPTY_PATH, STATX_SIZE, &status) == 0 &&
      is_cached(descriptor, 0, status.stx_size)) {
    return make_error(Code::kUnsupported, fmt::format("all of {} is in the page cache", path));
  }
  // The same file, whatever has become of its name.
  PosixFd direct(
      open(fmt::format("/proc/self/fd/{}", descriptor).c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (direct.get() < 0) return errno_error(errno, fmt::format("open {} around its cache", path));
  io_uring ring;
  const int made = io_uring_queue_init(kReadEntries, &ring, 0);
  if (made < 0) return errno_error(-made, "set up io_uring");
  return std::make_unique<UringReadQueue>(ring, make_posix_file(std::move(direct), true, path),
                                          descriptor);
}

}  // namespace syncline
