// A machine's file system in memory, behind the Directory seam: what processes do to a DiskImage.
//
// Several processes use one Disk. Before each of their operations the Conductor is asked; it may
// let others run, answer an error, or have the process die. A process that died (kill) has no
// effect any more: its locks are free, its handles throw SimulatedCrash, which unwinds it, or
// answer EIO where exceptions must not pass (QuietDeath: C code on the stack) or one is on its way
// already (destructors). After the unwinding, reap() takes back what destructors did to mapped
// pages.
//
//   kill -9 of all    DiskImage after = disk.image();                     the page cache stays
//   power cut         PersistenceChoices(disk.image()).apply(k)           see persistence.h
//   then              Disk next(std::move(after), conductor, clock);
//
// Faults by the Conductor's answer: any errno, once or sticky, at any call; a write that lands in
// part; a failed sync (EIO) forgets what was unsynced, which reads back until the power cut; stale
// reads. By the image: capacity (ENOSPC), unreadable ranges (EIO), damage. set_read_only: EROFS
// from now on. EINTR is retried below this seam and so cannot be seen here.
//
// Not thread-safe: all processes of a Disk are fibers, or take turns, in one thread. A Disk does
// not move; handles must not outlive it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "journal/os/file_system.h"
#include "tests/simulation/conductor.h"
#include "tests/simulation/disk_image.h"
#include "tests/simulation/simulated_time.h"

namespace syncline::simulation {

// Thrown by every call of a dead process; only whoever runs the process catches it.
struct SimulatedCrash {};

class Disk {
 public:
  // `conductor` and `clock` must outlive it.
  Disk(DiskImage image, Conductor& conductor, SimulatedClock& clock);
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk();

  // Process 0 is there from the start.
  ProcessId start_process();
  // "." is the root.
  Result<std::unique_ptr<Directory>> open(ProcessId process, std::string_view path = ".");

  bool alive(ProcessId process) const { return processes_[process].alive; }
  void kill(ProcessId process);
  void kill_all();
  // Call once a killed process has been unwound, before another runs.
  void reap(ProcessId process);

  DiskImage& image() { return image_; }
  const DiskImage& image() const { return image_; }
  void set_read_only(bool read_only) { read_only_ = read_only; }
  void set_conductor(Conductor& conductor) { conductor_ = &conductor; }
  SimulatedClock& clock() { return clock_; }
  uint64_t operations() const { return operations_; }

 private:
  friend class QuietDeath;
  class SimFile;
  class SimDirectory;
  class SimLock;
  class SimPage;

  struct Process {
    bool alive = true;
    int quiet = 0;
    // What the mapped pages held when it died.
    std::vector<std::pair<InodeNumber, ByteVector>> pages;
  };
  struct LockHolder {
    InodeNumber inode = 0;
    const void* handle = nullptr;
    ProcessId process = 0;
    FileLock::Mode mode = FileLock::Mode::kShared;
  };
  struct Place {
    InodeNumber directory = 0;
    std::string leaf;
    InodeNumber inode = 0;  // 0: nothing of that name
  };

  // Throws, or answers EIO, for a dead process; else asks the conductor.
  Result<Answer> begin(const DiskOperation& operation);
  Status dead(ProcessId process);
  // For calls that cannot fail, and for those of destructors: the conductor is asked all the same.
  // False when the call has no effect, because its process is dead.
  bool tell(const DiskOperation& operation);
  // begin() for what can only proceed or fail.
  Status permit(const DiskOperation& operation);
  [[nodiscard]] Error die(ProcessId process);

  Result<InodeNumber> walk(InodeNumber from, std::string_view name) const;
  Result<Place> locate(InodeNumber from, std::string_view name) const;
  void opened(InodeNumber inode);
  void closed(InodeNumber inode);
  void drop_if_unused(InodeNumber inode);
  void drop_unused();
  int64_t now_ns() const;
  FileInfo info_of(InodeNumber inode) const;

  DiskImage image_;
  Conductor* conductor_;
  SimulatedClock& clock_;
  std::vector<Process> processes_;
  std::vector<LockHolder> locks_;
  std::vector<uint32_t> opens_;        // by inode
  std::vector<InodeNumber> unlinked_;  // to be forgotten once nothing can bring them back
  uint64_t wakes_ = 0;
  uint64_t operations_ = 0;
  bool read_only_ = false;
};

// While it lives, calls of the process answer EIO after its death instead of throwing: for code
// that exceptions must not pass through.
class QuietDeath {
 public:
  QuietDeath(Disk& disk, ProcessId process) : disk_(disk), process_(process) {
    ++disk_.processes_[process_].quiet;
  }
  ~QuietDeath() { --disk_.processes_[process_].quiet; }
  QuietDeath(const QuietDeath&) = delete;
  QuietDeath& operator=(const QuietDeath&) = delete;

 private:
  Disk& disk_;
  ProcessId process_;
};

}  // namespace syncline::simulation
