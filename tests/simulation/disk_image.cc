#include "tests/simulation/disk_image.h"

#include <algorithm>
#include <cstring>

#include "journal/base/assert.h"

namespace syncline::simulation {
namespace {

// As many old contents of one sector, and old sizes of one file, as are kept; the newest go on.
constexpr size_t kEarlierMax = 3;
constexpr size_t kSizesMax = 4;
constexpr size_t kEarlierPagesMax = 4;

}  // namespace

DiskImage::DiskImage() {
  nodes_.resize(kRootInode);
  const InodeNumber root = make_node(true, 0755, 0);
  SYNCLINE_ASSERT(root == kRootInode);
  writable(root).links = 1;
}

DiskImage::DiskImage(const DiskImage& other)
    : boot(other.boot),
      file_system_id(other.file_system_id),
      capacity_bytes(other.capacity_bytes),
      mount(other.mount),
      nodes_(other.nodes_),
      changes_(other.changes_),
      used_bytes_(other.used_bytes_) {
  mapped_.reserve(other.mapped_.size());
  for (const auto& [inode, page] : other.mapped_) {
    mapped_.emplace_back(inode, std::make_unique<MappedPage>(*page));
  }
}

DiskImage& DiskImage::operator=(const DiskImage& other) {
  return *this = DiskImage(other);
}

Node& DiskImage::writable(InodeNumber inode) {
  std::shared_ptr<Node>& node = nodes_[inode];
  SYNCLINE_ASSERT(node != nullptr);
  if (node.use_count() > 1) node = std::make_shared<Node>(*node);
  return *node;
}

InodeNumber DiskImage::make_node(bool directory, uint32_t mode, int64_t now_ns) {
  auto node = std::make_shared<Node>();
  node->directory = directory;
  node->mode = mode;
  node->mtime_ns = now_ns;
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

void DiskImage::forget(InodeNumber inode) {
  used_bytes_ -= node(inode).size_bytes;
  nodes_[inode] = nullptr;
  std::erase_if(mapped_, [&](const auto& each) { return each.first == inode; });
}

void DiskImage::apply_to_cache(const DirectoryChange& change) {
  if (change.from_directory != 0) {
    DirectoryEntries& entries = writable(change.from_directory).entries;
    if (change.to_directory == 0) --writable(find_entry(entries, change.from_name)->inode).links;
    erase_entry(entries, change.from_name);
  }
  if (change.to_directory != 0) {
    DirectoryEntries& entries = writable(change.to_directory).entries;
    if (const DirectoryEntry* old = find_entry(entries, change.to_name)) {
      --writable(old->inode).links;
    }
    put_entry(entries, change.to_name, change.inode);
    if (change.from_directory == 0) ++writable(change.inode).links;
  }
}

void DiskImage::apply_to_durable(const DirectoryChange& change) {
  if (change.from_directory != 0 && has(change.from_directory)) {
    erase_entry(writable(change.from_directory).durable_entries, change.from_name);
  }
  if (change.to_directory != 0 && has(change.to_directory)) {
    put_entry(writable(change.to_directory).durable_entries, change.to_name, change.inode);
  }
}

void DiskImage::change(DirectoryChange change, bool durable) {
  apply_to_cache(change);
  if (durable) {
    apply_to_durable(change);
  } else {
    for (DirectoryChange& before : changes_) {
      if (before.touches(change.from_directory) || before.touches(change.to_directory)) {
        before.doomed = false;
      }
    }
    changes_.push_back(std::move(change));
  }
}

// What reached the disk of a rename reached it at both ends. Earlier changes of the same names are
// then past, whether their directory was synced or not.
void DiskImage::sync_directory(InodeNumber directory) {
  std::vector<DirectoryChange> left;
  for (size_t i = 0; i < changes_.size(); ++i) {
    const DirectoryChange& change = changes_[i];
    if (!change.touches(directory) || change.doomed) {
      left.push_back(change);
      continue;
    }
    std::erase_if(left, [&](const DirectoryChange& before) {
      const auto names = [&](InodeNumber in, const std::string& name) {
        return in != 0 && ((in == change.from_directory && name == change.from_name) ||
                           (in == change.to_directory && name == change.to_name));
      };
      if (!names(before.from_directory, before.from_name) &&
          !names(before.to_directory, before.to_name)) {
        return false;
      }
      apply_to_durable(before);
      return true;
    });
    apply_to_durable(change);
  }
  changes_ = std::move(left);
}

void DiskImage::fail_sync_directory(InodeNumber directory) {
  for (DirectoryChange& change : changes_) {
    if (change.touches(directory)) change.doomed = true;
  }
}

PendingPage& DiskImage::pending_page(Node& node, uint64_t index) {
  auto at = std::ranges::lower_bound(node.pending, index, {}, &PendingPage::index);
  if (at == node.pending.end() || at->index != index) {
    at = node.pending.insert(at, PendingPage{index, 0, 0, {}});
  }
  return *at;
}

// `from` lies within one page.
void DiskImage::write_in_page(Node& node, uint64_t offset, ByteSpan from) {
  const uint64_t index = offset / kPageBytes;
  const uint64_t durable_floor = node.floor(node.sizes.size());
  // A page that was never there and gets zeros is the same as before.
  const bool blank = node.cached.page(index) == nullptr && node.durable.page(index) == nullptr;
  if (blank && is_zero(from)) return;
  PendingPage& pending = pending_page(node, index);
  const uint64_t first = offset / kSectorBytes;
  const uint64_t last = (offset + from.size() - 1) / kSectorBytes;
  for (uint64_t sector = first; sector <= last; ++sector) {
    const uint64_t begin = std::max(offset, sector * kSectorBytes);
    const uint64_t end = std::min(offset + from.size(), (sector + 1) * kSectorBytes);
    const ByteSpan part = from.subspan(begin - offset, end - begin);
    const auto bit = static_cast<uint8_t>(1u << (sector % kSectorsInPage));
    const ByteSpan old = node.cached.sector(sector);
    const bool same = std::memcmp(old.data() + begin % kSectorBytes, part.data(), part.size()) == 0;
    if ((pending.written & bit) == 0) {
      // Writing what is durable there already changes nothing.
      if (!same || (sector + 1) * kSectorBytes > durable_floor) pending.written |= bit;
      continue;
    }
    pending.doomed &= static_cast<uint8_t>(~bit);
    if (same) continue;
    auto kept = std::make_shared<Sector>();
    std::memcpy(kept->data(), old.data(), kSectorBytes);
    const auto in_sector = static_cast<uint8_t>(sector % kSectorsInPage);
    pending.earlier.push_back({in_sector, std::move(kept)});
    const auto of_sector = [&](const auto& each) { return each.sector == in_sector; };
    if (std::ranges::count_if(pending.earlier, of_sector) > std::ptrdiff_t{kEarlierMax}) {
      pending.earlier.erase(std::ranges::find_if(pending.earlier, of_sector));
    }
  }
  node.cached.write(offset, from);
  if (pending.written == 0) {
    node.pending.erase(std::ranges::lower_bound(node.pending, index, {}, &PendingPage::index));
  }
}

void DiskImage::note_size(Node& node, uint64_t size_bytes) {
  used_bytes_ += size_bytes - node.size_bytes;
  node.size_bytes = size_bytes;
  const bool grows = node.sizes.empty() || node.sizes.back() <= size_bytes;
  // Growth in many steps: the first ones and the last are told apart.
  if (node.sizes.size() >= kSizesMax && grows && node.sizes[node.sizes.size() - 2] <= size_bytes) {
    node.sizes.back() = size_bytes;
  } else {
    node.sizes.push_back(size_bytes);
  }
}

void DiskImage::write(InodeNumber inode, uint64_t offset, ByteSpan from) {
  if (from.empty()) return;
  Node& node = writable(inode);
  if (MappedPage* page = mapped(inode)) {
    if (offset >= page->size_bytes) return;
    const size_t count = std::min<size_t>(from.size(), page->size_bytes - offset);
    std::memcpy(page->bytes.get() + offset, from.data(), count);
    return;
  }
  const uint64_t end = offset + from.size();
  while (!from.empty()) {
    const size_t count = std::min<size_t>(from.size(), kPageBytes - offset % kPageBytes);
    write_in_page(node, offset, from.first(count));
    from = from.subspan(count);
    offset += count;
  }
  if (end > node.size_bytes) note_size(node, end);
}

void DiskImage::truncate(InodeNumber inode, uint64_t size_bytes) {
  Node& node = writable(inode);
  if (node.size_bytes == size_bytes) return;
  if (size_bytes < node.size_bytes) {
    node.cached.zero_from(size_bytes);
    // What was pending behind the new end never comes.
    const uint64_t sectors = (size_bytes + kSectorBytes - 1) / kSectorBytes;
    for (PendingPage& page : node.pending) {
      for (uint8_t i = 0; i < kSectorsInPage; ++i) {
        if (page.index * kSectorsInPage + i < sectors) continue;
        const auto bit = static_cast<uint8_t>(1u << i);
        page.written &= static_cast<uint8_t>(~bit);
        page.doomed &= static_cast<uint8_t>(~bit);
        std::erase_if(page.earlier, [&](const auto& each) { return each.sector == i; });
      }
    }
    std::erase_if(node.pending, [](const PendingPage& page) { return page.written == 0; });
  }
  note_size(node, size_bytes);
}

void DiskImage::sync(InodeNumber inode) {
  if (node(inode).clean()) return;
  Node& file = writable(inode);
  const uint64_t floor = file.floor(file.sizes.size());
  if (floor < file.durable_size_bytes) file.durable.zero_from(floor);
  for (PendingPage& page : file.pending) {
    if (page.doomed == 0) {
      file.durable.set_page(page.index, file.cached.page(page.index));
      page.written = 0;
      continue;
    }
    for (unsigned i = 0; i < kSectorsInPage; ++i) {
      if ((page.written & ~page.doomed & (1u << i)) == 0) continue;
      const uint64_t sector = page.index * kSectorsInPage + i;
      file.durable.write_sector(sector, file.cached.sector(sector));
      std::erase_if(page.earlier, [&](const auto& each) { return each.sector == i; });
    }
    page.written = page.doomed;
  }
  std::erase_if(file.pending, [](const PendingPage& page) { return page.written == 0; });
  file.durable_size_bytes = file.size_bytes;
  file.sizes.clear();
}

void DiskImage::fail_sync(InodeNumber inode) {
  if (node(inode).clean()) return;
  for (PendingPage& page : writable(inode).pending) page.doomed = page.written;
}

void DiskImage::sync_all() {
  for (InodeNumber inode = kRootInode; inode < nodes_.size(); ++inode) {
    if (nodes_[inode] != nullptr && !nodes_[inode]->directory) sync(inode);
  }
  for (const DirectoryChange& change : changes_) apply_to_durable(change);
  changes_.clear();
}

void DiskImage::sync_file_system() {
  std::vector<bool> apart(nodes_.size());
  std::vector<InodeNumber> left_out;
  if (has(mount)) left_out.push_back(mount);
  while (!left_out.empty()) {
    const InodeNumber inode = left_out.back();
    left_out.pop_back();
    apart[inode] = true;
    for (const DirectoryEntry& entry : node(inode).entries) left_out.push_back(entry.inode);
  }
  for (InodeNumber inode = kRootInode; inode < nodes_.size(); ++inode) {
    if (has(inode) && !node(inode).directory && !apart[inode]) sync(inode);
  }
  std::vector<DirectoryChange> pending;
  for (DirectoryChange& change : changes_) {
    if (apart[change.from_directory != 0 ? change.from_directory : change.to_directory]) {
      pending.push_back(std::move(change));
    } else {
      apply_to_durable(change);
    }
  }
  changes_ = std::move(pending);
}

const MappedPage* DiskImage::mapped(InodeNumber inode) const {
  for (const auto& [each, page] : mapped_) {
    if (each == inode) return page.get();
  }
  return nullptr;
}
MappedPage* DiskImage::mapped(InodeNumber inode) {
  return const_cast<MappedPage*>(std::as_const(*this).mapped(inode));
}

MappedPage& DiskImage::map(InodeNumber inode, size_t size_bytes) {
  if (MappedPage* there = mapped(inode)) {
    SYNCLINE_ASSERT(there->size_bytes >= size_bytes);  // pages are made once, whole
    return *there;
  }
  auto page = std::make_unique<MappedPage>(size_bytes);
  const Node& file = node(inode);
  file.cached.read(0, page->span().first(std::min<size_t>(size_bytes, file.size_bytes)));
  if (size_bytes > file.size_bytes) {
    used_bytes_ += size_bytes - file.size_bytes;
    writable(inode).size_bytes = size_bytes;
    writable(inode).durable_size_bytes = size_bytes;
  }
  mapped_.emplace_back(inode, std::move(page));
  return *mapped_.back().second;
}

void DiskImage::note_pages() {
  for (auto& [inode, page] : mapped_) {
    const ByteSpan now = page->span();
    if (!page->earlier.empty() &&
        std::memcmp(page->earlier.back()->data(), now.data(), now.size()) == 0) {
      continue;
    }
    if (page->earlier.size() >= kEarlierPagesMax) page->earlier.erase(page->earlier.begin());
    page->earlier.push_back(std::make_shared<const ByteVector>(now.begin(), now.end()));
  }
}

uint64_t DiskImage::size_bytes(InodeNumber inode) const {
  return node(inode).size_bytes;
}

}  // namespace syncline::simulation
