#include "tests/simulation/disk.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "journal/base/assert.h"
#include "journal/base/block.h"
#include "journal/base/try.h"
#include "journal/os/posix_path.h"

namespace syncline::simulation {
namespace {

// What an operation takes; the order matters, not the amount.
constexpr int64_t kOperationNs = 10'000;
constexpr uint64_t kDevice = 1;

Error failed(int sys_errno, const DiskOperation& operation) {
  return posix_path_error(sys_errno,
                          fmt::format("{} {}", call_name(operation.call), operation.path));
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + name.size() + 1);
  path = directory;
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

}  // namespace

std::string_view call_name(Call call) {
  static constexpr std::string_view kNames[] = {
      "create",
      "write",
      "truncate",
      "sync",
      "make directory",
      "create whole",
      "rename",
      "remove",
      "remove directory",
      "sync directory",
      "sync file system",
      "map",
      "open the lock",
      "open",
      "open directory",
      "read",
      "stat",
      "list",
      "close",
      "try lock",
      "lock",
      "unlock",
      "wait",
      "wake",
  };
  static_assert(std::size(kNames) == static_cast<size_t>(Call::kCount));
  return kNames[static_cast<size_t>(call)];
}

// --- files

class Disk::SimFile final : public File {
 public:
  SimFile(Disk& disk, ProcessId process, InodeNumber inode, bool write, bool direct,
          std::string path)
      : disk_(disk),
        process_(process),
        inode_(inode),
        write_(write),
        direct_(direct),
        path_(std::move(path)) {
    disk_.opened(inode_);
  }
  ~SimFile() override { let_go(); }
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;

  Result<size_t> read_at(uint64_t offset, MutableByteSpan into) override {
    const DiskOperation operation = about(Call::kRead, offset, into.size());
    TRY_ASSIGN(const Answer answer, disk_.begin(operation));
    if (answer.what == Answer::What::kFail) return failed(answer.sys_errno, operation);
    const Node& node = disk_.image_.node(inode_);
    if (offset >= node.size_bytes) return size_t{0};
    const size_t count = std::min<size_t>(into.size(), node.size_bytes - offset);
    for (const auto& [from, to] : node.unreadable) {
      if (offset < to && offset + count > from) return failed(EIO, operation);
    }
    const MutableByteSpan filled = into.first(count);
    if (const MappedPage* page = disk_.image_.mapped(inode_)) {
      std::memcpy(filled.data(), page->bytes.get() + offset, count);
    } else if (answer.what == Answer::What::kStale) {
      node.durable.read(offset, filled);
    } else {
      node.cached.read(offset, filled);
    }
    return count;
  }

  Status write_at(uint64_t offset, ByteSpan from) override {
    DiskOperation operation = about(Call::kWrite, offset, from.size());
    operation.content = from;
    TRY_ASSIGN(const Answer answer, disk_.begin(operation));
    if (!write_) return failed(EBADF, operation);
    if (direct_ && (offset % kBlockBytes != 0 || from.size() % kBlockBytes != 0 ||
                    reinterpret_cast<uintptr_t>(from.data()) % kSectorBytes != 0)) {
      return failed(EINVAL, operation);
    }
    const size_t asked = answer.what == Answer::What::kProceed
                             ? from.size()
                             : std::min<size_t>(from.size(), answer.landed_bytes);
    const size_t fits = fitting(offset, asked);
    if (fits > 0) {
      disk_.image_.write(inode_, offset, from.first(fits));
      disk_.image_.writable(inode_).mtime_ns = disk_.now_ns();
    }
    if (answer.what == Answer::What::kCrash) {
      disk_.kill(process_);
      return disk_.die(process_);
    }
    if (answer.what == Answer::What::kFail) return failed(answer.sys_errno, operation);
    if (fits < from.size()) return failed(ENOSPC, operation);
    return {};
  }

