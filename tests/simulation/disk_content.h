// The bytes of one file of a simulated disk, in pages that copies share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "journal/base/bytes.h"

namespace syncline::simulation {

inline constexpr uint64_t kSectorBytes = 512;
inline constexpr uint64_t kPageBytes = 4096;
inline constexpr unsigned kSectorsInPage = kPageBytes / kSectorBytes;

using Sector = std::array<std::byte, kSectorBytes>;
using Page = std::array<std::byte, kPageBytes>;

// Pages of 4 KiB, shared between copies; one that is not there is zero.
class Content {
 public:
  void read(uint64_t offset, MutableByteSpan into) const;
  void write(uint64_t offset, ByteSpan from);
  void write_sector(uint64_t sector, ByteSpan from) { write(sector * kSectorBytes, from); }
  ByteSpan sector(uint64_t index) const;
  // Everything from `offset` on becomes zero.
  void zero_from(uint64_t offset);

  const std::shared_ptr<Page>& page(uint64_t index) const;
  void set_page(uint64_t index, std::shared_ptr<Page> page);
  uint64_t pages() const { return pages_.size(); }

 private:
  Page& writable(uint64_t index);
  std::vector<std::shared_ptr<Page>> pages_;
};

bool is_zero(ByteSpan bytes);  // of at most a page

}  // namespace syncline::simulation
