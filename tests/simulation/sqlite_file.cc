#include "tests/simulation/sqlite_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace syncline::simulation {
namespace {

uint16_t bits(int offset, int count) {
  return static_cast<uint16_t>(((1u << count) - 1) << offset);
}

}  // namespace

std::string parent_of(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? "." : std::string(name.substr(0, slash));
}

SqliteVfs::Connection::Connection(SqliteVfs& vfs, std::unique_ptr<File> file, std::string name,
                                  uint64_t inode, bool sync_parent)
    : vfs_(vfs),
      file_(std::move(file)),
      name_(std::move(name)),
      inode_(inode),
      sync_parent_(sync_parent) {}

int SqliteVfs::Connection::read(void* into, int count, sqlite3_int64 offset) {
  const MutableByteSpan span{static_cast<std::byte*>(into), static_cast<size_t>(count)};
  const Result<size_t> got = file_->read_at(static_cast<uint64_t>(offset), span);
  if (!got) return failed(got.error(), SQLITE_IOERR_READ);
  if (*got == span.size()) return SQLITE_OK;
  std::ranges::fill(span.subspan(*got), std::byte{0});
  return SQLITE_IOERR_SHORT_READ;
}

int SqliteVfs::Connection::write(const void* from, int count, sqlite3_int64 offset) {
  const ByteSpan span{static_cast<const std::byte*>(from), static_cast<size_t>(count)};
  const Status written = file_->write_at(static_cast<uint64_t>(offset), span);
  if (written) return SQLITE_OK;
  const int code = failed(written.error(), SQLITE_IOERR_WRITE);
  return written.error().sys_errno == ENOSPC ? SQLITE_FULL : code;
}

int SqliteVfs::Connection::truncate(sqlite3_int64 size) {
  const Status done = file_->truncate(static_cast<uint64_t>(size));
  return done ? SQLITE_OK : failed(done.error(), SQLITE_IOERR_TRUNCATE);
}

int SqliteVfs::Connection::sync() {
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

int SqliteVfs::Connection::size(sqlite3_int64* into) {
  const Result<FileInfo> info = file_->info();
  if (!info) return failed(info.error(), SQLITE_IOERR_FSTAT);
  *into = static_cast<sqlite3_int64>(info->size_bytes);
  return SQLITE_OK;
}

int SqliteVfs::Connection::lock(int level) {
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

int SqliteVfs::Connection::unlock(int level) {
  int& mine = node().levels[this];
  mine = std::min(mine, level);
  return SQLITE_OK;
}

bool SqliteVfs::Connection::somebody_reserved() {
  return std::ranges::any_of(node().levels,
                             [](const auto& held) { return held.second >= SQLITE_LOCK_RESERVED; });
}

int SqliteVfs::Connection::map_region(int index, int bytes, bool extend, void volatile** into) {
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

int SqliteVfs::Connection::lock_regions(int offset, int count, int flags) {
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

int SqliteVfs::Connection::unmap_regions() {
  auto& shm = node();
  shm.shm.erase(this);
  while (shm.shm.empty() && !shm.regions.empty()) vfs_.shared().retire(shm);
  return SQLITE_OK;
}

void SqliteVfs::Connection::close() {
  unmap_regions();
  node().levels.erase(this);
  (void)file_->close();  // as SQLite's own VFS: nothing is left that could be told
}

bool SqliteVfs::Connection::has_moved() {
  const Result<Directory*> root = vfs_.root();
  if (!root) return true;
  const Result<FileInfo> info = (*root)->info(name_);
  return !info || info->inode != inode_;
}

int SqliteVfs::Connection::failed(const Error& error, int code) {
  vfs_.last_errno_ = error.sys_errno;
  return code;
}

// ---- without a name ----

int SqliteVfs::TemporaryFile::read(void* into, int count, sqlite3_int64 offset) {
  const auto from = std::min(static_cast<size_t>(offset), bytes_.size());
  const auto got = std::min(static_cast<size_t>(count), bytes_.size() - from);
  std::memset(into, 0, static_cast<size_t>(count));
  if (got != 0) std::memcpy(into, bytes_.data() + from, got);
  return got == static_cast<size_t>(count) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int SqliteVfs::TemporaryFile::write(const void* from, int count, sqlite3_int64 offset) {
  const auto end = static_cast<size_t>(offset) + static_cast<size_t>(count);
  if (bytes_.size() < end) bytes_.resize(end);
  std::memcpy(bytes_.data() + offset, from, static_cast<size_t>(count));
  return SQLITE_OK;
}

int SqliteVfs::TemporaryFile::truncate(sqlite3_int64 size) {
  bytes_.resize(static_cast<size_t>(size));
  return SQLITE_OK;
}

}  // namespace syncline::simulation