  Status sync_data() override {
    const DiskOperation operation = about(Call::kSync);
    TRY_ASSIGN(const Answer answer, disk_.begin(operation));
    if (answer.what == Answer::What::kFail) {
      disk_.image_.fail_sync(inode_);
      return failed(answer.sys_errno, operation);
    }
    if (disk_.read_only_ && !disk_.image_.node(inode_).clean()) return failed(EROFS, operation);
    disk_.image_.sync(inode_);
    return {};
  }

  Status truncate(uint64_t size_bytes) override {
    const DiskOperation operation = about(Call::kTruncate, size_bytes);
    TRY(disk_.permit(operation));
    if (!write_) return failed(EINVAL, operation);
    disk_.image_.truncate(inode_, size_bytes);
    disk_.image_.writable(inode_).mtime_ns = disk_.now_ns();
    return {};
  }

  Result<FileInfo> info() override {
    TRY(disk_.permit(about(Call::kInfo)));
    return disk_.info_of(inode_);
  }

  Status close() override {
    if (inode_ == 0) return {};
    const Status closed = disk_.permit(about(Call::kClose));
    let_go();
    return closed;
  }

  int descriptor() const override { return -1; }
  bool direct() const override { return direct_; }

 private:
  DiskOperation about(Call call, uint64_t offset = 0, uint64_t bytes = 0) const {
    return {process_, call, path_, offset, bytes, {}};
  }
  // How much of a write finds room: what lies in the file already always does.
  size_t fitting(uint64_t offset, size_t bytes) const {
    const uint64_t size = disk_.image_.size_bytes(inode_);
    const uint64_t end = offset + bytes;
    const uint64_t used = disk_.image_.used_bytes();
    const uint64_t capacity = disk_.image_.capacity_bytes;
    const uint64_t free = capacity > used ? (capacity - used) / kPageBytes * kPageBytes : 0;
    if (end <= size || end - size <= free) return bytes;
    return offset >= size + free ? 0 : static_cast<size_t>(size + free - offset);
  }
  void let_go() {
    if (inode_ != 0) disk_.closed(inode_);
    inode_ = 0;
  }

  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  bool write_;
  bool direct_;
  std::string path_;
};

// --- locks

class Disk::SimLock final : public FileLock {
 public:
  SimLock(Disk& disk, ProcessId process, InodeNumber inode, std::string path)
      : disk_(disk), process_(process), inode_(inode), path_(std::move(path)) {
    disk_.opened(inode_);
  }
  ~SimLock() override {
    let_go();
    disk_.closed(inode_);
  }
  SimLock(const SimLock&) = delete;
  SimLock& operator=(const SimLock&) = delete;

  Result<bool> try_lock(Mode mode) override {
    TRY(disk_.permit(about(Call::kTryLock)));
    return take(mode);
  }

  Status lock(Mode mode, Deadline deadline) override {
    TRY(disk_.permit(about(Call::kLock)));
    while (!take(mode)) {
      if (!deadline.forever() && disk_.clock_.peek_ns() >= deadline.monotonic_ns) {
        return make_error(Code::kTimeout,
                          fmt::format("the lock {} was not free before the deadline", path_));
      }
      disk_.conductor_->block(
          process_, [&] { return !disk_.alive(process_) || is_free(mode); }, deadline);
      TRY(disk_.dead(process_));
    }
    return {};
  }

  void unlock() override {
    if (!disk_.tell(about(Call::kUnlock))) return;
    let_go();
  }

