// A shared page as it was when this was made: for who reads beside its writers, and changes nothing
// for them. A page that cannot be read, or was being written, is one that cannot be believed, which
// its user has to expect of every page.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "journal/base/aligned_buffer.h"
#include "journal/os/file_system.h"

namespace syncline {

class CopiedPage final : public SharedPage {
 public:
  CopiedPage(Directory& directory, std::string_view name, size_t size_bytes)
      : bytes_(buffer_.reserve(size_bytes), size_bytes) {
    const Result<std::string> there = read_file(directory, name, size_bytes);
    if (there && there->size() == size_bytes) {
      std::copy_n(as_bytes(*there).data(), size_bytes, bytes_.data());
    }
  }
  bool is_private() const override { return true; }
  MutableByteSpan bytes() override { return bytes_; }
  void wait(size_t /*offset*/, uint32_t /*expected*/, Deadline /*deadline*/) override {}
  void wake(size_t /*offset*/) override {}

 private:
  AlignedBuffer buffer_;
  MutableByteSpan bytes_;
};

}  // namespace syncline
