// How the bytes of a group of frames are written: by io_uring, or by pwrite where it is refused.
//
// Making them durable is the file's own sync_data (journal/os/file_system.h). Not thread-safe; a
// Ring belongs to the one thread that appends at a time.
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
  virtual std::string_view name() const = 0;  // "io_uring" or "pwrite"
};

std::unique_ptr<Ring> make_plain_ring();
// An error where the kernel or a policy refuses io_uring (ENOSYS, EPERM, EMFILE, ENOMEM, …).
Result<std::unique_ptr<Ring>> make_uring();
// False where SYNCLINE_IO=pwrite in the environment asks for plain calls.
bool uring_is_wanted();
// io_uring where it is wanted and can be had, else plain.
std::unique_ptr<Ring> make_best_ring();

}  // namespace syncline