 private:
  DiskOperation about(Call call) const { return {process_, call, path_, 0, 0, {}}; }
  bool is_free(Mode mode) const {
    return std::ranges::none_of(disk_.locks_, [&](const LockHolder& holder) {
      return holder.inode == inode_ && holder.handle != this &&
             (mode == Mode::kExclusive || holder.mode == Mode::kExclusive);
    });
  }
  // As flock converts: what it had is let go of first.
  bool take(Mode mode) {
    let_go();
    if (!is_free(mode)) return false;
    disk_.locks_.push_back({inode_, this, process_, mode});
    return true;
  }
  void let_go() {
    std::erase_if(disk_.locks_, [&](const LockHolder& holder) { return holder.handle == this; });
  }

  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  std::string path_;
};

// --- pages

class Disk::SimPage final : public SharedPage {
 public:
  SimPage(Disk& disk, ProcessId process, InodeNumber inode, MutableByteSpan bytes, std::string path)
      : disk_(disk), process_(process), inode_(inode), bytes_(bytes), path_(std::move(path)) {
    disk_.opened(inode_);
  }
  ~SimPage() override { disk_.closed(inode_); }
  SimPage(const SimPage&) = delete;
  SimPage& operator=(const SimPage&) = delete;

  MutableByteSpan bytes() override { return bytes_; }

  void wait(size_t offset, uint32_t expected, Deadline deadline) override {
    if (!disk_.tell({process_, Call::kWait, path_, offset, 4, {}})) return;
    const uint64_t wakes = disk_.wakes_;
    const auto changed = [&] {
      return load_le<uint32_t>(bytes_.data() + offset) != expected || disk_.wakes_ != wakes ||
             !disk_.alive(process_);
    };
    if (changed()) return;
    disk_.conductor_->block(process_, changed, deadline);
    // A wait may end early; the next operation of a process that died meanwhile says so.
  }
  void wake(size_t offset) override {
    if (!disk_.alive(process_)) return;
    ++disk_.wakes_;
    static_cast<void>(disk_.tell({process_, Call::kWake, path_, offset, 4, {}}));
  }

 private:
  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  MutableByteSpan bytes_;
  std::string path_;
};

// --- directories

class Disk::SimDirectory final : public Directory {
 public:
  SimDirectory(Disk& disk, ProcessId process, InodeNumber inode, std::string path)
      : disk_(disk),
        process_(process),
        inode_(inode),
        from_root_(std::move(path)),
        path_(from_root_.empty() ? "/sim" : "/sim/" + from_root_) {
    disk_.opened(inode_);
  }
  ~SimDirectory() override { disk_.closed(inode_); }
  SimDirectory(const SimDirectory&) = delete;
  SimDirectory& operator=(const SimDirectory&) = delete;

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override {
    // What it will be is told by how things stand before; another may come in between.
    std::string path = join(from_root_, name);
    const bool creates = flags.create && disk_.image_.find(path) == 0;
    const DiskOperation operation = about(creates ? Call::kCreate : Call::kOpen, path);
    TRY(disk_.permit(operation));
    if (flags.write && disk_.read_only_) return failed(EROFS, operation);
    TRY_ASSIGN(Place place, disk_.locate(inode_, name));
    if (place.inode == 0) {
      if (!flags.create) return failed(ENOENT, operation);
      place.inode = make_file(place, flags.private_mode ? 0600 : 0644);
    } else if (flags.create && flags.exclusive) {
      return failed(EEXIST, operation);
    }
    if (disk_.image_.node(place.inode).directory) return not_regular(operation);
    return std::make_unique<SimFile>(disk_, process_, place.inode, flags.write, flags.direct,
                                     std::move(path));
  }

  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    std::string path = name == "." ? from_root_ : join(from_root_, name);
    TRY(disk_.permit(about(Call::kOpenDirectory, path)));
    TRY_ASSIGN(const InodeNumber inode, directory(name));
    return std::make_unique<SimDirectory>(disk_, process_, inode, std::move(path));
  }

