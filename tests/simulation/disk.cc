#include "tests/simulation/disk.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "journal/base/try.h"
#include "journal/os/posix_path.h"
#include "tests/simulation/disk_directory.h"

namespace syncline::simulation {
namespace {

// What an operation takes; the order matters, not the amount.
constexpr int64_t kOperationNs = 10'000;
constexpr uint64_t kDevice = 1;

}  // namespace

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
    return operation_error(EROFS, operation);
  }
  return answer;
}

Status Disk::permit(const DiskOperation& operation) {
  TRY_ASSIGN(const Answer answer, begin(operation));
  if (answer.what == Answer::What::kFail) return operation_error(answer.sys_errno, operation);
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
