// What the processes of a simulated disk share besides its files: advisory locks and mapped pages.
#pragma once

#include <string>

#include "tests/simulation/disk.h"

namespace syncline::simulation {

class Disk::SimLock final : public FileLock {
 public:
  SimLock(Disk& disk, ProcessId process, InodeNumber inode, std::string path);
  ~SimLock() override;
  SimLock(const SimLock&) = delete;
  SimLock& operator=(const SimLock&) = delete;
  Result<bool> try_lock(Mode mode) override;
  Status lock(Mode mode, Deadline deadline) override;
  void unlock() override;

 private:
  DiskOperation about(Call call) const { return {process_, call, path_, 0, 0, {}}; }
  bool is_free(Mode mode) const;
  // Converts a lock as flock does: lets go of the old one first.
  bool take(Mode mode);
  void let_go();

  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  std::string path_;
};

class Disk::SimPage final : public SharedPage {
 public:
  SimPage(Disk& disk, ProcessId process, InodeNumber inode, MutableByteSpan bytes,
          std::string path);
  ~SimPage() override { disk_.closed(inode_); }
  SimPage(const SimPage&) = delete;
  SimPage& operator=(const SimPage&) = delete;

  MutableByteSpan bytes() override { return bytes_; }

  void wait(size_t offset, uint32_t expected, Deadline deadline) override;
  void wake(size_t offset) override;

 private:
  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  MutableByteSpan bytes_;
  std::string path_;
};

}  // namespace syncline::simulation
