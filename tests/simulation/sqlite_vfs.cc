#include "tests/simulation/sqlite_vfs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "tests/simulation/sqlite_file.h"

namespace syncline::simulation {

namespace {

// Directory's names are relative to it.
std::string_view beneath_root(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

}  // namespace

// ---- the tables of functions that SQLite calls ----

struct SqliteVfsCalls {
  using Connection = SqliteVfs::Connection;
  using TemporaryFile = SqliteVfs::TemporaryFile;
  struct OpenFile {
    sqlite3_file base;
    Connection* connection;
    TemporaryFile* temporary;
  };

  static Connection& connection(sqlite3_file* file) {
    return *reinterpret_cast<OpenFile*>(file)->connection;
  }
  static TemporaryFile& temporary(sqlite3_file* file) {
    return *reinterpret_cast<OpenFile*>(file)->temporary;
  }
  static SqliteVfs& self(sqlite3_vfs* vfs) { return *static_cast<SqliteVfs*>(vfs->pAppData); }

  // Calls `use` of a living process; what it throws (a process's death) ends here.
  template <typename Use>
  static int guarded(SqliteVfs& vfs, Use use) {
    if (vfs.dead()) return SQLITE_IOERR;
    try {
      const int code = use();
      return vfs.dead() ? SQLITE_IOERR : code;
    } catch (...) {
      return SQLITE_IOERR;
    }
  }
  template <typename Use>
  static int on(sqlite3_file* file, Use use) {
    Connection& open = connection(file);
    return guarded(open.vfs(), [&] { return use(open); });
  }

  // ---- files on the disk ----

  static int close(sqlite3_file* file) {
    auto* open = reinterpret_cast<OpenFile*>(file);
    try {
      open->connection->close();
    } catch (...) {  // a death in closing: the locks are let go above
    }
    delete std::exchange(open->connection, nullptr);
    return SQLITE_OK;
  }
  static int read(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
    return on(file, [&](Connection& open) { return open.read(into, count, offset); });
  }
  static int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
    return on(file, [&](Connection& open) { return open.write(from, count, offset); });
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return on(file, [&](Connection& open) { return open.truncate(size); });
  }
  static int sync(sqlite3_file* file, int /*flags*/) {
    return on(file, [](Connection& open) { return open.sync(); });
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return on(file, [&](Connection& open) { return open.size(size); });
  }
  static int lock(sqlite3_file* file, int level) {
    return on(file, [&](Connection& open) {
      open.vfs().pause();
      return open.lock(level);
    });
  }
  static int unlock(sqlite3_file* file, int level) { return connection(file).unlock(level); }
  static int check_reserved_lock(sqlite3_file* file, int* result) {
    return on(file, [&](Connection& open) {
      *result = open.somebody_reserved() ? 1 : 0;
      return SQLITE_OK;
    });
  }
  static int file_control(sqlite3_file* file, int operation, void* argument) {
    switch (operation) {
      case SQLITE_FCNTL_HAS_MOVED:
        return on(file, [&](Connection& open) {
          *static_cast<int*>(argument) = open.has_moved() ? 1 : 0;
          return SQLITE_OK;
        });
      case SQLITE_FCNTL_PERSIST_WAL:
      case SQLITE_FCNTL_POWERSAFE_OVERWRITE:
        *static_cast<int*>(argument) = 0;
        return SQLITE_OK;
      default:
        return SQLITE_NOTFOUND;
    }
  }
  static int sector_size(sqlite3_file* /*file*/) { return 512; }
  static int device_characteristics(sqlite3_file* /*file*/) { return 0; }
  static int shm_map(sqlite3_file* file, int region, int bytes, int extend, void volatile** into) {
    return on(file,
              [&](Connection& open) { return open.map_region(region, bytes, extend != 0, into); });
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    Connection& open = connection(file);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) return open.lock_regions(offset, count, flags);
    return guarded(open.vfs(), [&] {
      open.vfs().pause();
      return open.lock_regions(offset, count, flags);
    });
  }
  static void shm_barrier(sqlite3_file* /*file*/) {}
  static int shm_unmap(sqlite3_file* file, int /*delete_it*/) {
    return connection(file).unmap_regions();
  }