  Status make_directories(std::string_view name, bool private_mode) override {
    TRY(check_relative_name(name));
    for (size_t end = 0; end < name.size();) {
      end = std::min(name.find('/', end + 1), name.size());
      const std::string_view part = name.substr(0, end);
      if (part.ends_with('/') || part == "." || part.ends_with("/.")) continue;
      if (const auto there = disk_.walk(inode_, part); there) {
        if (!disk_.image_.node(*there).directory) return failed(ENOTDIR, about(Call::kOpen, part));
        continue;
      }
      const std::string path = join(from_root_, part);
      TRY(disk_.permit(about(Call::kMakeDirectory, path)));
      TRY_ASSIGN(const Place place, disk_.locate(inode_, part));
      if (place.inode != 0) continue;
      const InodeNumber made =
          disk_.image_.make_node(true, private_mode ? 0700 : 0755, disk_.now_ns());
      disk_.image_.change({0, "", place.directory, place.leaf, made});
    }
    return {};
  }

  Status create_whole(std::string_view name, ByteSpan content) override {
    return create_whole(name, content, false);
  }
  Status create_whole_synced(std::string_view name, ByteSpan content) override {
    return create_whole(name, content, true);
  }
  Status create_whole(std::string_view name, ByteSpan content, bool synced) {
    const std::string path = join(from_root_, name);
    const DiskOperation operation = about(Call::kCreateWhole, path, content.size());
    TRY(disk_.permit(operation));
    TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
    if (place.inode != 0) return failed(EEXIST, operation);
    const DiskImage& image = disk_.image_;
    if (content.size() >
        image.capacity_bytes - std::min(image.used_bytes(), image.capacity_bytes)) {
      return failed(ENOSPC, operation);
    }
    const InodeNumber made = make_file(place, 0644);
    disk_.image_.write(made, 0, content);
    if (synced) disk_.image_.sync(made);
    return {};
  }

  Status rename(std::string_view from, std::string_view to) override {
    const std::string path = join(from_root_, to);
    const DiskOperation operation = about(Call::kRename, path);
    TRY(disk_.permit(operation));
    TRY_ASSIGN(const Place source, disk_.locate(inode_, from));
    TRY_ASSIGN(const Place target, disk_.locate(inode_, to));
    if (source.inode == 0) return failed(ENOENT, operation);
    if (source.inode == target.inode) return {};
    if (target.inode != 0) {
      const Node& old = disk_.image_.node(target.inode);
      if (old.directory && !disk_.image_.node(source.inode).directory) {
        return failed(EISDIR, operation);
      }
      if (!old.directory && disk_.image_.node(source.inode).directory) {
        return failed(ENOTDIR, operation);
      }
      if (old.directory && !old.entries.empty()) return failed(ENOTEMPTY, operation);
    }
    disk_.image_.change(
        {source.directory, source.leaf, target.directory, target.leaf, source.inode});
    touch(source.directory);
    touch(target.directory);
    disk_.drop_if_unused(target.inode);
    return {};
  }

  Status remove_file(std::string_view name) override { return remove(name, false); }
  Status remove_directory(std::string_view name) override { return remove(name, true); }

  Result<FileInfo> info(std::string_view name) override {
    const std::string path = join(from_root_, name);
    TRY(disk_.permit(about(Call::kInfo, path)));
    if (name == ".") return disk_.info_of(inode_);
    TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
    if (place.inode == 0) return failed(ENOENT, about(Call::kInfo, path));
    return disk_.info_of(place.inode);
  }

  Result<std::vector<std::string>> list(std::string_view name) override {
    const std::string path = join(from_root_, name);
    TRY(disk_.permit(about(Call::kList, path)));
    TRY_ASSIGN(const InodeNumber inode, directory(name));
    std::vector<std::string> names;
    const DirectoryEntries& entries = disk_.image_.node(inode).entries;
    names.reserve(entries.size());
    for (const DirectoryEntry& entry : entries) names.push_back(entry.name);
    return names;
  }

