// For tests: what an image holds, asked for and damaged by path.
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "journal/base/assert.h"
#include "tests/simulation/disk_image.h"

namespace syncline::simulation {

InodeNumber DiskImage::find(std::string_view path) const {
  InodeNumber at = kRootInode;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (component.empty() || component == ".") continue;
    // A file has no entries.
    const DirectoryEntry* const entry = find_entry(node(at).entries, component);
    if (entry == nullptr) return 0;
    at = entry->inode;
  }
  return at;
}

std::pair<InodeNumber, std::string> DiskImage::parent_of(std::string_view path) const {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {kRootInode, std::string(path)};
  return {find(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

ByteVector DiskImage::bytes(std::string_view path) const {
  const InodeNumber inode = find(path);
  SYNCLINE_ASSERT(inode != 0);
  if (const MappedPage* page = mapped(inode)) return {page->span().begin(), page->span().end()};
  ByteVector content(node(inode).size_bytes);
  node(inode).cached.read(0, content);
  return content;
}

void DiskImage::set_bytes(std::string_view path, ByteSpan bytes) {
  InodeNumber inode = find(path);
  if (inode == 0) {
    const auto [directory, leaf] = parent_of(path);
    SYNCLINE_ASSERT(directory != 0);
    inode = make_node(false, 0644, 0);
    change({0, "", directory, leaf, inode}, true);
  }
  if (MappedPage* page = mapped(inode)) {
    SYNCLINE_ASSERT(bytes.size() == page->size_bytes);
    std::memcpy(page->bytes.get(), bytes.data(), bytes.size());
    return;
  }
  Node& file = writable(inode);
  used_bytes_ += bytes.size() - file.size_bytes;
  file.cached = {};
  file.cached.write(0, bytes);
  file.durable = file.cached;
  file.size_bytes = file.durable_size_bytes = bytes.size();
  file.sizes.clear();
  file.pending.clear();
}

void DiskImage::flip_bit(std::string_view path, uint64_t bit) {
  ByteVector content = bytes(path);
  content[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
  set_bytes(path, content);
}

void DiskImage::remove(std::string_view path) {
  const auto [directory, leaf] = parent_of(path);
  const InodeNumber inode = find(path);
  SYNCLINE_ASSERT(directory != 0 && inode != 0);
  change({directory, leaf, 0, "", inode}, true);
}

void DiskImage::make_unreadable(std::string_view path, uint64_t from, uint64_t to) {
  writable(find(path)).unreadable.emplace_back(from, to);
}

uint64_t DiskImage::hash() const {
  uint64_t sum = 0;
  std::vector<std::pair<InodeNumber, uint64_t>> left{{kRootInode, 1}};
  const auto mix = [](uint64_t seed, ByteSpan bytes) {
    return uint64_t{XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed)};
  };
  while (!left.empty()) {
    const auto [directory, seed] = left.back();
    left.pop_back();
    for (const DirectoryEntry& entry : node(directory).entries) {
      uint64_t one = mix(seed, as_bytes(entry.name));
      const Node& each = node(entry.inode);
      if (each.directory) {
        left.emplace_back(entry.inode, one);
      } else if (const MappedPage* page = mapped(entry.inode)) {
        one = mix(one, page->span());
      } else {
        one += each.size_bytes;
        for (uint64_t i = 0; i * kPageBytes < each.size_bytes; ++i) {
          const auto& content = each.cached.page(i);
          if (content == nullptr || is_zero(*content)) continue;
          one = mix(one ^ i, *content);
        }
      }
      sum += one;
    }
  }
  return sum;
}

}  // namespace syncline::simulation