  // ---- files without a name ----

  static int close_temporary(sqlite3_file* file) {
    delete std::exchange(reinterpret_cast<OpenFile*>(file)->temporary, nullptr);
    return SQLITE_OK;
  }
  static int read_temporary(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
    return temporary(file).read(into, count, offset);
  }
  static int write_temporary(sqlite3_file* file, const void* from, int count,
                             sqlite3_int64 offset) {
    return temporary(file).write(from, count, offset);
  }
  static int truncate_temporary(sqlite3_file* file, sqlite3_int64 size) {
    return temporary(file).truncate(size);
  }
  static int sync_temporary(sqlite3_file* /*file*/, int /*flags*/) { return SQLITE_OK; }
  static int temporary_size(sqlite3_file* file, sqlite3_int64* size) {
    *size = temporary(file).size();
    return SQLITE_OK;
  }
  static int lock_temporary(sqlite3_file* /*file*/, int /*level*/) { return SQLITE_OK; }
  static int check_temporary(sqlite3_file* /*file*/, int* result) {
    *result = 0;
    return SQLITE_OK;
  }
  static int control_temporary(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) {
    return SQLITE_NOTFOUND;
  }

  // ---- the VFS ----

  static int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags,
                  int* out_flags) {
    SqliteVfs& of = self(vfs);
    auto* open = new (file) OpenFile{};
    if (name == nullptr) {
      open->temporary = new TemporaryFile;
      open->base.pMethods = &kTemporaryMethods;
      if (out_flags != nullptr) *out_flags = flags;
      return SQLITE_OK;
    }
    const int code = guarded(of, [&] { return open_named(of, name, *open, flags, out_flags); });
    return code == SQLITE_IOERR ? SQLITE_CANTOPEN : code;
  }
  static int open_named(SqliteVfs& of, const char* path, OpenFile& open, int flags,
                        int* out_flags) {
    const std::string name(beneath_root(path));
    const Result<Directory*> root = of.root();
    if (!root) return SQLITE_CANTOPEN;
    OpenFlags how{.write = (flags & SQLITE_OPEN_READWRITE) != 0,
                  .create = (flags & SQLITE_OPEN_CREATE) != 0,
                  .exclusive = (flags & SQLITE_OPEN_EXCLUSIVE) != 0};
    const bool is_new = how.create && !(*root)->info(name);
    Result<std::unique_ptr<File>> file = (*root)->open_file(name, how);
    if (!file && how.write &&
        (file.error().sys_errno == EROFS || file.error().sys_errno == EACCES)) {
      how = {};
      flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
      file = (*root)->open_file(name, how);
    }
    if (!file) {
      of.last_errno_ = file.error().sys_errno;
      return SQLITE_CANTOPEN;
    }
    const Result<FileInfo> info = (*file)->info();
    if (!info) return SQLITE_IOERR_FSTAT;
    constexpr int kJournals =
        SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    const bool sync_parent = is_new && (flags & kJournals) != 0;
    open.connection = new Connection(of, std::move(*file), name, info->inode, sync_parent);
    open.base.pMethods = &kMethods;
    ++of.opened_;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    SqliteVfs& of = self(vfs);
    return guarded(of, [&] {
      const std::string name(beneath_root(path));
      const Result<Directory*> root = of.root();
      if (!root) return SQLITE_IOERR_DELETE;
      if (const Status removed = (*root)->remove_file(name); !removed) {
        of.last_errno_ = removed.error().sys_errno;
        return removed.error().code == Code::kNotFound ? SQLITE_IOERR_DELETE_NOENT
                                                       : SQLITE_IOERR_DELETE;
      }
      if (sync_directory == 0) return SQLITE_OK;
      return (*root)->sync_directory(parent_of(name)) ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
    });
  }
  static int access(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
    SqliteVfs& of = self(vfs);
    return guarded(of, [&] {
      const Result<Directory*> root = of.root();
      if (!root) return SQLITE_IOERR_ACCESS;
      const Result<FileInfo> info = (*root)->info(beneath_root(path));
      // As SQLite's unix VFS: an empty file does not exist.
      *result = info && (flags != SQLITE_ACCESS_EXISTS || info->size_bytes > 0) ? 1 : 0;
      return SQLITE_OK;
    });
  }
  static int full_pathname(sqlite3_vfs* /*vfs*/, const char* path, int size, char* into) {
    if (path[0] != '/' || std::strlen(path) >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
    std::memcpy(into, path, std::strlen(path) + 1);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* vfs, int count, char* into) {
    Random& random = self(vfs).surroundings_.random;
    for (int at = 0; at < count; ++at) into[at] = static_cast<char>(random.next_u64());
    return count;
  }
  static int rest(sqlite3_vfs* vfs, int microseconds) {
    SqliteVfs& of = self(vfs);
    guarded(of, [&] {
      of.surroundings_.clock.pause_ns(int64_t{microseconds} * 1000);
      return SQLITE_OK;
    });
    return microseconds;
  }
  static int current_time_ms(sqlite3_vfs* vfs, sqlite3_int64* into) {
    constexpr sqlite3_int64 kUnixEpochMs = 24405875 * sqlite3_int64{8640000};  // of Julian days
    *into = kUnixEpochMs + self(vfs).surroundings_.clock.now_ms();
    return SQLITE_OK;
  }
  static int current_time(sqlite3_vfs* vfs, double* into) {
    sqlite3_int64 now = 0;
    current_time_ms(vfs, &now);
    *into = static_cast<double>(now) / 86'400'000.0;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs* vfs, int /*size*/, char* /*into*/) {
    return self(vfs).last_errno_;
  }

  static const sqlite3_io_methods kMethods;
  static const sqlite3_io_methods kTemporaryMethods;
};

