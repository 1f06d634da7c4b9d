#include "tests/simulation/disk_node.h"

#include <algorithm>
#include <cstring>

#include "journal/base/assert.h"

namespace syncline::simulation {

MappedPage::MappedPage(size_t size) : bytes(new std::byte[size]()), size_bytes(size) {
  SYNCLINE_ASSERT(size % 8 == 0);
}
MappedPage::MappedPage(const MappedPage& other)
    : bytes(new std::byte[other.size_bytes]), size_bytes(other.size_bytes), earlier(other.earlier) {
  std::memcpy(bytes.get(), other.bytes.get(), size_bytes);
}

uint64_t Node::floor(size_t count) const {
  uint64_t lowest = durable_size_bytes;
  for (size_t i = 0; i < count; ++i) lowest = std::min(lowest, sizes[i]);
  return lowest;
}

const DirectoryEntry* find_entry(const DirectoryEntries& entries, std::string_view name) {
  const auto at = std::ranges::lower_bound(entries, name, {}, &DirectoryEntry::name);
  return at != entries.end() && at->name == name ? &*at : nullptr;
}
void put_entry(DirectoryEntries& entries, std::string_view name, InodeNumber inode) {
  const auto at = std::ranges::lower_bound(entries, name, {}, &DirectoryEntry::name);
  if (at != entries.end() && at->name == name) {
    at->inode = inode;
  } else {
    entries.insert(at, {std::string(name), inode});
  }
}
void erase_entry(DirectoryEntries& entries, std::string_view name) {
  const auto at = std::ranges::lower_bound(entries, name, {}, &DirectoryEntry::name);
  if (at != entries.end() && at->name == name) entries.erase(at);
}

}  // namespace syncline::simulation
