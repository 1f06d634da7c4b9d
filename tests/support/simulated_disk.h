// A disk in memory behind the Directory seam, for tests of what a crash leaves behind.
//
// What it may do, and no more (the faults a correct journal must survive):
//   kill()       every handle dies, locks are gone; all that was written stays (page cache).
//   power_cut()  besides, of what was written since the last sync_data each 512-byte sector is kept
//                or lost by itself, a grown file may have its new size without its new bytes, of
//                the folder changes since the last sync_directory any subset happened (a rename is
//                one), and the mapped pages come back as they are, as they were earlier, empty or
//                as noise.
//   fail_at(n, errno)   the nth operation from now fails, once or from then on; a failed sync_data
//                       forgets what was unsynced (it is never written, and the next one succeeds).
//   crash_at(n)  the nth operation from now throws SimulatedCrash instead of finishing; a write is
//                done in part first.
// Operations counted are those that change something: writes, syncs, renames, removals, creations.
//
// Single-threaded. Folders are one level deep. A blocked lock is a defect of the test (it aborts).
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "journal/assert.h"
#include "journal/file_system.h"

namespace syncline {

struct SimulatedCrash {};

class SimulatedDisk {
 public:
  enum class Kind : uint8_t { kWrite, kSync, kSyncDirectory, kRename, kRemove, kCreate };

  explicit SimulatedDisk(uint64_t seed = 1) : random_(seed) { add_folder("."); }

  std::unique_ptr<Directory> open();

  // Handles that are still there must not be used after either.
  void kill() {
    ++life_;
    crash_at_ = 0;
    fail_at_ = 0;
    for (auto& [name, lock] : locks_) lock->holders.clear();
  }
  void power_cut() {
    kill();
    ++boot_;
    for (auto& [path, folder] : folders_) cut(*folder);
    std::set<Node*> seen;
    for (auto& [path, folder] : folders_) {
      for (auto& [name, node] : folder->entries) {
        if (seen.insert(node.get()).second) cut(*node);
      }
    }
    for (auto& [name, page] : pages_) cut(*page);
  }

  void crash_at(uint64_t operation) { crash_at_ = operation; }
  // Only operations of `kind`, where one is given, are counted.
  void fail_at(uint64_t operation, int sys_errno, bool sticky = false,
               std::optional<Kind> kind = std::nullopt) {
    fail_at_ = operation;
    fail_errno_ = sys_errno;
    fail_sticky_ = sticky;
    fail_kind_ = kind;
  }
  void heal() { fail_at_ = 0; }
  uint64_t operations() const { return operations_; }
  bool crash_pending() const { return crash_at_ != 0; }
  // Bytes that files may take in all; writes beyond answer ENOSPC.
  void set_capacity(uint64_t bytes) { capacity_bytes_ = bytes; }

  // The content of a file, for tests that damage it (both what is cached and what is durable).
  ByteVector bytes(const std::string& path) { return node(path)->cached; }
  void set_bytes(const std::string& path, ByteVector bytes) {
    Node& target = *node(path);
    target.cached = bytes;
    target.durable = std::move(bytes);
    target.dirty.clear();
  }
  bool exists(const std::string& path) { return find(path) != nullptr; }
  void add(const std::string& path, ByteVector bytes) {
    auto made = std::make_shared<Node>();
    made->inode = ++inodes_;
    made->cached = made->durable = std::move(bytes);
    const auto [folder, name] = split(path);
    folders_.at(folder)->entries[name] = folders_.at(folder)->durable[name] = made;
  }
  void remove(const std::string& path) {
    const auto [folder, name] = split(path);
    node(path)->links = 0;
    folders_.at(folder)->entries.erase(name);
    folders_.at(folder)->durable.erase(name);
  }
  void make_unreadable(const std::string& path, uint64_t from, uint64_t to) {
    node(path)->unreadable = {from, to};
  }
  MutableByteSpan page(const std::string& name) { return pages_.at(name)->span(); }
  std::mt19937_64& random() { return random_; }

