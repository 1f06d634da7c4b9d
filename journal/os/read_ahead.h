// Reads long stretches of files in order: while one part is looked at, the next are being read.
//
//   add(file, from, to) ─► parts ─► under way (two) ─► next() ─► looked at (one)
//
// It gives bytes or nothing: what cannot be read here, for whatever reason, is left to who asks,
// and read once more by File::read_at, whose word counts. Not thread-safe.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "journal/base/bytes.h"
#include "journal/os/file_system.h"
#include "journal/os/read_queue.h"

namespace syncline {

class ReadAhead {
 public:
  ReadAhead();
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Reads [from, to) of `file`, multiples of kBlockBytes, behind what was added before. The file
  // must outlive the last part of it. False where its reads cannot be made side by side.
  bool add(File& file, uint64_t from, uint64_t to);

  struct Part {
    const File* file = nullptr;
    uint64_t offset = 0;
    ByteSpan bytes;  // valid until the next call
  };
  // The parts in order, without gaps. Nothing at the end, and where one could not be read whole:
  // then nothing more comes.
  std::optional<Part> next();

  // Is this where the next part begins?
  bool goes_on_with(const File& file, uint64_t offset) const;

 private:
  struct Buffers;
  struct Stretch {
    struct Flight {
      uint64_t offset = 0;
      MutableByteSpan into;
    };
    File* file = nullptr;
    uint64_t from = 0;  // where the next read begins
    uint64_t to = 0;
    std::deque<Flight> flights;  // under way, oldest first
    std::unique_ptr<ReadQueue> queue;
  };
  void start_reads();

  // Declared before the queues, for those wait for their reads before the buffers may go.
  std::unique_ptr<Buffers> buffers_;
  std::deque<Stretch> stretches_;
  bool failed_ = false;
};

}  // namespace syncline
