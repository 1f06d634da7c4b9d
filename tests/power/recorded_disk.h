// A disk that remembers everything that was written to it, in order, and every flush: one file of a
// FUSE file system that this process's child serves, to be attached as a loop device.
//
// What a power cut may leave of it, state(): all that was written before the last flush that was
// answered; of what was written after it, any subset, in any order, each write whole or torn at a
// sector. That is what a disk with a write-back cache is free to do and what the shutdown ioctl
// does not show, as it never loses a write that reached the device.
//
// It can also refuse, as a disk that breaks: refuse().
//
// Who writes down an acknowledgement takes events() after hearing of it: whatever state() is built
// from that many events or more must still hold it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "tests/e2e/client_calls.h"

namespace syncline {

class RecordedDisk {
 public:
  // Serves a copy of `base` as `point`/disk, and keeps what is written in `log`. Errors throw.
  RecordedDisk(const std::filesystem::path& base, const std::filesystem::path& log,
               const std::filesystem::path& point);
  ~RecordedDisk();
  RecordedDisk(const RecordedDisk&) = delete;
  RecordedDisk& operator=(const RecordedDisk&) = delete;

  std::filesystem::path disk() const { return point_ / "disk"; }
  // Writes and flushes so far.
  uint64_t events() const;
  // From the next `after`th write or flush on, all writes and flushes are answered EIO, and reads
  // as well where `reads` says so; until accept().
  void refuse(uint64_t after, bool reads);
  void accept();
  // Ends the serving; the disk must not be mounted any more. The log can be read from here on.
  void stop();

  // Turns `image`, a copy of the base, into one that a cut after `events` events may have left.
  void apply_state(const std::filesystem::path& image, uint64_t events, Chance& chance) const;

 private:
  struct Event {
    uint64_t offset = 0;
    uint64_t length = 0;  // 0: a flush
    uint64_t data_at = 0;
  };
  // What the test and the child that serves the disk tell each other.
  struct Shared {
    std::atomic<uint64_t> events{0};
    std::atomic<uint64_t> refused_from{kNever};  // events
    std::atomic<bool> reads_refused{false};
  };
  class Server;
  static constexpr uint64_t kNever = UINT64_MAX;
  std::vector<Event> read_log() const;

  std::filesystem::path log_;
  std::filesystem::path point_;
  Shared* shared_ = nullptr;
  pid_t server_ = -1;
};

}  // namespace syncline
