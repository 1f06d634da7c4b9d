// How a group of frames reaches the disk: io_uring, or pwrite + fdatasync where it is refused.
//
// Write and sync are separate submissions: a linked pair is slower here, and a short write cancels
// its sync. Not thread-safe; a Ring belongs to the one thread that appends at a time.
#pragma once

#include <memory>
#include <string_view>

#include "journal/os/file_system.h"

namespace syncline {

class Ring {
 public:
  virtual ~Ring() = default;
  // All of `from`, continuing short writes; an error may leave a part written.
  virtual Status write(File& file, uint64_t offset, ByteSpan from) = 0;
  // fdatasync. A failure must be treated as "unknown for ever": see file_system.h.
  virtual Status sync(File& file) = 0;
  virtual std::string_view name() const = 0;  // "io_uring" or "pwrite"
};

std::unique_ptr<Ring> make_plain_ring();
// An error where the kernel or a policy refuses io_uring (ENOSYS, EPERM, EMFILE, ENOMEM, …).
Result<std::unique_ptr<Ring>> make_uring();
// io_uring where it can be had, else plain. SYNCLINE_IO=pwrite in the environment asks for plain.
std::unique_ptr<Ring> make_best_ring();

}  // namespace syncline
