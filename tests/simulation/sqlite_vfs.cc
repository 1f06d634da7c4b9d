#include "tests/simulation/sqlite_vfs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "journal/base/assert.h"
#include "journal/base/try.h"

namespace syncline::simulation {

namespace {

// Directory's names are relative to it.
std::string_view relative(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

std::string parent_of(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? "." : std::string(name.substr(0, slash));
}

uint16_t bits(int offset, int count) {
  return static_cast<uint16_t>(((1u << count) - 1) << offset);
}

}  // namespace

// ---- what is shared ----

SqliteShared::Image SqliteShared::image() const {
  Image image;
  for (const auto& [inode, node] : nodes_) {
    for (const auto& region : node.regions) image[inode].push_back(*region);
  }
  return image;
}

void SqliteShared::retire(Node& node) {
  retired_.push_back(std::move(node.regions.back()));
  node.regions.pop_back();
}

void SqliteShared::restore(const Image& image) {
  for (auto& [inode, node] : nodes_) {
    const auto was = image.find(inode);
    const size_t count = was == image.end() ? 0 : was->second.size();
    // The connections of others that died still have them mapped.
    while (node.regions.size() > count) retire(node);
    for (size_t i = 0; i < node.regions.size(); ++i) {
      std::ranges::copy(was->second[i], node.regions[i]->begin());
    }
  }
}

// ---- an open file ----

// The database, its WAL or its journal.
class SqliteVfs::Connection {
 public:
  Connection(SqliteVfs& vfs, std::unique_ptr<File> file, std::string name, uint64_t inode,
             bool sync_parent)
      : vfs_(vfs),
        file_(std::move(file)),
        name_(std::move(name)),
        inode_(inode),
        sync_parent_(sync_parent) {}

  int read(void* into, int count, sqlite3_int64 offset) {
    const MutableByteSpan span{static_cast<std::byte*>(into), static_cast<size_t>(count)};
    const Result<size_t> got = file_->read_at(static_cast<uint64_t>(offset), span);
    if (!got) return failed(got.error(), SQLITE_IOERR_READ);
    if (*got == span.size()) return SQLITE_OK;
    std::ranges::fill(span.subspan(*got), std::byte{0});
    return SQLITE_IOERR_SHORT_READ;
  }
  int write(const void* from, int count, sqlite3_int64 offset) {
    const ByteSpan span{static_cast<const std::byte*>(from), static_cast<size_t>(count)};
    const Status written = file_->write_at(static_cast<uint64_t>(offset), span);
    if (written) return SQLITE_OK;
    const int code = failed(written.error(), SQLITE_IOERR_WRITE);
    return written.error().sys_errno == ENOSPC ? SQLITE_FULL : code;
  }
  int truncate(sqlite3_int64 size) {
    const Status done = file_->truncate(static_cast<uint64_t>(size));
    return done ? SQLITE_OK : failed(done.error(), SQLITE_IOERR_TRUNCATE);
  }
  int sync() {
    if (const Status synced = file_->sync_data(); !synced) {
      return failed(synced.error(), SQLITE_IOERR_FSYNC);
    }
    if (!sync_parent_) return SQLITE_OK;
    sync_parent_ = false;
    const Result<Directory*> root = vfs_.root();
    if (!root) return failed(root.error(), SQLITE_IOERR_DIR_FSYNC);
    const Status synced = (*root)->sync_directory(parent_of(name_));
    return synced ? SQLITE_OK : failed(synced.error(), SQLITE_IOERR_DIR_FSYNC);
  }
  int size(sqlite3_int64* into) {
    const Result<FileInfo> info = file_->info();
    if (!info) return failed(info.error(), SQLITE_IOERR_FSTAT);
    *into = static_cast<sqlite3_int64>(info->size_bytes);
    return SQLITE_OK;
  }

