#include "journal/os/read_ahead.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "journal/base/assert.h"
#include "journal/base/block.h"

namespace syncline {
namespace {

// Two are under way while one is looked at.
constexpr size_t kBufferCount = 3;
constexpr size_t kHugePageBytes = 2u << 20;

}  // namespace

// Memory for the parts. Its first touch costs more than the read into it, so that it is made of
// large pages where the kernel has some, and used over and over.
struct ReadAhead::Buffers {
  explicit Buffers(size_t bytes) : part_bytes(bytes) {
    const size_t align = std::max<size_t>(kBlockBytes, std::min(part_bytes, kHugePageBytes));
    const size_t total = (part_bytes * kBufferCount + align - 1) / align * align;
    memory.reset(static_cast<std::byte*>(std::aligned_alloc(align, total)));
    if (memory == nullptr) return;
    if (align == kHugePageBytes) static_cast<void>(madvise(memory.get(), total, MADV_HUGEPAGE));
    for (size_t i = 0; i < kBufferCount; ++i) free.push_back(memory.get() + i * part_bytes);
  }
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  size_t part_bytes;
  std::unique_ptr<std::byte, Free> memory;
  std::vector<std::byte*> free;
  std::byte* lent = nullptr;  // the part that is looked at
};

ReadAhead::ReadAhead() = default;
ReadAhead::~ReadAhead() = default;

bool ReadAhead::add(File& file, uint64_t from, uint64_t to) {
  SYNCLINE_ASSERT(from % kBlockBytes == 0 && to % kBlockBytes == 0);
  if (failed_ || from >= to) return false;
  if (buffers_ == nullptr) {
    buffers_ = std::make_unique<Buffers>(file.part_bytes());
    if (buffers_->memory == nullptr) failed_ = true;
  }
  auto queue = failed_ ? nullptr : file.read_queue();
  if (queue == nullptr) return false;
  stretches_.push_back(
      {.file = &file, .from = from, .to = to, .flights = {}, .queue = std::move(queue)});
  return true;
}

void ReadAhead::start_reads() {
  for (Stretch& stretch : stretches_) {
    while (stretch.from < stretch.to && !buffers_->free.empty()) {
      const size_t bytes =
          static_cast<size_t>(std::min<uint64_t>(buffers_->part_bytes, stretch.to - stretch.from));
      const MutableByteSpan into(buffers_->free.back(), bytes);
      buffers_->free.pop_back();
      stretch.queue->start(stretch.from, into);
      stretch.flights.push_back({stretch.from, into});
      stretch.from += bytes;
    }
  }
}

std::optional<ReadAhead::Part> ReadAhead::next() {
  if (failed_ || stretches_.empty()) return std::nullopt;
  if (buffers_->lent != nullptr) buffers_->free.push_back(std::exchange(buffers_->lent, nullptr));
  start_reads();
  Stretch& stretch = stretches_.front();
  const Stretch::Flight flight = stretch.flights.front();
  stretch.flights.pop_front();
  const auto got = stretch.queue->finish();
  if (!got || *got != flight.into.size()) {
    failed_ = true;
    return std::nullopt;
  }
  buffers_->lent = flight.into.data();
  const Part part{stretch.file, flight.offset, flight.into};
  if (stretch.flights.empty() && stretch.from == stretch.to) stretches_.pop_front();
  return part;
}

bool ReadAhead::goes_on_with(const File& file, uint64_t offset) const {
  if (failed_ || stretches_.empty()) return false;
  const Stretch& stretch = stretches_.front();
  return stretch.file == &file &&
         offset == (stretch.flights.empty() ? stretch.from : stretch.flights.front().offset);
}

}  // namespace syncline
