// An owned file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace syncline {

class PosixFd {
 public:
  PosixFd() = default;
  explicit PosixFd(int descriptor) : descriptor_(descriptor) {}
  PosixFd(PosixFd&& other) noexcept : descriptor_(other.release()) {}
  PosixFd& operator=(PosixFd&& other) noexcept {
    if (this != &other) {
      reset();
      descriptor_ = other.release();
    }
    return *this;
  }
  PosixFd(const PosixFd&) = delete;
  PosixFd& operator=(const PosixFd&) = delete;
  ~PosixFd() { reset(); }

  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }
  // Closes without asking: for descriptors whose data is synced, or does not matter.
  void reset() {
    if (descriptor_ >= 0) ::close(release());
  }

 private:
  int descriptor_ = -1;
};

}  // namespace syncline
