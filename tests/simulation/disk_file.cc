#include "tests/simulation/disk_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "journal/base/assert.h"
#include "journal/base/block.h"
#include "journal/base/try.h"
#include "journal/os/read_queue.h"

namespace syncline::simulation {

Disk::SimFile::SimFile(Disk& disk, ProcessId process, InodeNumber inode, bool write, bool direct,
                       std::string path)
    : disk_(disk),
      process_(process),
      inode_(inode),
      write_(write),
      direct_(direct),
      path_(std::move(path)) {
  disk_.opened(inode_);
}

Result<size_t> Disk::SimFile::read_at(uint64_t offset, MutableByteSpan into) {
  const DiskOperation operation = about(Call::kRead, offset, into.size());
  TRY_ASSIGN(const Answer answer, disk_.begin(operation));
  if (answer.what == Answer::What::kFail) return operation_error(answer.sys_errno, operation);
  const Node& node = disk_.image_.node(inode_);
  if (offset >= node.size_bytes) return size_t{0};
  const size_t count = std::min<size_t>(into.size(), node.size_bytes - offset);
  for (const auto& [from, to] : node.unreadable) {
    if (offset < to && offset + count > from) return operation_error(EIO, operation);
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

Status Disk::SimFile::write_at(uint64_t offset, ByteSpan from) {
  DiskOperation operation = about(Call::kWrite, offset, from.size());
  operation.content = from;
  TRY_ASSIGN(const Answer answer, disk_.begin(operation));
  if (!write_) return operation_error(EBADF, operation);
  if (direct_ && (offset % kBlockBytes != 0 || from.size() % kBlockBytes != 0 ||
                  reinterpret_cast<uintptr_t>(from.data()) % kSectorBytes != 0)) {
    return operation_error(EINVAL, operation);
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
  if (answer.what == Answer::What::kFail) return operation_error(answer.sys_errno, operation);
  if (fits < from.size()) return operation_error(ENOSPC, operation);
  return {};
}

Status Disk::SimFile::sync_data() {
  const DiskOperation operation = about(Call::kSync);
  TRY_ASSIGN(const Answer answer, disk_.begin(operation));
  if (answer.what == Answer::What::kFail) {
    disk_.image_.fail_sync(inode_);
    return operation_error(answer.sys_errno, operation);
  }
  if (disk_.read_only_ && !disk_.image_.node(inode_).clean())
    return operation_error(EROFS, operation);
  disk_.image_.sync(inode_);
  return {};
}

Status Disk::SimFile::truncate(uint64_t size_bytes) {
  const DiskOperation operation = about(Call::kTruncate, size_bytes);
  TRY(disk_.permit(operation));
  if (!write_) return operation_error(EINVAL, operation);
  disk_.image_.truncate(inode_, size_bytes);
  disk_.image_.writable(inode_).mtime_ns = disk_.now_ns();
  return {};
}

namespace {

// What a read gives is settled when it begins, and its failure told when it is waited for.
class SimReadQueue final : public ReadQueue {
 public:
  explicit SimReadQueue(File& file) : file_(file) {}
  void start(uint64_t offset, MutableByteSpan into) override {
    SYNCLINE_ASSERT(offset % kBlockBytes == 0 && into.size() % kBlockBytes == 0);
    results_.push_back(file_.read_at(offset, into));
  }
  Result<size_t> finish() override {
    SYNCLINE_ASSERT(!results_.empty());
    auto result = std::move(results_.front());
    results_.pop_front();
    return result;
  }

 private:
  File& file_;
  std::deque<Result<size_t>> results_;  // oldest first
};

}  // namespace

std::unique_ptr<ReadQueue> Disk::SimFile::read_queue() {
  if (!disk_.permit(about(Call::kOpen))) return nullptr;
  return std::make_unique<SimReadQueue>(*this);
}

// Destructors ask it too, and nothing may be thrown through them.
Result<FileInfo> Disk::SimFile::info() {
  const QuietDeath quiet(disk_, process_);
  TRY(disk_.permit(about(Call::kInfo)));
  return disk_.info_of(inode_);
}

Status Disk::SimFile::close() {
  if (inode_ == 0) return {};
  const Status closed = disk_.permit(about(Call::kClose));
  let_go();
  return closed;
}

DiskOperation Disk::SimFile::about(Call call, uint64_t offset, uint64_t bytes) const {
  return {process_, call, path_, offset, bytes, {}};
}

size_t Disk::SimFile::fitting(uint64_t offset, size_t bytes) const {
  const uint64_t size = disk_.image_.size_bytes(inode_);
  const uint64_t end = offset + bytes;
  const uint64_t used = disk_.image_.used_bytes();
  const uint64_t capacity = disk_.image_.capacity_bytes;
  const uint64_t free = capacity > used ? (capacity - used) / kPageBytes * kPageBytes : 0;
  if (end <= size || end - size <= free) return bytes;
  return offset >= size + free ? 0 : static_cast<size_t>(size + free - offset);
}

void Disk::SimFile::let_go() {
  if (inode_ != 0) disk_.closed(inode_);
  inode_ = 0;
}

}  // namespace syncline::simulation