const sqlite3_io_methods SqliteVfsCalls::kMethods = {
    .iVersion = 2,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

const sqlite3_io_methods SqliteVfsCalls::kTemporaryMethods = {
    .iVersion = 1,
    .xClose = close_temporary,
    .xRead = read_temporary,
    .xWrite = write_temporary,
    .xTruncate = truncate_temporary,
    .xSync = sync_temporary,
    .xFileSize = temporary_size,
    .xLock = lock_temporary,
    .xUnlock = lock_temporary,
    .xCheckReservedLock = check_temporary,
    .xFileControl = control_temporary,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

SqliteVfs::SqliteVfs(std::string name, SqliteSurroundings surroundings)
    : name_(std::move(name)), surroundings_(std::move(surroundings)) {
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(SqliteVfsCalls::OpenFile);
  vfs_.mxPathname = 1024;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = SqliteVfsCalls::open;
  vfs_.xDelete = SqliteVfsCalls::remove;
  vfs_.xAccess = SqliteVfsCalls::access;
  vfs_.xFullPathname = SqliteVfsCalls::full_pathname;
  vfs_.xRandomness = SqliteVfsCalls::randomness;
  vfs_.xSleep = SqliteVfsCalls::rest;
  vfs_.xCurrentTime = SqliteVfsCalls::current_time;
  vfs_.xGetLastError = SqliteVfsCalls::last_error;
  vfs_.xCurrentTimeInt64 = SqliteVfsCalls::current_time_ms;
  SYNCLINE_ASSERT(sqlite3_vfs_register(&vfs_, /*makeDflt=*/0) == SQLITE_OK);
}

SqliteVfs::~SqliteVfs() {
  sqlite3_vfs_unregister(&vfs_);
}

Result<Directory*> SqliteVfs::root() {
  if (root_ == nullptr) {
    TRY_ASSIGN(root_, surroundings_.open_root());
  }
  return root_.get();
}

}  // namespace syncline::simulation
