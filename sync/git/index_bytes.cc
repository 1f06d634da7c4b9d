#include "sync/git/index_bytes.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "journal/base/assert.h"
#include "journal/base/try.h"

namespace syncline {

IndexBytes IndexBytes::of(std::string bytes, size_t piece_bytes) {
  const auto held = std::make_shared<const std::string>(std::move(bytes));
  const auto read_at = [held](uint64_t offset, MutableByteSpan into) -> Result<size_t> {
    if (offset >= held->size()) return size_t{0};
    const size_t count = std::min<size_t>(into.size(), held->size() - offset);
    std::memcpy(into.data(), held->data() + offset, count);
    return count;
  };
  return {.read_at = read_at, .size = held->size(), .piece_bytes = piece_bytes};
}

Status IndexBytes::append_to(std::string& out, uint64_t offset, size_t count) const {
  const size_t before = out.size();
  out.resize(before + count);
  TRY_ASSIGN(const size_t got,
             read_at(offset, {reinterpret_cast<std::byte*>(out.data() + before), count}));
  if (got == count) return {};
  return make_error(Code::kCorrupt, "the git index became shorter while it was read");
}

Result<std::string_view> IndexWindow::from(uint64_t offset, size_t count) {
  SYNCLINE_ASSERT(offset >= base_ && offset <= limit_);
  const uint64_t end = offset + std::min<uint64_t>(count, limit_ - offset);
  while (base_ + held_.size() < end) {
    const auto passed = static_cast<size_t>(std::min<uint64_t>(offset - base_, held_.size()));
    held_.erase(0, passed);
    base_ += passed;
    const uint64_t next = base_ + held_.size();
    const auto piece = static_cast<size_t>(
        std::min<uint64_t>(std::max<size_t>(bytes_.piece_bytes, 1), limit_ - next));
    TRY(bytes_.append_to(held_, next, piece));
    if (hashed_ != nullptr) hashed_->update(std::string_view(held_).substr(held_.size() - piece));
  }
  return std::string_view(held_).substr(static_cast<size_t>(offset - base_));
}

}  // namespace syncline
