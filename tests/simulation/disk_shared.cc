#include "tests/simulation/disk_shared.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/base/try.h"

namespace syncline::simulation {

Disk::SimLock::SimLock(Disk& disk, ProcessId process, InodeNumber inode, std::string path)
    : disk_(disk), process_(process), inode_(inode), path_(std::move(path)) {
  disk_.opened(inode_);
}

Disk::SimLock::~SimLock() {
  let_go();
  disk_.closed(inode_);
}

Result<bool> Disk::SimLock::try_lock(Mode mode) {
  TRY(disk_.permit(about(Call::kTryLock)));
  return take(mode);
}

Status Disk::SimLock::lock(Mode mode, Deadline deadline) {
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

void Disk::SimLock::unlock() {
  if (!disk_.tell(about(Call::kUnlock))) return;
  let_go();
}

bool Disk::SimLock::is_free(Mode mode) const {
  return std::ranges::none_of(disk_.locks_, [&](const LockHolder& holder) {
    return holder.inode == inode_ && holder.handle != this &&
           (mode == Mode::kExclusive || holder.mode == Mode::kExclusive);
  });
}

bool Disk::SimLock::take(Mode mode) {
  let_go();
  if (!is_free(mode)) return false;
  disk_.locks_.push_back({inode_, this, process_, mode});
  return true;
}

void Disk::SimLock::let_go() {
  std::erase_if(disk_.locks_, [&](const LockHolder& holder) { return holder.handle == this; });
}

// --- pages

Disk::SimPage::SimPage(Disk& disk, ProcessId process, InodeNumber inode, MutableByteSpan bytes,
                       std::string path)
    : disk_(disk), process_(process), inode_(inode), bytes_(bytes), path_(std::move(path)) {
  disk_.opened(inode_);
}

void Disk::SimPage::wait(size_t offset, uint32_t expected, Deadline deadline) {
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

void Disk::SimPage::wake(size_t offset) {
  if (!disk_.alive(process_)) return;
  ++disk_.wakes_;
  static_cast<void>(disk_.tell({process_, Call::kWake, path_, offset, 4, {}}));
}

}  // namespace syncline::simulation
