// A file or directory of a simulated disk: what is cached of it, what is durable, and what is
// pending between the two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "journal/base/bytes.h"
#include "tests/simulation/disk_content.h"

namespace syncline::simulation {

using InodeNumber = uint64_t;
inline constexpr InodeNumber kRootInode = 1;

// The sectors of one page that were written and not synced since.
struct PendingPage {
  struct Earlier {
    uint8_t sector = 0;
    std::shared_ptr<const Sector> content;
  };
  uint64_t index = 0;
  uint8_t written = 0;  // bit set of sectors; each holds what the cached page holds, or an earlier
  uint8_t doomed =
      0;  // of those, the ones that a failed sync gave up on: none will make them durable
  std::vector<Earlier> earlier;  // what was written over before it was synced, oldest first
};

// A mapped page, written by plain stores of its users.
struct MappedPage {
  std::unique_ptr<std::byte[]> bytes;  // 8-byte aligned
  size_t size_bytes = 0;
  std::vector<std::shared_ptr<const ByteVector>>
      earlier;  // as seen between operations, oldest first

  explicit MappedPage(size_t size);
  MappedPage(const MappedPage& other);
  MappedPage& operator=(const MappedPage&) = delete;
  MutableByteSpan span() { return {bytes.get(), size_bytes}; }
  ByteSpan span() const { return {bytes.get(), size_bytes}; }
};

struct DirectoryEntry {
  std::string name;
  InodeNumber inode = 0;
  bool operator==(const DirectoryEntry&) const = default;
};
using DirectoryEntries = std::vector<DirectoryEntry>;  // sorted by name

struct Node {
  bool directory = false;
  uint32_t mode = 0;
  uint64_t links = 0;
  int64_t mtime_ns = 0;
  std::vector<std::pair<uint64_t, uint64_t>> unreadable;  // byte ranges that answer EIO

  // Of a file.
  Content cached, durable;
  uint64_t size_bytes = 0;  // cached
  uint64_t durable_size_bytes = 0;
  std::vector<uint64_t> sizes;  // it had since the last sync, oldest first, the present one last
  std::vector<PendingPage> pending;  // sorted by index
  bool clean() const { return pending.empty() && sizes.empty(); }
  // The size up to which durable content still counts if the first `count` sizes become durable.
  uint64_t floor(size_t count) const;

  // Of a directory.
  DirectoryEntries entries, durable_entries;
};

const DirectoryEntry* find_entry(const DirectoryEntries& entries, std::string_view name);
void put_entry(DirectoryEntries& entries, std::string_view name, InodeNumber inode);
void erase_entry(DirectoryEntries& entries, std::string_view name);

}  // namespace syncline::simulation
