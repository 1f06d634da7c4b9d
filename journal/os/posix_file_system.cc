#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "journal/base/block.h"
#include "journal/base/try.h"
#include "journal/os/file_system.h"
#include "journal/os/posix_file.h"
#include "journal/os/posix_path.h"
#include "journal/os/whole_file.h"

namespace syncline {
namespace {

constexpr unsigned kPrivateFileMode = 0600;
constexpr mode_t kDirectoryMode = 0777;
constexpr mode_t kPrivateDirectoryMode = 0700;

// Headers of Linux before 6.8 lack it; kernels that do not know it leave the bit out of stx_mask.
constexpr unsigned kStatxMountIdUnique = 0x4000;

// xfs_fsop_geom_v1 of the kernel's xfs_fs.h, which is not in the kernel's own package of headers.
struct XfsGeometry {
  uint32_t sizes[8];
  uint64_t counts[4];
  unsigned char uuid[16];
  uint32_t layout[7];
};
constexpr unsigned long kXfsGetGeometry = _IOR('X', 100, XfsGeometry);

// What is there is no regular file: a person or a stranger put it in our way.
Error not_regular(std::string_view path, int sys_errno) {
  Error error = make_error(Code::kUnsafePath, fmt::format("{} is not a regular file", path),
                           "move it out of the way");
  error.sys_errno = sys_errno;
  return error;
}

// Gives a descriptor its status flags for good: blocking again, and O_DIRECT where it is known.
// Returns whether it is direct. (O_DIRECT given to open() may create the file and then fail.)
bool settle_status_flags(int descriptor, bool direct) {
  if (direct && fcntl(descriptor, F_SETFL, O_DIRECT) == 0) {
    struct statx alignment{};
    if (statx(descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &alignment) != 0 ||
        (alignment.stx_mask & STATX_DIOALIGN) == 0 ||
        (alignment.stx_dio_offset_align != 0 && alignment.stx_dio_offset_align <= kBlockBytes &&
         alignment.stx_dio_mem_align <= kBlockBytes)) {
      return true;
    }
  }
  fcntl(descriptor, F_SETFL, 0);
  return false;
}

class UnnamedFile final : public PreparedFile {
 public:
  UnnamedFile(Directory& directory, std::string_view name, ByteSpan content, PosixEntry entry,
              PosixFd unnamed)
      : directory_(directory),
        name_(name),
        content_(content.begin(), content.end()),
        entry_(std::move(entry)),
        unnamed_(std::move(unnamed)) {}

  Status create() override {
    TRY_ASSIGN(const bool linked,
               link_unnamed(unnamed_, entry_, fmt::format("{}/{}", directory_.path(), name_)));
    return linked ? Status{} : directory_.create_whole_synced(name_, content_);
  }

 private:
  Directory& directory_;
  std::string name_;
  ByteVector content_;
  PosixEntry entry_;
  PosixFd unnamed_;
};

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(PosixFd descriptor, std::string path)
      : fd_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override {
    bool direct = flags.direct;
    TRY_ASSIGN(PosixFd opened, open_regular(name, flags, &direct));
    return make_posix_file(std::move(opened), direct, path_of(name));
  }

  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    TRY_ASSIGN(PosixFd opened, open_beneath(fd_.get(), name, O_RDONLY | O_DIRECTORY, 0,
                                            what("open the directory")));
    return std::make_unique<PosixDirectory>(std::move(opened), path_of(name));
  }

  Status make_directories(std::string_view name, bool private_mode) override {
    TRY(check_relative_name(name));
    const auto there = open_beneath(fd_.get(), name, O_PATH | O_DIRECTORY, 0, what("open"));
    if (there) return {};
    if (there.error().code != Code::kNotFound) return there.error();
    const mode_t mode = private_mode ? kPrivateDirectoryMode : kDirectoryMode;
    PosixFd parent;
    int at = fd_.get();
    for (size_t begin = 0; begin < name.size();) {
      const size_t end = std::min(name.find('/', begin), name.size());
      const std::string component(name.substr(begin, end - begin));
      begin = end + 1;
      if (component.empty() || component == ".") continue;
      if (mkdirat(at, component.c_str(), mode) != 0 && errno != EEXIST) {
        return failed("make the directory", name, errno);
      }
      TRY_ASSIGN(PosixFd next, open_beneath(at, component, O_PATH | O_DIRECTORY, 0,
                                            fmt::format("make {}/{}: open ", path_, name)));
      parent = std::move(next);
      at = parent.get();
    }
    return {};
  }

  Status create_whole(std::string_view name, ByteSpan content) override {
    return create_whole(name, content, false);
  }
  Status create_whole_synced(std::string_view name, ByteSpan content) override {
    return create_whole(name, content, true);
  }
  Result<std::unique_ptr<PreparedFile>> prepare_whole_synced(std::string_view name,
                                                             ByteSpan content) override {
    TRY_ASSIGN(PosixEntry entry, open_parent_beneath(fd_.get(), name, what("create")));
    TRY_ASSIGN(PosixFd unnamed, open_unnamed(entry, content, /*synced=*/true, path_of(name)));
    if (unnamed.get() < 0) return Directory::prepare_whole_synced(name, content);
    return std::make_unique<UnnamedFile>(*this, name, content, std::move(entry),
                                         std::move(unnamed));
  }

