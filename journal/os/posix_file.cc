#include "journal/os/posix_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "journal/base/block.h"
#include "journal/base/try.h"
#include "journal/os/read_queue.h"
#include "journal/os/ring.h"

namespace syncline {
namespace {

// A direct transfer resumes at a block boundary, even if the kernel stopped between two.
size_t resume_at(size_t done, bool direct) {
  return direct ? done / kBlockBytes * kBlockBytes : done;
}

class PosixFile final : public File {
 public:
  PosixFile(PosixFd descriptor, bool direct, std::string path)
      : fd_(std::move(descriptor)), direct_(direct), path_(std::move(path)) {}

  Result<size_t> read_at(uint64_t offset, MutableByteSpan into) override {
    size_t done = 0;
    while (done < into.size()) {
      const size_t from = resume_at(done, direct_);
      const ssize_t count = pread(fd_.get(), into.data() + from, into.size() - from,
                                  static_cast<off_t>(offset + from));
      if (count < 0) {
        if (errno == EINTR) continue;
        return failed("read", errno);
      }
      const size_t reached = from + static_cast<size_t>(count);
      if (reached <= done) {
        if (!direct_) break;
        TRY_ASSIGN(const FileInfo file, info());
        if (offset + done >= file.size_bytes) break;
        return failed("read", EIO);
      }
      done = reached;
    }
    return done;
  }

  Status write_at(uint64_t offset, ByteSpan from) override {
    return posix_write_all(fd_.get(), offset, from, direct_, path_);
  }

  Status reserve(uint64_t from, uint64_t to) override {
    if (from >= to) return {};
    const auto offset = static_cast<off_t>(from);
    while (fallocate(fd_.get(), 0, offset, static_cast<off_t>(to - from)) != 0) {
      if (errno == EINTR) continue;
      if (errno == EOPNOTSUPP || errno == ENOSYS) return write_zeros(*this, from, to);
      return failed("reserve room in", errno);
    }
    return {};
  }

  // Not tried again on EINTR either: the interrupted call may have taken the error of a failed
  // write-back with it, and a second one would then report success for data that is lost.
  Status sync_data() override {
    if (fdatasync(fd_.get()) != 0) return failed("fdatasync", errno);
    return {};
  }

  Status truncate(uint64_t size_bytes) override {
    while (ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) {
      if (errno != EINTR) return failed("truncate", errno);
    }
    return {};
  }

  Result<FileInfo> info() override {
    struct stat status{};
    if (fstat(fd_.get(), &status) != 0) return failed("stat", errno);
    return posix_file_info(status);
  }

  // Asked for its times, an inode notes each later change of them at once, and the next fdatasync
  // has to write it: the links alone cost nothing.
  Result<uint64_t> links() override {
    struct statx status{};
    if (statx(fd_.get(), "", AT_EMPTY_PATH, STATX_NLINK, &status) != 0) {
      return failed("stat", errno);
    }
    return status.stx_nlink;
  }

  // Linux frees the descriptor whatever it answers, so there is nothing to retry on EINTR.
  Status close() override {
    if (fd_.get() < 0) return {};
    if (::close(fd_.release()) != 0 && errno != EINTR) return failed("close", errno);
    return {};
  }

  int descriptor() const override { return fd_.get(); }
  bool direct() const override { return direct_; }

  std::unique_ptr<ReadQueue> read_queue() override {
    if (direct_ || !uring_is_wanted()) return nullptr;
    auto queue = make_uring_read_queue(fd_.get(), path_);
    return queue ? std::move(*queue) : nullptr;
  }

 private:
  Error failed(std::string_view call, int sys_errno) const {
    return errno_error(sys_errno, fmt::format("{} {}", call, path_));
  }

  PosixFd fd_;
  bool direct_;
  std::string path_;
};

}  // namespace

std::unique_ptr<File> make_posix_file(PosixFd descriptor, bool direct, std::string path) {
  return std::make_unique<PosixFile>(std::move(descriptor), direct, std::move(path));
}

Status posix_write_all(int descriptor, uint64_t offset, ByteSpan from, bool direct,
                       std::string_view path) {
  size_t done = 0;
  while (done < from.size()) {
    const size_t begin = resume_at(done, direct);
    const ssize_t count = pwrite(descriptor, from.data() + begin, from.size() - begin,
                                 static_cast<off_t>(offset + begin));
    if (count < 0 && errno == EINTR) continue;
    const int sys_errno = count < 0 ? errno : EIO;
    if (count < 0 || begin + static_cast<size_t>(count) <= done) {
      return errno_error(sys_errno, fmt::format("write {} at {}", path, offset + begin));
    }
    done = begin + static_cast<size_t>(count);
  }
  return {};
}

FileInfo posix_file_info(const struct stat& status) {
  FileInfo info;
  info.type = S_ISREG(status.st_mode)   ? FileInfo::Type::kRegular
              : S_ISDIR(status.st_mode) ? FileInfo::Type::kDirectory
              : S_ISLNK(status.st_mode) ? FileInfo::Type::kSymlink
                                        : FileInfo::Type::kOther;
  info.size_bytes = static_cast<uint64_t>(status.st_size);
  info.inode = status.st_ino;
  info.device = status.st_dev;
  info.mode = status.st_mode;
  info.uid = status.st_uid;
  info.gid = status.st_gid;
  info.links = status.st_nlink;
  info.mtime_s = status.st_mtim.tv_sec;
  info.mtime_ns = static_cast<uint32_t>(status.st_mtim.tv_nsec);
  info.ctime_s = status.st_ctim.tv_sec;
  info.ctime_ns = static_cast<uint32_t>(status.st_ctim.tv_nsec);
  return info;
}

}  // namespace syncline