 private:
  static constexpr uint64_t kSector = 512;
  struct Node {
    ByteVector cached, durable;
    std::set<uint64_t> dirty;
    uint64_t inode = 0;
    uint64_t links = 1;
    std::pair<uint64_t, uint64_t> unreadable{0, 0};
  };
  struct Change {
    std::string removed, added;
    std::shared_ptr<Node> node;
  };
  struct Folder {
    std::map<std::string, std::shared_ptr<Node>> entries, durable;
    std::vector<Change> pending;
  };
  struct Lock {
    std::map<const void*, FileLock::Mode> holders;
  };
  struct Page {
    std::vector<uint64_t> words, earlier;
    MutableByteSpan span() {
      return {reinterpret_cast<std::byte*>(words.data()), words.size() * 8};
    }
  };
  class SimFile;
  class SimDirectory;
  class SimLock;
  class SimPage;

  void add_folder(const std::string& path) { folders_.emplace(path, std::make_unique<Folder>()); }
  static std::pair<std::string, std::string> split(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return {".", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
  }
  std::shared_ptr<Node> find(const std::string& path) {
    const auto [folder, name] = split(path);
    const auto at = folders_.find(folder);
    if (at == folders_.end()) return nullptr;
    const auto entry = at->second->entries.find(name);
    return entry == at->second->entries.end() ? nullptr : entry->second;
  }
  std::shared_ptr<Node> node(const std::string& path) {
    auto found = find(path);
    SYNCLINE_ASSERT(found != nullptr);
    return found;
  }

  bool coin() { return (random_() & 1) != 0; }

  void cut(Node& node) {
    // A new size may have reached the disk before the bytes, which are then zeros.
    ByteVector after = node.durable;
    if (node.cached.size() != node.durable.size() && coin()) after.resize(node.cached.size());
    const unsigned how = static_cast<unsigned>(random_() % 4);  // none, all, each by itself
    for (const uint64_t sector : node.dirty) {
      if (how == 0 || (how > 1 && coin())) continue;
      const uint64_t from = sector * kSector;
      const uint64_t to = std::min<uint64_t>(from + kSector, node.cached.size());
      if (from >= to) continue;
      if (after.size() < to) after.resize(to);
      std::copy(node.cached.begin() + static_cast<std::ptrdiff_t>(from),
                node.cached.begin() + static_cast<std::ptrdiff_t>(to),
                after.begin() + static_cast<std::ptrdiff_t>(from));
    }
    node.cached = node.durable = std::move(after);
    node.dirty.clear();
  }
  void cut(Folder& folder) {
    auto after = folder.durable;
    for (const Change& change : folder.pending) {
      if (!coin()) continue;
      if (!change.removed.empty()) after.erase(change.removed);
      if (!change.added.empty()) after[change.added] = change.node;
    }
    folder.entries = folder.durable = std::move(after);
    folder.pending.clear();
  }
  void cut(Page& page) {
    switch (random_() % 4) {
      case 0:
        std::ranges::fill(page.words, 0);
        break;
      case 1:
        page.words = page.earlier;
        break;
      case 2:
        for (uint64_t& word : page.words) word = coin() ? word : random_();
        break;
      default:
        break;
    }
  }

  // Counts an operation; answers its injected failure. With `partly`, a write that crashes is done
  // up to a random sector first.
  int begin(Kind kind, const std::function<void()>& partly = {}) {
    ++operations_;
    if (random_() % 3 == 0) {
      for (auto& [name, page] : pages_) page->earlier = page->words;
    }
    if (crash_at_ != 0 && --crash_at_ == 0) {
      if (partly) partly();
      throw SimulatedCrash{};
    }
    if (fail_at_ != 0 && (!fail_kind_ || *fail_kind_ == kind)) {
      if (fail_at_ == 1) {
        if (!fail_sticky_) fail_at_ = 0;
        return fail_errno_;
      }
      --fail_at_;
    }
    return 0;
  }
  uint64_t used_bytes() const {
    uint64_t used = 0;
    for (const auto& [path, folder] : folders_) {
      for (const auto& [name, each] : folder->entries) used += each->cached.size();
    }
    return used;
  }
  void put(Node& node, uint64_t offset, ByteSpan from) {
    if (node.cached.size() < offset + from.size()) node.cached.resize(offset + from.size());
    std::ranges::copy(from, node.cached.begin() + static_cast<std::ptrdiff_t>(offset));
    for (uint64_t s = offset / kSector; s * kSector < offset + from.size(); ++s) {
      node.dirty.insert(s);
    }
  }

  std::mt19937_64 random_;
  std::map<std::string, std::unique_ptr<Folder>> folders_;
  std::map<std::string, std::unique_ptr<Lock>> locks_;
  std::map<std::string, std::unique_ptr<Page>> pages_;
  uint64_t inodes_ = 0;
  uint64_t life_ = 1;
  uint64_t boot_ = 1;
  uint64_t operations_ = 0;
  uint64_t crash_at_ = 0;
  uint64_t fail_at_ = 0;
  int fail_errno_ = 0;
  bool fail_sticky_ = false;
  std::optional<Kind> fail_kind_;
  uint64_t capacity_bytes_ = UINT64_MAX;
};

class SimulatedDisk::SimFile final : public File {
 public:
  SimFile(SimulatedDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}
  Result<size_t> read_at(uint64_t offset, MutableByteSpan into) override {
    const auto [from, to] = node_->unreadable;
    if (offset < to && offset + into.size() > from) return errno_error(EIO, "read");
    if (offset >= node_->cached.size()) return size_t{0};
    const size_t count = std::min<size_t>(into.size(), node_->cached.size() - offset);
    std::copy_n(node_->cached.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
    return count;
  }
  Status write_at(uint64_t offset, ByteSpan from) override {
    const auto partly = [&] {
      const uint64_t sectors = from.size() / kSector;
      const uint64_t kept = sectors == 0 ? 0 : disk_.random_() % (sectors + 1);
      disk_.put(*node_, offset, from.first(kept * kSector));
    };
    if (const int error = disk_.begin(Kind::kWrite, partly); error != 0) {
      partly();
      return errno_error(error, "write");
    }
    const uint64_t grown = std::max<uint64_t>(offset + from.size(), node_->cached.size());
    if (disk_.used_bytes() + grown - node_->cached.size() > disk_.capacity_bytes_) {
      return errno_error(ENOSPC, "write");
    }
    disk_.put(*node_, offset, from);
    return {};
  }
  Status sync_data() override {
    if (const int error = disk_.begin(Kind::kSync); error != 0) {
      node_->dirty.clear();  // never to be written: "fsync lies after a failure"
      return errno_error(error, "fdatasync");
    }
    node_->durable.resize(node_->cached.size());
    for (const uint64_t sector : node_->dirty) {
      const uint64_t from = sector * kSector;
      const uint64_t to = std::min<uint64_t>(from + kSector, node_->cached.size());
      for (uint64_t i = from; i < to; ++i) node_->durable[i] = node_->cached[i];
    }
    node_->dirty.clear();
    return {};
  }
  Status truncate(uint64_t size_bytes) override {
    if (const int error = disk_.begin(Kind::kWrite); error != 0) {
      return errno_error(error, "truncate");
    }
    node_->cached.resize(size_bytes);
    return {};
  }
  Result<FileInfo> info() override {
    FileInfo info;
    info.size_bytes = node_->cached.size();
    info.inode = node_->inode;
    info.links = node_->links;
    return info;
  }
  Status close() override { return {}; }
  int descriptor() const override { return -1; }
  bool direct() const override { return false; }

 private:
  SimulatedDisk& disk_;
  std::shared_ptr<Node> node_;
};

class SimulatedDisk::SimLock final : public FileLock {
 public:
  SimLock(SimulatedDisk& disk, Lock& lock) : disk_(disk), lock_(lock), life_(disk.life_) {}
  ~SimLock() override { unlock(); }
  Result<bool> try_lock(Mode mode) override {
    SYNCLINE_ASSERT(life_ == disk_.life_);
    for (const auto& [holder, held] : lock_.holders) {
      if (holder != this && (mode == Mode::kExclusive || held == Mode::kExclusive)) return false;
    }
    lock_.holders[this] = mode;
    return true;
  }
  Status lock(Mode mode, Deadline deadline) override {
    TRY_ASSIGN(const bool locked, try_lock(mode));
    if (locked) return {};
    SYNCLINE_ASSERT(!deadline.forever());  // nobody could ever let go
    return make_error(Code::kTimeout, "the lock is held");
  }
  void unlock() override {
    if (life_ == disk_.life_) lock_.holders.erase(this);
  }