  Status rename(std::string_view from, std::string_view to) override {
    TRY_ASSIGN(const PosixEntry source, open_parent_beneath(fd_.get(), from, what("rename")));
    TRY_ASSIGN(const PosixEntry target, open_parent_beneath(fd_.get(), to, what("rename to")));
    if (renameat(source.parent, source.leaf.c_str(), target.parent, target.leaf.c_str()) != 0) {
      return failed("rename", fmt::format("{} to {}", from, to), errno);
    }
    return {};
  }

  Status exchange(std::string_view one, std::string_view other) override {
    TRY_ASSIGN(const PosixEntry first, open_parent_beneath(fd_.get(), one, what("exchange")));
    TRY_ASSIGN(const PosixEntry second, open_parent_beneath(fd_.get(), other, what("exchange")));
    if (renameat2(first.parent, first.leaf.c_str(), second.parent, second.leaf.c_str(),
                  RENAME_EXCHANGE) == 0) {
      return {};
    }
    if (errno == EINVAL || errno == ENOSYS) return Directory::exchange(one, other);
    return failed("exchange", fmt::format("{} and {}", one, other), errno);
  }

  Status remove_file(std::string_view name) override { return remove(name, 0); }
  Status remove_directory(std::string_view name) override { return remove(name, AT_REMOVEDIR); }

  Result<FileInfo> info(std::string_view name) override {
    struct stat status{};
    if (name == ".") {
      if (fstat(fd_.get(), &status) != 0) return failed("stat", name, errno);
      return posix_file_info(status);
    }
    TRY_ASSIGN(const PosixEntry entry, open_parent_beneath(fd_.get(), name, what("stat")));
    if (fstatat(entry.parent, entry.leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return failed("stat", name, errno);
    }
    return posix_file_info(status);
  }

  Result<std::vector<std::string>> list(std::string_view name) override {
    TRY_ASSIGN(PosixFd opened,
               open_beneath(fd_.get(), name, O_RDONLY | O_DIRECTORY, 0, what("list")));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(opened.get()), closedir);
    if (!stream) return failed("list", name, errno);
    static_cast<void>(opened.release());  // the stream's now
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* const entry = readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view entry_name(entry->d_name);
      if (entry_name != "." && entry_name != "..") names.emplace_back(entry_name);
    }
    if (errno != 0) return failed("list", name, errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  // Neither sync is tried again on EINTR; see PosixFile::sync_data.
  Status sync_directory(std::string_view name) override {
    if (name == ".") {
      if (fsync(fd_.get()) != 0) return failed("sync the directory", name, errno);
      return {};
    }
    TRY_ASSIGN(const PosixFd opened, open_beneath(fd_.get(), name, O_RDONLY | O_DIRECTORY, 0,
                                                  what("sync the directory")));
    if (fsync(opened.get()) != 0) return failed("sync the directory", name, errno);
    return {};
  }

  Result<uint64_t> free_bytes() override {
    struct statvfs status{};
    if (fstatvfs(fd_.get(), &status) != 0) return failed("ask the free space of", ".", errno);
    return uint64_t{status.f_bavail} * status.f_frsize;
  }

  Status sync_file_system() override {
    if (syncfs(fd_.get()) != 0) return failed("syncfs", ".", errno);
    return {};
  }

  Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) override {
    OpenFlags flags{.write = true, .create = true, .private_mode = true};
    auto opened = open_regular(name, flags, nullptr);
    if (!opened && (opened.error().sys_errno == EROFS || opened.error().sys_errno == EACCES)) {
      // A reader may lock what it cannot write.
      opened = open_regular(name, {}, nullptr);
    }
    if (!opened) return std::move(opened).error();
    return make_posix_lock(std::move(*opened), path_of(name));
  }

  Result<std::unique_ptr<SharedPage>> map_page(std::string_view name, size_t size_bytes) override {
    const OpenFlags flags{.write = true, .create = true, .private_mode = true};
    auto opened = open_regular(name, flags, nullptr);
    if (!opened && opened.error().sys_errno == EROFS) {
      auto readable = open_regular(name, {}, nullptr);
      if (!readable && readable.error().code != Code::kNotFound) return std::move(opened).error();
      return make_private_page(readable ? std::move(*readable) : PosixFd(), size_bytes,
                               path_of(name));
    }
    if (!opened) return std::move(opened).error();
    return make_shared_page(std::move(*opened), size_bytes, path_of(name));
  }

  Result<std::unique_ptr<FileLock>> open_own_lock() override {
    TRY_ASSIGN(PosixFd opened,
               open_beneath(fd_.get(), ".", O_RDONLY | O_DIRECTORY, 0, what("open the directory")));
    return make_posix_lock(std::move(opened), path_);
  }

