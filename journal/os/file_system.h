// The seam through which everything reaches files: the journal, the appliers, the git writer.
//
// A Directory is an open handle; every name given to it is relative, resolved beneath it, and never
// follows a symbolic or magic link (openat2 RESOLVE_BENEATH|NO_SYMLINKS|NO_MAGICLINKS): a name that
// leads out of the directory, or that meets a component that is no directory or a file that is not
// regular, answers kUnsafePath. The posix implementation is journal/os/posix_file_system.cc; the
// simulated disk of the tests implements the same three classes.
//
// Threading: a Directory may be used from several threads; a File from several threads for reads
// and for writes that do not overlap. Failure: EINTR is retried here and nowhere else; a short
// write is continued until the kernel refuses, so an error may leave a part written. A failed
// sync_* says nothing about what is on disk, must never be retried and believed, and must never be
// verified by reading back (Rebello et al., "Can Applications Recover from fsync Failures?", ATC
// 2020).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "journal/base/bytes.h"
#include "syncline/deadline.h"
#include "syncline/result.h"

namespace syncline {

struct FileInfo {
  enum class Type : uint8_t { kRegular, kDirectory, kSymlink, kOther };
  Type type = Type::kRegular;
  uint64_t size_bytes = 0;
  uint64_t inode = 0;
  uint64_t device = 0;
  uint32_t mode = 0;  // st_mode, type bits included
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t links = 1;
  int64_t mtime_s = 0;
  uint32_t mtime_ns = 0;
  int64_t ctime_s = 0;
  uint32_t ctime_ns = 0;
};

class ReadQueue;

// An open regular file. Closed by the destructor; close() first where its error matters.
class File {
 public:
  virtual ~File() = default;
  // Fills `into` from `offset`; fewer bytes than asked for only at the end of the file.
  virtual Result<size_t> read_at(uint64_t offset, MutableByteSpan into) = 0;
  // Writes all of `from`, extending the file as needed.
  virtual Status write_at(uint64_t offset, ByteSpan from) = 0;
  // Blocks for [from, to), which lie at or behind the end of the file and read as zeros afterwards:
  // what is then written there does not meet a full disk. An error may leave a part reserved. Here
  // zeros are written; a kernel file asks the file system for the blocks alone (fallocate), which
  // costs next to nothing, but then the first sync behind a write into them has metadata to write.
  virtual Status reserve(uint64_t from, uint64_t to);
  // fdatasync: the bytes, and the metadata needed to read them back.
  virtual Status sync_data() = 0;
  virtual Status truncate(uint64_t size_bytes) = 0;
  virtual Result<FileInfo> info() = 0;
  // How many names lead to the file: info() asks for more, and so may have to wait for more.
  virtual Result<uint64_t> links();
  virtual Status close() = 0;
  // For io_uring and SQLite; -1 where there is no kernel file behind it (simulation).
  virtual int descriptor() const = 0;
  // True when opened with O_DIRECT: buffers, offsets and sizes must be multiples of kBlockBytes.
  virtual bool direct() const = 0;

  // Who reads a long stretch from its beginning to its end is best served by parts of this size,
  // two of them under way at a time (journal/os/read_ahead.h).
  virtual size_t part_bytes() const { return 4u << 20; }
  // Null where reads cannot be made side by side: read_at does everything that a queue does.
  virtual std::unique_ptr<ReadQueue> read_queue();
};

struct OpenFlags {
  bool write = false;
  bool create = false;     // create if missing (mode 0644, less the umask)
  bool exclusive = false;  // with create: kExists when it is there
  bool direct = false;     // O_DIRECT where the file system knows it, silently buffered elsewhere
  bool private_mode = false;  // with create: mode 0600
};

// An advisory lock of a whole file (flock): owned by the open descriptor, which is close-on-exec,
// and gone with its process, so there are no stale locks, PID files or robust mutexes.
class FileLock {
 public:
  enum class Mode : uint8_t { kShared, kExclusive };
  virtual ~FileLock() = default;
  // False when another holds it in a conflicting mode. A held lock may be converted, but not
  // atomically: another may come in between, and a try that answers false has let go of it.
  virtual Result<bool> try_lock(Mode mode) = 0;
  // Waits; kTimeout when `deadline` passes first.
  virtual Status lock(Mode mode, Deadline deadline) = 0;
  virtual void unlock() = 0;
  // For people: who holds it, as "process 7 (name) has /a/append.lock". Empty where that cannot be
  // told.
  virtual std::string held_by() { return {}; }
};

// A file mapped shared and writable: a cache that all processes of a store see. Its content is
// never believed beyond what its user can check (see journal/log/control_page.h).
class SharedPage {
 public:
  virtual ~SharedPage() = default;
  // On a read-only file system: a copy that nobody else sees, and that ends with its process.
  virtual bool is_private() const { return false; }
  virtual MutableByteSpan bytes() = 0;
  // Sleeps while the aligned u32 at `offset` still equals `expected`, until wake() or `deadline`.
  // May return early: look again.
  virtual void wait(size_t offset, uint32_t expected, Deadline deadline) = 0;
  virtual void wake(size_t offset) = 0;
  // Asks the kernel to write the page to the disk soon, and waits for nothing: a hint.
  virtual void start_writeback() {}
};

// A file that is written and durable, and has no name yet; gone with its owner where it got none.
class PreparedFile {
 public:
  virtual ~PreparedFile() = default;
  // Gives it the name that it was prepared for. kExists where something has that: then it may be
  // tried again. The name is durable after sync_directory.
  virtual Status create() = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;