 private:
  SimulatedDisk& disk_;
  Lock& lock_;
  uint64_t life_;
};

class SimulatedDisk::SimPage final : public SharedPage {
 public:
  explicit SimPage(Page& page) : page_(page) {}
  MutableByteSpan bytes() override { return page_.span(); }
  void wait(size_t, uint32_t, Deadline deadline) override { SYNCLINE_ASSERT(!deadline.forever()); }
  void wake(size_t) override {}

 private:
  Page& page_;
};

class SimulatedDisk::SimDirectory final : public Directory {
 public:
  SimDirectory(SimulatedDisk& disk, std::string folder)
      : disk_(disk), folder_(std::move(folder)), path_("simulated/" + folder_) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override {
    auto& entries = here().entries;
    const std::string key(name);
    if (const auto at = entries.find(key); at != entries.end()) {
      if (flags.create && flags.exclusive) return errno_error(EEXIST, key);
      return std::make_unique<SimFile>(disk_, at->second);
    }
    if (!flags.create) return errno_error(ENOENT, key);
    if (const int error = disk_.begin(Kind::kCreate); error != 0) return errno_error(error, key);
    auto made = std::make_shared<Node>();
    made->inode = ++disk_.inodes_;
    entries[key] = made;
    here().pending.push_back({"", key, made});
    return std::make_unique<SimFile>(disk_, made);
  }
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    if (!disk_.folders_.contains(std::string(name))) return errno_error(ENOENT, name);
    return std::make_unique<SimDirectory>(disk_, std::string(name));
  }
  Status make_directories(std::string_view name, bool) override {
    disk_.add_folder(std::string(name));
    return {};
  }
  Status create_whole(std::string_view name, ByteSpan content) override {
    if (here().entries.contains(std::string(name))) return errno_error(EEXIST, name);
    TRY_ASSIGN(const auto file, open_file(name, {.write = true, .create = true}));
    return content.empty() ? Status{} : file->write_at(0, content);
  }
  Status rename(std::string_view from, std::string_view to) override {
    auto& entries = here().entries;
    const auto at = entries.find(std::string(from));
    if (at == entries.end()) return errno_error(ENOENT, from);
    if (const int error = disk_.begin(Kind::kRename); error != 0) return errno_error(error, from);
    const auto node = at->second;
    entries.erase(at);
    if (const auto old = entries.find(std::string(to)); old != entries.end()) {
      old->second->links = 0;
    }
    entries[std::string(to)] = node;
    here().pending.push_back({std::string(from), std::string(to), node});
    return {};
  }
  Status remove_file(std::string_view name) override {
    auto& entries = here().entries;
    const auto at = entries.find(std::string(name));
    if (at == entries.end()) return errno_error(ENOENT, name);
    if (const int error = disk_.begin(Kind::kRemove); error != 0) return errno_error(error, name);
    at->second->links = 0;
    entries.erase(at);
    here().pending.push_back({std::string(name), "", nullptr});
    return {};
  }
  Status remove_directory(std::string_view name) override { return errno_error(ENOTEMPTY, name); }
  Result<FileInfo> info(std::string_view name) override {
    const auto at = here().entries.find(std::string(name));
    if (at == here().entries.end()) return errno_error(ENOENT, name);
    return SimFile(disk_, at->second).info();
  }
  Result<std::vector<std::string>> list(std::string_view) override {
    std::vector<std::string> names;
    for (const auto& [name, node] : here().entries) names.push_back(name);
    return names;
  }
  Status sync_directory(std::string_view) override {
    if (const int error = disk_.begin(Kind::kSyncDirectory); error != 0) {
      return errno_error(error, "fsync of a folder");
    }
    here().durable = here().entries;
    here().pending.clear();
    return {};
  }
  Status sync_file_system() override { return errno_error(ENOSYS, "syncfs"); }
  Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) override {
    auto& lock = disk_.locks_[std::string(name)];
    if (lock == nullptr) lock = std::make_unique<Lock>();
    return std::make_unique<SimLock>(disk_, *lock);
  }
  Result<std::unique_ptr<SharedPage>> map_page(std::string_view name, size_t size_bytes) override {
    auto& page = disk_.pages_[std::string(name)];
    if (page == nullptr) {
      page = std::make_unique<Page>();
      page->words.resize(size_bytes / 8);
      page->earlier = page->words;
    }
    return std::make_unique<SimPage>(*page);
  }
  Result<Identity> identity() override { return Identity{1, 1}; }
  Result<std::string> cache_token() override { return "boot " + std::to_string(disk_.boot_); }
  const std::string& path() const override { return path_; }

 private:
  Folder& here() { return *disk_.folders_.at(folder_); }
  SimulatedDisk& disk_;
  std::string folder_;
  std::string path_;
};

inline std::unique_ptr<Directory> SimulatedDisk::open() {
  return std::make_unique<SimDirectory>(*this, ".");
}

}  // namespace syncline
