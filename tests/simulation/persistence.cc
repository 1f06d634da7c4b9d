#include "tests/simulation/persistence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "journal/base/assert.h"
#include "tests/simulation/simulated_time.h"

namespace syncline::simulation {
namespace {

// Of a mapped page: now, one or more earlier ones, zero, noise. "Now" is the last way.
constexpr uint8_t kPageZero = 0;
constexpr uint8_t kPageNoise = 1;
constexpr uint8_t kPageEarlier = 2;

// What a pending sector may hold besides what is durable, oldest first, each different once.
std::vector<ByteSpan> versions_of(const Node& node, const PendingPage& page, unsigned in_page) {
  const uint64_t sector = page.index * kSectorsInPage + in_page;
  const ByteSpan durable = node.durable.sector(sector);
  std::vector<ByteSpan> versions;
  const auto add = [&](ByteSpan content, bool last) {
    const auto same = [&](ByteSpan other) {
      return std::memcmp(other.data(), content.data(), kSectorBytes) == 0;
    };
    if (!last && (same(durable) || same(node.cached.sector(sector)))) return;
    if (std::ranges::none_of(versions, same)) versions.push_back(content);
  };
  for (const PendingPage::Earlier& earlier : page.earlier) {
    if (earlier.sector == in_page) add(ByteSpan(*earlier.content), false);
  }
  // Equal to the durable one it is no choice of its own, unless the durable one may be cut off.
  const ByteSpan now = node.cached.sector(sector);
  const bool cut = node.floor(node.sizes.size()) < node.durable_size_bytes;
  if (cut || std::memcmp(now.data(), durable.data(), kSectorBytes) != 0) add(now, true);
  return versions;
}

}  // namespace

PersistenceChoices::PersistenceChoices(const DiskImage& image, const PersistenceOptions& options)
    : image_(image), options_(options) {
  list_items();
  for (const Item& item : items_) {
    if (possible_ > UINT64_MAX / item.ways) {
      possible_ = UINT64_MAX;
      break;
    }
    possible_ *= item.ways;
  }
  if (exhaustive()) {
    enumerate();
  } else {
    draw_samples();
  }
}

void PersistenceChoices::list_items() {
  for (size_t i = 0; i < image_.changes_.size(); ++i) {
    items_.push_back({Kind::kChange, 0, i, 2, 1});
  }
  for (InodeNumber inode = kRootInode; inode < image_.nodes_.size(); ++inode) {
    if (!image_.has(inode) || image_.node(inode).sizes.empty()) continue;
    const size_t ways = image_.node(inode).sizes.size() + 1;
    items_.push_back(
        {Kind::kSize, inode, 0, static_cast<uint8_t>(ways), static_cast<uint8_t>(ways - 1)});
  }
  for (InodeNumber inode = kRootInode; inode < image_.nodes_.size(); ++inode) {
    if (!image_.has(inode)) continue;
    const Node& node = image_.node(inode);
    for (const PendingPage& page : node.pending) {
      for (unsigned i = 0; i < kSectorsInPage; ++i) {
        if ((page.written & (1u << i)) == 0) continue;
        const uint64_t sector = page.index * kSectorsInPage + i;
        const auto versions = versions_of(node, page, i);
        if (versions.empty()) continue;
        const auto last = static_cast<uint8_t>(versions.size());
        const bool is_now = versions.back().data() == node.cached.sector(sector).data();
        items_.push_back({Kind::kSector, inode, sector, static_cast<uint8_t>(last + 1),
                          is_now ? last : uint8_t{0}});
      }
    }
  }
  if (!options_.pages) return;
  for (const auto& [inode, page] : image_.mapped_) {
    const ByteSpan now = page->span();
    size_t earlier = page->earlier.size();
    if (earlier > 0 && std::memcmp(page->earlier.back()->data(), now.data(), now.size()) == 0) {
      --earlier;
    }
    const auto now_way = static_cast<uint8_t>(kPageEarlier + earlier);
    items_.push_back({Kind::kPage, inode, earlier, static_cast<uint8_t>(now_way + 1), now_way});
  }
}

void PersistenceChoices::add(const Choice& choice) {
  choices_.insert(choices_.end(), choice.begin(), choice.end());
  ++count_;
}

PersistenceChoices::Choice PersistenceChoices::all_kept() const {
  Choice all(items_.size());
  for (size_t i = 0; i < items_.size(); ++i) all[i] = items_[i].now;
  return all;
}

void PersistenceChoices::enumerate() {
  Choice choice(items_.size(), 0);
  for (;;) {
    if (is_canonical(choice.data())) add(choice);
    size_t digit = items_.size();
    while (digit > 0 && ++choice[digit - 1] == items_[digit - 1].ways) choice[--digit] = 0;
    if (digit == 0) return;
  }
}

void PersistenceChoices::draw_samples() {
  std::set<Choice> seen;
  const auto take = [&](const Choice& choice) {
    if (seen.size() < options_.sample && seen.insert(choice).second) add(choice);
  };
  const Choice none(items_.size(), 0);
  const Choice all = all_kept();
  take(none);
  take(all);
  // At most so many of each kind, spread over all items.
  const size_t singles = std::min<size_t>(items_.size(), options_.sample / 4 + 1);
  for (size_t n = 0; n < singles; ++n) {
    const size_t i = n * items_.size() / singles;
    Choice one_lost = all;
    one_lost[i] = 0;
    take(one_lost);
    Choice one_kept = none;
    one_kept[i] = all[i];
    take(one_kept);
    Choice prefix = none;
    std::copy_n(all.begin(), i + 1, prefix.begin());
    take(prefix);
  }
  SimulatedRandom random(options_.seed);
  for (uint64_t tries = 0; seen.size() < options_.sample && tries < options_.sample * 4; ++tries) {
    Choice choice(items_.size());
    // Also lopsided ones: nearly all lost, nearly all kept.
    const uint64_t bias = random.below(4);
    for (size_t i = 0; i < items_.size(); ++i) {
      const uint64_t way = random.below(items_[i].ways);
      const bool lopsided = (bias == 0 || bias == 1) && !random.one_in(8);
      choice[i] = lopsided ? (bias == 0 ? uint8_t{0} : all[i]) : static_cast<uint8_t>(way);
    }
    take(choice);
  }
}

bool PersistenceChoices::is_canonical(const uint8_t* choice) const {
  // A file that no change leaves a name, and a sector behind the size, cannot be seen.
  uint64_t size_end = UINT64_MAX;
  InodeNumber of = 0;
  for (size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (item.kind != Kind::kSector || choice[i] == 0) continue;
    if (item.inode != of) {
      of = item.inode;
      const Node& node = image_.node(of);
      size_end = node.durable_size_bytes;
      for (size_t j = 0; j < items_.size(); ++j) {
        if (items_[j].kind == Kind::kSize && items_[j].inode == of && choice[j] != 0) {
          size_end = node.sizes[choice[j] - 1];
        }
      }
      bool named = false;
      // Durable names stay unless a change takes them away; only new files can be nameless here.
      bool is_new = false;
      for (size_t j = 0; j < items_.size() && items_[j].kind == Kind::kChange; ++j) {
        const DirectoryChange& change = image_.changes_[items_[j].index];
        if (change.inode != of || change.to_directory == 0) continue;
        if (change.from_directory == 0) is_new = true;
        if (choice[j] != 0) named = true;
      }
      if (is_new && !named) size_end = 0;
    }
    if (item.index * kSectorBytes >= size_end) return false;
  }
  return true;
}

void PersistenceChoices::apply_to_file(Node& node, InodeNumber inode, const uint8_t* choice) const {
  uint64_t size_bytes = node.durable_size_bytes;
  Content content = node.durable;
  for (size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (item.inode != inode || choice[i] == 0) continue;
    if (item.kind == Kind::kSize) {
      size_bytes = node.sizes[choice[i] - 1];
      if (const uint64_t floor = node.floor(choice[i]); floor < node.durable_size_bytes) {
        content.zero_from(floor);
      }
    } else if (item.kind == Kind::kSector) {
      const auto page = std::ranges::lower_bound(node.pending, item.index / kSectorsInPage, {},
                                                 &PendingPage::index);
      const auto versions =
          versions_of(node, *page, static_cast<unsigned>(item.index % kSectorsInPage));
      content.write_sector(item.index, versions[choice[i] - 1]);
    }
  }
  // What stands in the last sector behind the end is never seen again.
  content.zero_from(size_bytes);
  node.cached = node.durable = std::move(content);
  node.size_bytes = node.durable_size_bytes = size_bytes;
  node.pending.clear();
  node.sizes.clear();
}

DiskImage PersistenceChoices::outcome(const uint8_t* choice) const {
  DiskImage after(image_);
  ++after.boot;
  for (size_t i = 0; i < items_.size() && items_[i].kind == Kind::kChange; ++i) {
    if (choice[i] != 0) after.apply_to_durable(image_.changes_[items_[i].index]);
  }
  const bool names_changed = !image_.changes_.empty();
  after.changes_.clear();
  after.used_bytes_ = 0;
  std::vector<uint64_t> links;
  if (names_changed) {
    links.resize(after.nodes_.size());
    links[kRootInode] = 1;
  }
  for (InodeNumber inode = kRootInode; inode < after.nodes_.size(); ++inode) {
    if (!after.has(inode)) continue;
    if (!image_.node(inode).clean()) apply_to_file(after.writable(inode), inode, choice);
    if (!names_changed || !after.node(inode).directory) continue;
    if (after.node(inode).entries != after.node(inode).durable_entries) {
      after.writable(inode).entries = after.node(inode).durable_entries;
    }
    for (const DirectoryEntry& entry : after.node(inode).entries) ++links[entry.inode];
  }
  for (InodeNumber inode = kRootInode; inode < after.nodes_.size(); ++inode) {
    if (!after.has(inode)) continue;
    if (names_changed && after.node(inode).links != links[inode]) {
      after.writable(inode).links = links[inode];
    }
    after.used_bytes_ += after.node(inode).size_bytes;
    if (after.node(inode).links == 0) after.forget(inode);
  }
  for (size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    MappedPage* const page = item.kind == Kind::kPage ? after.mapped(item.inode) : nullptr;
    if (page == nullptr) continue;
    if (choice[i] == kPageZero) {
      std::memset(page->bytes.get(), 0, page->size_bytes);
    } else if (choice[i] == kPageNoise) {
      SimulatedRandom random(options_.seed + 7);
      for (size_t at = 0; at < page->size_bytes; at += 8) {
        if (random.coin()) store_le(page->bytes.get() + at, random.next_u64());
      }
    } else if (choice[i] != item.now) {
      const ByteVector& earlier = *page->earlier[choice[i] - kPageEarlier];
      std::memcpy(page->bytes.get(), earlier.data(), earlier.size());
    }
  }
  for (auto& [inode, page] : after.mapped_) page->earlier.clear();
  return after;
}

DiskImage PersistenceChoices::apply(uint64_t k) const {
  SYNCLINE_ASSERT(k < count_);
  return outcome(choices_.data() + k * items_.size());
}

DiskImage with_nothing_kept(const DiskImage& image) {
  return PersistenceChoices(image, PersistenceChoices::NoItems{}).outcome(nullptr);
}

DiskImage with_everything_synced(const DiskImage& image) {
  DiskImage synced(image);
  synced.sync_all();
  return with_nothing_kept(synced);
}

DiskImage PersistenceChoices::everything_kept() const {
  return outcome(all_kept().data());
}

std::string PersistenceChoices::describe(uint64_t k) const {
  const uint8_t* const choice = choices_.data() + k * items_.size();
  const auto name_of = [&](InodeNumber inode) {
    for (InodeNumber in = kRootInode; in < image_.nodes_.size(); ++in) {
      if (!image_.has(in)) continue;
      for (const DirectoryEntry& entry : image_.node(in).entries) {
        if (entry.inode == inode) return entry.name;
      }
    }
    return fmt::format("inode {}", inode);
  };
  std::string text;
  for (size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (!text.empty()) text += ", ";
    const int way = choice[i];
    switch (item.kind) {
      case Kind::kChange: {
        const DirectoryChange& change = image_.changes_[item.index];
        text += fmt::format("{} '{}' -> '{}'", way == 0 ? "lost" : "kept", change.from_name,
                            change.to_name);
        break;
      }
      case Kind::kSize:
        text += fmt::format("{} size {}", name_of(item.inode),
                            way == 0 ? image_.node(item.inode).durable_size_bytes
                                     : image_.node(item.inode).sizes[static_cast<size_t>(way) - 1]);
        break;
      case Kind::kSector:
        text += fmt::format("{} sector {} {}", name_of(item.inode), item.index,
                            way == 0          ? "lost"
                            : way == item.now ? "kept"
                                              : "as first written");
        break;
      case Kind::kPage:
        text += fmt::format("page {}", way == kPageZero    ? "zero"
                                       : way == kPageNoise ? "noise"
                                       : way == item.now   ? "as it was"
                                                           : "as it was earlier");
        break;
    }
  }
  return text;
}

}  // namespace syncline::simulation