  virtual Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) = 0;
  virtual Result<std::unique_ptr<Directory>> open_directory(std::string_view name) = 0;
  // Creates `name` and its missing parents (mode 0777 less the umask, or 0700).
  virtual Status make_directories(std::string_view name, bool private_mode = false) = 0;
  // Creates `name` with exactly these bytes or not at all, never in part and never over something
  // that is there (kExists): O_TMPFILE + linkat, or a hidden file beside it + link. Not synced.
  virtual Status create_whole(std::string_view name, ByteSpan content) = 0;
  // Replaces by rename within this directory's tree; durable only after sync_directory of both
  // ends.
  virtual Status rename(std::string_view from, std::string_view to) = 0;
  // Each gets the other's name, in one step; kUnsupported where the file system has none for that.
  virtual Status exchange(std::string_view one, std::string_view other);
  virtual Status remove_file(std::string_view name) = 0;
  virtual Status remove_directory(std::string_view name) = 0;
  // Does not follow a final symbolic link; kNotFound when it is not there.
  virtual Result<FileInfo> info(std::string_view name) = 0;
  // Names without "." and "..", sorted.
  virtual Result<std::vector<std::string>> list(std::string_view name) = 0;
  // Makes entries of `name` ("." for itself) durable: fsync of the directory.
  virtual Status sync_directory(std::string_view name) = 0;
  // syncfs: everything written to this file system before the call.
  virtual Status sync_file_system() = 0;

  // Opens (creating) a lock file or a page of `size_bytes`; the page is zero-filled when new.
  virtual Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) = 0;
  virtual Result<std::unique_ptr<SharedPage>> map_page(std::string_view name,
                                                       size_t size_bytes) = 0;
  // A lock of the directory itself: it needs no file, and leaves none.
  virtual Result<std::unique_ptr<FileLock>> open_own_lock() = 0;

  // The directory's inode and its file system's lasting id: a copy changes them, a reboot does not.
  struct Identity {
    uint64_t inode = 0;
    uint64_t file_system_id = 0;
    bool operator==(const Identity&) const = default;
  };
  virtual Result<Identity> identity() = 0;
  // Changes whenever the page cache behind this directory may have been lost: boot id and, where
  // the kernel tells (6.8 and later), the unique mount id. Empty where it cannot be told.
  virtual Result<std::string> cache_token() = 0;

  // Bytes that this user may still write to its file system; kUnsupported where it cannot be told.
  virtual Result<uint64_t> free_bytes();

  // The path it was opened by, for messages, SQLite and subprocesses.
  virtual const std::string& path() const = 0;

  // As create_whole, but the bytes are durable before the name is there (and the name after
  // sync_directory): a lock file that a power cut leaves says whose it is.
  virtual Status create_whole_synced(std::string_view name, ByteSpan content);
  // The same in two steps, for a lock that others should not meet while its bytes are synced. The
  // directory outlives the file.
  virtual Result<std::unique_ptr<PreparedFile>> prepare_whole_synced(std::string_view name,
                                                                     ByteSpan content);
};

// Opens a directory of the real file system; its own path may contain symbolic links.
Result<std::unique_ptr<Directory>> open_posix_directory(const std::string& path);

// Hidden files that create_whole and replace_file may leave beside their target when the process
// dies; nobody reads them, and whoever tidies a directory may remove them when no writer is alive.
inline constexpr std::string_view kTemporaryPrefix = ".syncline-tmp-";

// The directory that a name is in; "." where it is in the one that it is given to.
std::string_view parent_of(std::string_view name);

// Zeros over [from, to), block multiples.
Status write_zeros(File& file, uint64_t from, uint64_t to);

// Whole-file helpers over the seam.
Result<std::string> read_file(Directory& directory, std::string_view name,
                              uint64_t size_bytes_max = 256u << 20);
// Write beside, sync, rename, sync the directory: after success the new content is durable, before
// it the old one is. `durable = false` leaves the syncs out (caches that are validated when read).
Status replace_file(Directory& directory, std::string_view name, ByteSpan content,
                    bool durable = true);
// The same, durable, where `may_replace` says so right before the rename; false where it does not.
Result<bool> replace_file_if(Directory& directory, std::string_view name, ByteSpan content,
                             const std::function<bool()>& may_replace);

}  // namespace syncline