  Status sync_directory(std::string_view name) override {
    const std::string path = join(from_root_, name);
    const DiskOperation operation = about(Call::kSyncDirectory, path);
    TRY_ASSIGN(const Answer answer, disk_.begin(operation));
    TRY_ASSIGN(const InodeNumber inode, directory(name));
    if (answer.what == Answer::What::kFail) {
      disk_.image_.fail_sync_directory(inode);
      return failed(answer.sys_errno, operation);
    }
    const bool pending = std::ranges::any_of(
        disk_.image_.changes(), [&](const DirectoryChange& each) { return each.touches(inode); });
    if (disk_.read_only_ && pending) return failed(EROFS, operation);
    disk_.image_.sync_directory(inode);
    disk_.drop_unused();
    return {};
  }

  Status sync_file_system() override {
    const DiskOperation operation = about(Call::kSyncFileSystem, from_root_);
    TRY_ASSIGN(const Answer answer, disk_.begin(operation));
    if (answer.what == Answer::What::kFail) {
      for (InodeNumber inode = kRootInode; inode < disk_.image_.inodes_end(); ++inode) {
        if (!disk_.image_.has(inode)) continue;
        disk_.image_.fail_sync(inode);
        disk_.image_.fail_sync_directory(inode);
      }
      return failed(answer.sys_errno, operation);
    }
    if (disk_.read_only_) return failed(EROFS, operation);
    disk_.image_.sync_file_system();
    disk_.drop_unused();
    return {};
  }

  Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) override {
    std::string path = join(from_root_, name);
    TRY_ASSIGN(const InodeNumber inode, open_unlosable(Call::kOpenLock, name, path));
    return std::make_unique<SimLock>(disk_, process_, inode, std::move(path));
  }

  Result<std::unique_ptr<SharedPage>> map_page(std::string_view name, size_t size_bytes) override {
    std::string path = join(from_root_, name);
    TRY_ASSIGN(const InodeNumber inode, open_unlosable(Call::kMapPage, name, path));
    const DiskImage& image = disk_.image_;
    const uint64_t size = image.node(inode).size_bytes;
    if (size_bytes > size && image.used_bytes() + size_bytes - size > image.capacity_bytes) {
      return failed(ENOSPC, about(Call::kMapPage, path));
    }
    return std::make_unique<SimPage>(disk_, process_, inode,
                                     disk_.image_.map(inode, size_bytes).span(), std::move(path));
  }

  Result<Identity> identity() override {
    TRY(disk_.permit(about(Call::kInfo, from_root_)));
    return Identity{inode_, disk_.image_.file_system_id};
  }
  Result<std::string> cache_token() override {
    TRY(disk_.permit(about(Call::kInfo, from_root_)));
    return "boot " + std::to_string(disk_.image_.boot);
  }
  const std::string& path() const override { return path_; }

 private:
  DiskOperation about(Call call, std::string_view path, uint64_t bytes = 0) const {
    return {process_, call, path, 0, bytes, {}};
  }
  static Error not_regular(const DiskOperation& operation) {
    Error error =
        make_error(Code::kUnsafePath, fmt::format("{} is not a regular file", operation.path),
                   "move it out of the way");
    error.sys_errno = EISDIR;
    return error;
  }
  Result<InodeNumber> directory(std::string_view name) const {
    TRY_ASSIGN(const InodeNumber inode, disk_.walk(inode_, name));
    if (!disk_.image_.node(inode).directory) {
      return failed(ENOTDIR, about(Call::kOpenDirectory, name));
    }
    return inode;
  }
  void touch(InodeNumber inode) { disk_.image_.writable(inode).mtime_ns = disk_.now_ns(); }
  InodeNumber make_file(const Place& place, uint32_t mode, bool durable = false) {
    const InodeNumber made = disk_.image_.make_node(false, mode, disk_.now_ns());
    disk_.image_.change({0, "", place.directory, place.leaf, made}, durable);
    touch(place.directory);
    return made;
  }
  // The file of a lock or a page: its name is not lost by itself, see persistence.h.
  Result<InodeNumber> open_unlosable(Call creates, std::string_view name, std::string_view path) {
    const bool there = disk_.image_.find(path) != 0;
    const DiskOperation operation = about(there ? Call::kOpen : creates, path);
    TRY(disk_.permit(operation));
    TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
    if (place.inode != 0) {
      if (disk_.image_.node(place.inode).directory) return not_regular(operation);
      return place.inode;
    }
    if (disk_.read_only_) return failed(EROFS, operation);
    return make_file(place, 0600, true);
  }
  Status remove(std::string_view name, bool is_directory) {
    const std::string path = join(from_root_, name);
    const DiskOperation operation =
        about(is_directory ? Call::kRemoveDirectory : Call::kRemoveFile, path);
    TRY(disk_.permit(operation));
    TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
    if (place.inode == 0) return failed(ENOENT, operation);
    const Node& node = disk_.image_.node(place.inode);
    if (node.directory != is_directory) return failed(is_directory ? ENOTDIR : EISDIR, operation);
    if (is_directory && !node.entries.empty()) return failed(ENOTEMPTY, operation);
    disk_.image_.change({place.directory, place.leaf, 0, "", place.inode});
    touch(place.directory);
    disk_.drop_if_unused(place.inode);
    return {};
  }

  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  std::string from_root_;
  std::string path_;
};