  // SHARED < RESERVED < PENDING < EXCLUSIVE. A RESERVED lives beside SHARED ones; a PENDING keeps
  // new ones out.
  int lock(int level) {
    auto& levels = node().levels;
    int& mine = levels[this];
    if (mine >= level) return SQLITE_OK;
    int highest = SQLITE_LOCK_NONE;
    bool others = false;
    for (const auto& [holder, held] : levels) {
      if (holder == this || held == SQLITE_LOCK_NONE) continue;
      others = true;
      highest = std::max(highest, held);
    }
    if (level == SQLITE_LOCK_SHARED) {
      if (highest >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
      mine = level;
      return SQLITE_OK;
    }
    if (highest >= SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && others) {
      mine = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
    mine = level;
    return SQLITE_OK;
  }
  int unlock(int level) {
    int& mine = node().levels[this];
    mine = std::min(mine, level);
    return SQLITE_OK;
  }
  bool somebody_reserved() {
    return std::ranges::any_of(
        node().levels, [](const auto& held) { return held.second >= SQLITE_LOCK_RESERVED; });
  }

  int map_region(int index, int bytes, bool extend, void volatile** into) {
    auto& shm = node();
    shm.shm.try_emplace(this);
    *into = nullptr;
    const auto wanted = static_cast<size_t>(index) + 1;
    if (shm.regions.size() < wanted && !extend) return SQLITE_OK;
    while (shm.regions.size() < wanted) {
      shm.regions.push_back(
          std::make_unique<std::vector<std::byte>>(static_cast<size_t>(bytes), std::byte{0}));
    }
    *into = shm.regions[static_cast<size_t>(index)]->data();
    return SQLITE_OK;
  }
  int lock_regions(int offset, int count, int flags) {
    auto& shm = node();
    auto& mine = shm.shm[this];
    const uint16_t mask = bits(offset, count);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      mine.shared = static_cast<uint16_t>(mine.shared & ~mask);
      mine.exclusive = static_cast<uint16_t>(mine.exclusive & ~mask);
      return SQLITE_OK;
    }
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (const auto& [holder, held] : shm.shm) {
      if (holder == this) continue;
      if ((held.exclusive & mask) != 0) return SQLITE_BUSY;
      if (exclusive && (held.shared & mask) != 0) return SQLITE_BUSY;
    }
    uint16_t& bitmap = exclusive ? mine.exclusive : mine.shared;
    bitmap = static_cast<uint16_t>(bitmap | mask);
    return SQLITE_OK;
  }
  int unmap_regions() {
    auto& shm = node();
    shm.shm.erase(this);
    while (shm.shm.empty() && !shm.regions.empty()) vfs_.shared().retire(shm);
    return SQLITE_OK;
  }

  void close() {
    unmap_regions();
    node().levels.erase(this);
    (void)file_->close();  // as SQLite's own VFS: nothing is left that could be told
  }

  bool has_moved() {
    const Result<Directory*> root = vfs_.root();
    if (!root) return true;
    const Result<FileInfo> info = (*root)->info(name_);
    return !info || info->inode != inode_;
  }

  SqliteVfs& vfs() { return vfs_; }

 private:
  SqliteShared::Node& node() { return vfs_.shared().node(inode_); }
  int failed(const Error& error, int code) {
    vfs_.last_errno_ = error.sys_errno;
    return code;
  }

  SqliteVfs& vfs_;
  std::unique_ptr<File> file_;
  std::string name_;
  uint64_t inode_;
  bool sync_parent_;
};

// A file without a name is of nobody else's concern, and of no crash's: plain memory.
class SqliteVfs::TemporaryFile {
 public:
  int read(void* into, int count, sqlite3_int64 offset) {
    const auto from = std::min(static_cast<size_t>(offset), bytes_.size());
    const auto got = std::min(static_cast<size_t>(count), bytes_.size() - from);
    std::memset(into, 0, static_cast<size_t>(count));
    if (got != 0) std::memcpy(into, bytes_.data() + from, got);
    return got == static_cast<size_t>(count) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }
  int write(const void* from, int count, sqlite3_int64 offset) {
    const auto end = static_cast<size_t>(offset) + static_cast<size_t>(count);
    if (bytes_.size() < end) bytes_.resize(end);
    std::memcpy(bytes_.data() + offset, from, static_cast<size_t>(count));
    return SQLITE_OK;
  }
  int truncate(sqlite3_int64 size) {
    bytes_.resize(static_cast<size_t>(size));
    return SQLITE_OK;
  }
  sqlite3_int64 size() const { return static_cast<sqlite3_int64>(bytes_.size()); }

 private:
  std::vector<std::byte> bytes_;
};

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
    const std::string name(relative(path));
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
      const std::string name(relative(path));
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
      const Result<FileInfo> info = (*root)->info(relative(path));
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
