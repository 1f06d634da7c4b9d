#include "tests/simulation/disk_content.h"

#include <algorithm>
#include <cstring>

namespace syncline::simulation {
namespace {

constexpr std::array<std::byte, kPageBytes> kZeros{};

}  // namespace

bool is_zero(ByteSpan bytes) {
  return std::memcmp(bytes.data(), kZeros.data(), bytes.size()) == 0;
}

const std::shared_ptr<Page>& Content::page(uint64_t index) const {
  static const std::shared_ptr<Page> none;
  return index < pages_.size() ? pages_[index] : none;
}

void Content::set_page(uint64_t index, std::shared_ptr<Page> page) {
  if (index >= pages_.size()) {
    if (page == nullptr) return;
    pages_.resize(index + 1);
  }
  pages_[index] = std::move(page);
}

Page& Content::writable(uint64_t index) {
  if (index >= pages_.size()) pages_.resize(index + 1);
  std::shared_ptr<Page>& page = pages_[index];
  if (page == nullptr) {
    page = std::make_shared<Page>();
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  return *page;
}

void Content::read(uint64_t offset, MutableByteSpan into) const {
  while (!into.empty()) {
    const uint64_t at = offset % kPageBytes;
    const size_t count = std::min<size_t>(into.size(), kPageBytes - at);
    if (const auto& from = page(offset / kPageBytes)) {
      std::memcpy(into.data(), from->data() + at, count);
    } else {
      std::memset(into.data(), 0, count);
    }
    into = into.subspan(count);
    offset += count;
  }
}

void Content::write(uint64_t offset, ByteSpan from) {
  while (!from.empty()) {
    const uint64_t at = offset % kPageBytes;
    const size_t count = std::min<size_t>(from.size(), kPageBytes - at);
    if (page(offset / kPageBytes) != nullptr || !is_zero(from.first(count))) {
      std::memcpy(writable(offset / kPageBytes).data() + at, from.data(), count);
    }
    from = from.subspan(count);
    offset += count;
  }
}

ByteSpan Content::sector(uint64_t index) const {
  const auto& from = page(index / kSectorsInPage);
  const size_t at = index % kSectorsInPage * kSectorBytes;
  return from ? ByteSpan(*from).subspan(at, kSectorBytes) : ByteSpan(kZeros).first(kSectorBytes);
}

void Content::zero_from(uint64_t offset) {
  const uint64_t whole = (offset + kPageBytes - 1) / kPageBytes;
  if (pages_.size() > whole) pages_.resize(whole);
  const uint64_t at = offset % kPageBytes;
  if (at != 0 && page(offset / kPageBytes) != nullptr) {
    Page& last = writable(offset / kPageBytes);
    std::memset(last.data() + at, 0, kPageBytes - at);
  }
}

}  // namespace syncline::simulation