// --- the machine

Disk::Disk(DiskImage image, Conductor& conductor, SimulatedClock& clock)
    : image_(std::move(image)), conductor_(&conductor), clock_(clock) {
  processes_.reserve(4);
  start_process();
  opens_.resize(image_.inodes_end());
}
Disk::~Disk() = default;

ProcessId Disk::start_process() {
  processes_.emplace_back();
  return static_cast<ProcessId>(processes_.size() - 1);
}

Result<std::unique_ptr<Directory>> Disk::open(ProcessId process, std::string_view path) {
  TRY(dead(process));
  TRY_ASSIGN(const InodeNumber inode, walk(kRootInode, path));
  if (!image_.node(inode).directory) {
    return posix_path_error(ENOTDIR, fmt::format("open the directory {}", path));
  }
  return std::make_unique<SimDirectory>(*this, process, inode,
                                        path == "." ? std::string() : std::string(path));
}

void Disk::kill(ProcessId process) {
  Process& dying = processes_[process];
  if (!dying.alive) return;
  dying.alive = false;
  dying.pages.clear();
  for (const auto& [inode, page] : image_.mapped_pages()) {
    dying.pages.emplace_back(inode, ByteVector(page->span().begin(), page->span().end()));
  }
  std::erase_if(locks_, [&](const LockHolder& holder) { return holder.process == process; });
}

void Disk::kill_all() {
  for (ProcessId process = 0; process < processes_.size(); ++process) kill(process);
}

void Disk::reap(ProcessId process) {
  for (const auto& [inode, bytes] : processes_[process].pages) {
    if (MappedPage* page = image_.mapped(inode)) {
      std::memcpy(page->bytes.get(), bytes.data(), bytes.size());
    }
  }
  processes_[process].pages.clear();
}

Error Disk::die(ProcessId process) {
  if (processes_[process].quiet == 0 && std::uncaught_exceptions() == 0) throw SimulatedCrash{};
  return errno_error(EIO, "the process is dead");
}

Status Disk::dead(ProcessId process) {
  if (alive(process)) return {};
  return die(process);
}

Result<Answer> Disk::begin(const DiskOperation& operation) {
  TRY(dead(operation.process));
  ++operations_;
  clock_.advance_ns(kOperationNs);
  if (changes(operation.call)) image_.note_pages();
  const Answer answer = conductor_->before(operation);
  TRY(dead(operation.process));
  const bool partly = operation.call == Call::kWrite;
  if (answer.what == Answer::What::kCrash && !partly) {
    kill(operation.process);
    return die(operation.process);
  }
  if (read_only_ && changes(operation.call) && !is_sync(operation.call)) {
    return failed(EROFS, operation);
  }
  return answer;
}

