// Reads of one file, several of them under way at a time: how a long log is read (read_ahead.h).
//
// Made by File::read_queue: with io_uring and around the page cache, or not at all. Not
// thread-safe; it may be used as long as its File.
#pragma once

#include <memory>

#include "journal/os/file_system.h"

namespace syncline {

class ReadQueue {
 public:
  // Waits for the reads that are under way: until then the kernel may write into their buffers.
  virtual ~ReadQueue() = default;
  // Begins a read. Offset, length and address are multiples of kBlockBytes. `into` belongs to the
  // queue until finish() has answered for it.
  virtual void start(uint64_t offset, MutableByteSpan into) = 0;
  // Waits for the oldest read that was begun, and answers as File::read_at does.
  virtual Result<size_t> finish() = 0;
};

// For the file behind `descriptor`, which must stay open. An error where the kernel or a policy
// refuses io_uring, the file system knows no reads around its cache, or all of the file is in
// there: then steps that fit into the processor's cache are faster.
Result<std::unique_ptr<ReadQueue>> make_uring_read_queue(int descriptor, const std::string& path);

}  // namespace syncline
