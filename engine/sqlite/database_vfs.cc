#include "engine/sqlite/database_vfs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "journal/base/posix_fd.h"
#include "journal/os/posix_path.h"

namespace syncline {
namespace {

constexpr char kName[] = "syncline-beneath";
constexpr int kPathBytesMax = 4096;
constexpr const char* kBesideSuffixes[] = {"-wal", "-shm", "-journal"};

sqlite3_vfs* base_of(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

// A path for SQLite's own VFS. SQLite looks for the database's name and its URI parameters around a
// path that it is given: it goes back to four zero bytes, and on to two.
class BasePath {
 public:
  BasePath() = default;
  explicit BasePath(std::string_view path)
      : padded_(std::string(kZeros, '\0').append(path).append(kZeros, '\0')) {}
  const char* c_str() const { return padded_.c_str() + kZeros; }

 private:
  static constexpr size_t kZeros = 4;
  std::string padded_;
};

// Where a file is: its open directory, and its name there.
struct Place {
  PosixFd directory;
  std::string name;

  // The path that SQLite's own VFS opens. It leads into the directory that was checked, whatever
  // becomes of the original path.
  BasePath path(const char* given) const {
    static const bool has_proc = ::access("/proc/self/fd/.", X_OK) == 0;
    if (!has_proc) return BasePath(given);
    return BasePath(fmt::format("/proc/self/fd/{}/{}", directory.get(), name));
  }
};

// On failure false, with errno set.
bool find_place(std::string_view path, Place& place) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    errno = EINVAL;
    return false;
  }
  place.name = path.substr(slash + 1);
  const size_t mark = path.find("//");
  const bool at_root = mark == std::string_view::npos || mark + 1 >= slash;
  const std::string root(path.substr(0, mark == std::string_view::npos ? slash : mark));
  PosixFd directory(::open(root.empty() ? "/" : root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return false;
  if (!at_root) {
    Result<PosixFd> below = open_beneath(directory.get(), path.substr(mark + 2, slash - mark - 2),
                                         O_PATH | O_DIRECTORY, 0, "open the database's directory ");
    if (!below) {
      errno = below.error().sys_errno != 0 ? below.error().sys_errno : ELOOP;
      return false;
    }
    directory = std::move(*below);
  }
  place.directory = std::move(directory);
  return true;
}

// 0, or the errno of a refusal. A file that is not there is no refusal: `status` is zeros then.
int look(const Place& place, const char* suffix, struct stat& status) {
  status = {};
  const std::string name = place.name + suffix;
  if (::fstatat(place.directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? 0 : errno;
  }
  if (S_ISLNK(status.st_mode)) return ELOOP;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if (!S_ISREG(status.st_mode)) return ENXIO;
  return status.st_nlink == 1 ? 0 : EMLINK;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_nlink == b.st_nlink;
}

// Our part of an open file; SQLite's own part lies before it in the same memory.
struct Opened {
  Place place;
  BasePath path;        // given to the base VFS, which keeps the pointer
  const char* given;    // SQLite's path, valid until xClose
  struct stat found{};  // of the file as it was opened
  const sqlite3_io_methods* base = nullptr;
  sqlite3_io_methods methods{};
};

size_t offset_of_ours(const sqlite3_vfs* base) {
  constexpr size_t kAlign = alignof(std::max_align_t);
  return (static_cast<size_t>(base->szOsFile) + kAlign - 1) / kAlign * kAlign;
}

sqlite3_vfs* registered();

Opened*& ours(sqlite3_file* file) {
  auto* bytes = reinterpret_cast<std::byte*>(file);
  return *reinterpret_cast<Opened**>(bytes + offset_of_ours(base_of(registered())));
}

int close_file(sqlite3_file* file) {
  const std::unique_ptr<Opened> opened(std::exchange(ours(file), nullptr));
  file->pMethods = opened->base;
  return opened->base->xClose(file);
}

// True when the path now leads to another file, or to none. False when it cannot be looked at for
// the moment, for want of a descriptor or of memory.
bool has_moved(const Opened& opened) {
  const auto is_of_the_moment = [](int reason) {
    return reason == EMFILE || reason == ENFILE || reason == ENOMEM || reason == EINTR;
  };
  Place now;
  if (!find_place(opened.given, now)) return !is_of_the_moment(errno);
  struct stat status{};
  if (const int refused = look(now, "", status); refused != 0) return !is_of_the_moment(refused);
  return !is_same(status, opened.found);
}

int control_file(sqlite3_file* file, int operation, void* argument) {
  const Opened& opened = *ours(file);
  if (operation != SQLITE_FCNTL_HAS_MOVED) {
    return opened.base->xFileControl(file, operation, argument);
  }
  try {
    *static_cast<int*>(argument) = has_moved(opened) ? 1 : 0;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
  return SQLITE_OK;
}

// 0, or the errno by which the file may not be opened. It is asked before the open, which could
// hang on a FIFO.
int look_before_open(const Opened& opened, int flags) {
  struct stat status{};
  if (const int refused = look(opened.place, "", status); refused != 0) return refused;
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return 0;
  for (const char* suffix : kBesideSuffixes) {
    if (const int refused = look(opened.place, suffix, status); refused != 0) return refused;
  }
  return 0;
}

// Somebody may have put another file there between the look and the open.
int look_after_open(Opened& opened, sqlite3_file* file, int flags) {
  if (const int refused = look(opened.place, "", opened.found); refused != 0) return refused;
  int moved = 0;
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0 &&
      opened.base->xFileControl(file, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0) {
    return ENOENT;
  }
  return 0;
}

int open_checked(sqlite3_vfs* vfs, const char* given, sqlite3_file* file, int flags,
                 int* out_flags) {
  sqlite3_vfs* const base = base_of(vfs);
  auto opened = std::make_unique<Opened>();
  opened->given = given;
  if (!find_place(given, opened->place)) return SQLITE_CANTOPEN;
  if (const int refused = look_before_open(*opened, flags); refused != 0) {
    errno = refused;
    return SQLITE_CANTOPEN;
  }
  opened->path = opened->place.path(given);
  const int code = base->xOpen(base, opened->path.c_str(), file, flags, out_flags);
  if (code != SQLITE_OK) {
    const int reason = errno;
    file->pMethods = nullptr;
    opened.reset();
    errno = reason;
    return code;
  }
  opened->base = file->pMethods;
  if (const int refused = look_after_open(*opened, file, flags); refused != 0) {
    opened->base->xClose(file);
    file->pMethods = nullptr;
    opened.reset();
    errno = refused;
    return SQLITE_CANTOPEN;
  }
  opened->methods = *opened->base;
  opened->methods.xClose = close_file;
  opened->methods.xFileControl = control_file;
  file->pMethods = &opened->methods;
  ours(file) = opened.release();
  return SQLITE_OK;
}

int open_file(sqlite3_vfs* vfs, const char* given, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  // A temporary file has no name that could be checked.
  if (given == nullptr) return base_of(vfs)->xOpen(base_of(vfs), given, file, flags, out_flags);
  try {
    return open_checked(vfs, given, file, flags, out_flags);
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
}

int delete_file(sqlite3_vfs* vfs, const char* given, int sync_directory) {
  try {
    Place place;
    if (!find_place(given, place)) {
      return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    }
    return base_of(vfs)->xDelete(base_of(vfs), place.path(given).c_str(), sync_directory);
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
}

int access_file(sqlite3_vfs* vfs, const char* given, int flags, int* answer) {
  try {
    Place place;
    *answer = 0;
    if (!find_place(given, place)) return errno == ENOENT ? SQLITE_OK : SQLITE_IOERR_ACCESS;
    return base_of(vfs)->xAccess(base_of(vfs), place.path(given).c_str(), flags, answer);
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
}

// Absolute paths stay as they are: resolving links is what this VFS must not do.
int full_path(sqlite3_vfs* vfs, const char* given, int size, char* into) {
  if (given[0] != '/') return base_of(vfs)->xFullPathname(base_of(vfs), given, size, into);
  const size_t length = std::strlen(given);
  if (length + 1 > static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(into, given, length + 1);
  return SQLITE_OK;
}

sqlite3_vfs* register_vfs() {
  sqlite3_vfs* const base = sqlite3_vfs_find(nullptr);
  if (base == nullptr) return nullptr;
  static sqlite3_vfs vfs = *base;
  vfs.pNext = nullptr;
  vfs.zName = kName;
  vfs.pAppData = base;
  vfs.szOsFile = static_cast<int>(offset_of_ours(base) + sizeof(Opened*));
  vfs.mxPathname = kPathBytesMax;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  return sqlite3_vfs_register(&vfs, /*makeDflt=*/0) == SQLITE_OK ? &vfs : nullptr;
}

sqlite3_vfs* registered() {
  static sqlite3_vfs* const vfs = register_vfs();
  return vfs;
}

}  // namespace

const char* beneath_vfs() {
  return registered() != nullptr ? kName : nullptr;
}

std::string_view describe_refusal(int sys_errno) {
  switch (sys_errno) {
    case ELOOP:
    case EXDEV:
      return "a symbolic link is in its way";
    case ENOTDIR:
      return "something that is not a directory is in its way";
    case EISDIR:
    case ENXIO:
      return "it, or a file beside it of the same name with -wal, -shm or -journal, is not a "
             "regular file";
    case EMLINK:
      return "it, or a file beside it of the same name with -wal, -shm or -journal, has another "
             "name (a hard link): writing to it would change another file";
    default:
      return {};
  }
}

}  // namespace syncline
