#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/os/posix_file.h"

namespace syncline {
namespace {

class PosixSharedPage final : public SharedPage {
 public:
  PosixSharedPage(PosixFd descriptor, MutableByteSpan mapping, bool is_private)
      : descriptor_(std::move(descriptor)), mapping_(mapping), is_private_(is_private) {}
  ~PosixSharedPage() override { munmap(mapping_.data(), mapping_.size()); }
  PosixSharedPage(const PosixSharedPage&) = delete;
  PosixSharedPage& operator=(const PosixSharedPage&) = delete;

  bool is_private() const override { return is_private_; }
  MutableByteSpan bytes() override { return mapping_; }

  // Shared futexes (no FUTEX_PRIVATE_FLAG): the waiters are other processes. The bitset form takes
  // an absolute time of CLOCK_MONOTONIC, which is what a Deadline is.
  void wait(size_t offset, uint32_t expected, Deadline deadline) override {
    timespec until{};
    until.tv_sec = static_cast<time_t>(deadline.monotonic_ns / 1'000'000'000);
    until.tv_nsec = static_cast<long>(deadline.monotonic_ns % 1'000'000'000);
    if (!deadline.forever() && deadline.monotonic_ns < 0) return;
    syscall(SYS_futex, word_at(offset), FUTEX_WAIT_BITSET, expected,
            deadline.forever() ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  }

  void wake(size_t offset) override {
    syscall(SYS_futex, word_at(offset), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }

  void start_writeback() override {
    // Where it does not know how, the kernel writes the page in its own time.
    static_cast<void>(sync_file_range(descriptor_.get(), 0, static_cast<off_t>(mapping_.size()),
                                      SYNC_FILE_RANGE_WRITE));
  }

 private:
  std::byte* word_at(size_t offset) {
    SYNCLINE_ASSERT(offset % sizeof(uint32_t) == 0 && offset < mapping_.size() &&
                    mapping_.size() - offset >= sizeof(uint32_t));
    return mapping_.data() + offset;
  }

  PosixFd descriptor_;
  MutableByteSpan mapping_;
  bool is_private_;
};

// A file system that writes changed bytes elsewhere (btrfs) needs space for every change of an
// allocated block, too; and a disk may refuse to read. Either would be a SIGBUS at the first
// access, and is an error here. The page may still be lost later, because the kernel must find
// space again for a page that it has written back. A process that must survive this handles SIGBUS.
Status populate(MutableByteSpan mapping, const std::string& path) {
  while (madvise(mapping.data(), mapping.size(), MADV_POPULATE_WRITE) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL) return {};  // before Linux 5.14
    if (errno != EFAULT && errno != EHWPOISON) return errno_error(errno, "populate " + path);
    return Error{
        Code::kRetryLater, EIO,
        fmt::format("{} cannot be used as a mapped page: its disk is full or refuses", path),
        "give the disk space or look at the system's log, then try again"};
  }
  return {};
}

// Blocks, not only size: a store into a hole on a full disk would be a SIGBUS instead of an error.
// Both ways only grow the file, so that processes opening it at once do not undo each other.
Status allocate(int descriptor, size_t size_bytes, const std::string& path) {
  const auto size = static_cast<off_t>(size_bytes);
  while (fallocate(descriptor, 0, 0, size) != 0) {
    if (errno == EINTR) continue;
    if (errno != EOPNOTSUPP && errno != ENOSYS) {
      return errno_error(errno, fmt::format("allocate {}", path));
    }
    struct stat status{};
    if (fstat(descriptor, &status) != 0) return errno_error(errno, fmt::format("stat {}", path));
    if (status.st_size < size && ftruncate(descriptor, size) != 0) {
      return errno_error(errno, fmt::format("truncate {}", path));
    }
    break;
  }
  return {};
}

Result<std::unique_ptr<SharedPage>> map(PosixFd descriptor, size_t size_bytes, int flags,
                                        const std::string& path) {
  const int mapped = (flags & MAP_ANONYMOUS) != 0 ? -1 : descriptor.get();
  void* const mapping = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, flags, mapped, 0);
  if (mapping == MAP_FAILED) return errno_error(errno, fmt::format("map {}", path));
  return std::make_unique<PosixSharedPage>(
      std::move(descriptor), MutableByteSpan{static_cast<std::byte*>(mapping), size_bytes},
      (flags & MAP_PRIVATE) != 0);
}

}  // namespace

Result<std::unique_ptr<SharedPage>> make_private_page(PosixFd descriptor, size_t size_bytes,
                                                      const std::string& path) {
  struct stat status{};
  const bool whole = descriptor.get() >= 0 && fstat(descriptor.get(), &status) == 0 &&
                     status.st_size >= static_cast<off_t>(size_bytes);
  return map(std::move(descriptor), size_bytes, whole ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS,
             path);
}

Result<std::unique_ptr<SharedPage>> make_shared_page(PosixFd descriptor, size_t size_bytes,
                                                     const std::string& path) {
  SYNCLINE_ASSERT(size_bytes > 0);
  TRY(allocate(descriptor.get(), size_bytes, path));
  TRY_ASSIGN(auto page, map(std::move(descriptor), size_bytes, MAP_SHARED, path));
  TRY(populate(page->bytes(), path));
  return page;
}

}  // namespace syncline