  Result<Identity> identity() override {
    struct stat status{};
    if (fstat(fd_.get(), &status) != 0) return failed("stat", ".", errno);
    struct statfs file_system{};
    while (fstatfs(fd_.get(), &file_system) != 0) {
      if (errno != EINTR) return failed("statfs", ".", errno);
    }
    static_assert(sizeof file_system.f_fsid == sizeof(uint64_t));
    Identity identity;
    identity.inode = status.st_ino;
    std::memcpy(&identity.file_system_id, &file_system.f_fsid, sizeof identity.file_system_id);
    if (file_system.f_type == XFS_SUPER_MAGIC) {
      TRY_ASSIGN(identity.file_system_id, xfs_id());
    }
    return identity;
  }

  // Asked once: a boot does not end while this lives, and the mount is that of the open descriptor.
  Result<std::string> cache_token() override {
    std::call_once(token_asked_, [this] { token_ = ask_cache_token(); });
    return token_;
  }

  const std::string& path() const override { return path_; }

 private:
  std::string ask_cache_token() const {
    struct statx status{};
    if (statx(fd_.get(), "", AT_EMPTY_PATH, kStatxMountIdUnique, &status) != 0 ||
        (status.stx_mask & kStatxMountIdUnique) == 0) {
      return std::string();
    }
    const PosixFd boot_id_file(
        ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC | O_NOCTTY));
    char boot_id[36];  // a UUID as text
    if (boot_id_file.get() < 0 ||
        ::read(boot_id_file.get(), boot_id, sizeof boot_id) != ssize_t{sizeof boot_id}) {
      return std::string();
    }
    return fmt::format("{}:{:x}", std::string_view(boot_id, sizeof boot_id),
                       uint64_t{status.stx_mnt_id});
  }

  Status create_whole(std::string_view name, ByteSpan content, bool synced) {
    TRY_ASSIGN(const PosixEntry entry, open_parent_beneath(fd_.get(), name, what("create")));
    const std::string path = path_of(name);
    TRY_ASSIGN(const bool created, create_by_unnamed_file(entry, content, synced, path));
    return created ? Status{} : create_by_hidden_file(entry, content, synced, path);
  }

  // XFS makes f_fsid of the device number, which a reboot or another way of attaching the disk
  // changes. Its UUID, folded as ext4 folds its own into f_fsid, stays.
  Result<uint64_t> xfs_id() const {
    XfsGeometry geometry{};
    if (ioctl(fd_.get(), kXfsGetGeometry, &geometry) != 0) return failed("geometry of", ".", errno);
    uint64_t halves[2];
    std::memcpy(halves, geometry.uuid, sizeof halves);
    return halves[0] ^ halves[1];
  }

  std::string path_of(std::string_view name) const { return fmt::format("{}/{}", path_, name); }
  std::string what(std::string_view call) const { return fmt::format("{} {}/", call, path_); }
  Error failed(std::string_view call, std::string_view name, int sys_errno) const {
    return posix_path_error(sys_errno, fmt::format("{} {}/{}", call, path_, name));
  }

  // Opens without ever waiting (a FIFO in the way must not hang the store). `direct`, where
  // given, says whether O_DIRECT is asked for, and then whether it is had.
  Result<PosixFd> open_regular(std::string_view name, const OpenFlags& flags, bool* direct) {
    int open_flags = (flags.write ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY;
    if (flags.create) open_flags |= O_CREAT;
    if (flags.create && flags.exclusive) open_flags |= O_EXCL;
    auto opened = open_beneath(fd_.get(), name, open_flags,
                               flags.private_mode ? kPrivateFileMode : kFileMode, what("open"));
    if (!opened) {
      const int sys_errno = opened.error().sys_errno;
      if (sys_errno == EISDIR || sys_errno == ENXIO) return not_regular(path_of(name), sys_errno);
      return std::move(opened).error();
    }
    struct stat status{};
    if (fstat(opened->get(), &status) != 0) return failed("stat", name, errno);
    if (!S_ISREG(status.st_mode)) {
      return not_regular(path_of(name), S_ISDIR(status.st_mode) ? EISDIR : ENXIO);
    }
    // Reading a regular file never waits for a writer, so that O_NONBLOCK may stay.
    const bool settles = flags.write || (direct != nullptr && *direct);
    const bool is_direct =
        settles && settle_status_flags(opened->get(), direct != nullptr && *direct);
    if (direct != nullptr) *direct = is_direct;
    return opened;
  }

  Status remove(std::string_view name, int flags) {
    TRY_ASSIGN(const PosixEntry entry, open_parent_beneath(fd_.get(), name, what("remove")));
    if (unlinkat(entry.parent, entry.leaf.c_str(), flags) != 0) {
      return failed("remove", name, errno);
    }
    return {};
  }

  PosixFd fd_;
  std::string path_;
  std::once_flag token_asked_;
  std::string token_;
};

}  // namespace

Result<std::unique_ptr<Directory>> open_posix_directory(const std::string& path) {
  int opened = -1;
  do {
    opened = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } while (opened < 0 && errno == EINTR);
  if (opened < 0) return errno_error(errno, fmt::format("open the directory {}", path));
  return std::make_unique<PosixDirectory>(PosixFd(opened), path);
}

}  // namespace syncline