Status Disk::permit(const DiskOperation& operation) {
  TRY_ASSIGN(const Answer answer, begin(operation));
  if (answer.what == Answer::What::kFail) return failed(answer.sys_errno, operation);
  return {};
}

bool Disk::tell(const DiskOperation& operation) {
  if (!alive(operation.process)) return false;
  ++operations_;
  clock_.advance_ns(kOperationNs);
  const Answer answer = conductor_->before(operation);
  if (answer.what == Answer::What::kCrash) kill(operation.process);
  return alive(operation.process);
}

Result<InodeNumber> Disk::walk(InodeNumber from, std::string_view name) const {
  TRY(check_relative_name(name));
  const std::string_view whole = name;
  InodeNumber at = from;
  while (!name.empty()) {
    const size_t slash = std::min(name.find('/'), name.size());
    const std::string_view component = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (component.empty() || component == ".") continue;
    const Node& node = image_.node(at);
    if (!node.directory) return posix_path_error(ENOTDIR, whole);
    const DirectoryEntry* const entry = find_entry(node.entries, component);
    if (entry == nullptr) return posix_path_error(ENOENT, whole);
    at = entry->inode;
  }
  return at;
}

Result<Disk::Place> Disk::locate(InodeNumber from, std::string_view name) const {
  TRY(check_relative_name(name));
  Place place;
  const size_t slash = name.rfind('/');
  place.leaf = slash == std::string_view::npos ? name : name.substr(slash + 1);
  if (place.leaf.empty() || place.leaf == ".") {
    return make_error(Code::kInvalid, fmt::format("{}: the name ends in no entry", name));
  }
  place.directory = from;
  if (slash != std::string_view::npos) {
    TRY_ASSIGN(place.directory, walk(from, name.substr(0, slash)));
  }
  const Node& parent = image_.node(place.directory);
  if (!parent.directory) return posix_path_error(ENOTDIR, name);
  const DirectoryEntry* const entry = find_entry(parent.entries, place.leaf);
  place.inode = entry == nullptr ? 0 : entry->inode;
  return place;
}

void Disk::opened(InodeNumber inode) {
  if (inode >= opens_.size()) opens_.resize(inode + 1);
  ++opens_[inode];
}

void Disk::closed(InodeNumber inode) {
  if (--opens_[inode] == 0) drop_if_unused(inode);
}

void Disk::drop_if_unused(InodeNumber inode) {
  if (inode == 0 || !image_.has(inode) || image_.node(inode).links != 0) return;
  unlinked_.push_back(inode);
  drop_unused();
}

// A crash may bring a name back as long as changes of names are pending.
void Disk::drop_unused() {
  if (unlinked_.empty() || !image_.changes().empty()) return;
  std::erase_if(unlinked_, [&](InodeNumber inode) {
    if (!image_.has(inode)) return true;
    if (inode < opens_.size() && opens_[inode] != 0) return true;  // told again at its close
    image_.forget(inode);
    return true;
  });
}

int64_t Disk::now_ns() const {
  return clock_.peek_ms() * 1'000'000 + clock_.peek_ns() % 1'000'000;
}

FileInfo Disk::info_of(InodeNumber inode) const {
  const Node& node = image_.node(inode);
  FileInfo info;
  info.type = node.directory ? FileInfo::Type::kDirectory : FileInfo::Type::kRegular;
  info.size_bytes = node.size_bytes;
  info.inode = inode;
  info.device = kDevice;
  info.mode = node.mode | (node.directory ? S_IFDIR : S_IFREG);
  info.links = node.links;
  info.mtime_s = info.ctime_s = node.mtime_ns / 1'000'000'000;
  info.mtime_ns = info.ctime_ns = static_cast<uint32_t>(node.mtime_ns % 1'000'000'000);
  return info;
}

}  // namespace syncline::simulation
