// What a power cut may leave of a disk: every legal outcome of what was pending, one by one.
//
// Legal, and so to be survived without a word but the one about a torn tail:
//   - a sector (512 bytes) is old or new as a whole, never in between: disks promise that much, and
//     all journals rely on it;
//   - every unsynced sector is kept or lost by itself, whatever the order of the writes: caches of
//     kernel and drive reorder freely between two flushes. One written twice may be as first
//     written;
//   - a file's size and its bytes are separate: a grown file may have its new size and zeros in it,
//     or its bytes and (being beyond its old size, unseen) no new size. Sizes come in order;
//   - a changed name is pending until fsync of its directory: fdatasync of the file makes its bytes
//     and the size needed to read them durable, not its name. Any subset of the changes of names
//     may have happened; a rename is one change (POSIX, and every journalled file system);
//   - after a failed sync what was unsynced may have been written or not, each sector by itself,
//   and
//     no later sync makes it so: the kernel has marked it clean (Rebello et al., ATC 2020);
//   - a mapped page comes back as it is, as it was at any earlier moment, zero (its file is new),
//   or
//     as noise (it is a cache: nothing may be believed of it that was not checked).
// Names of locks' files and of mapped pages are not lost by themselves: an empty lock's file is
// made anew, and a lost page is a zero one.
//
// Not legal, to be detected and never survived in silence: bit rot, a sector written in the wrong
// place, a write lost although a sync had succeeded, a file or segment gone. Tests that ask for
// detection make these themselves, by DiskImage's last section.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/disk_image.h"

namespace syncline::simulation {

struct PersistenceOptions {
  uint64_t enumerate_max = 1u << 12;  // beyond, sampled
  uint64_t sample = 1u << 10;         // so many, always with the ones named below
  uint64_t seed = 1;
  bool pages = true;  // false: mapped pages come back as they are
};

// The image must outlive it, unchanged.
class PersistenceChoices {
 public:
  explicit PersistenceChoices(const DiskImage& image, const PersistenceOptions& options = {});

  // How many outcomes there are to try: all, where possible() is at most enumerate_max. Else first
  // nothing kept, everything, each alone lost, each alone kept, and those in the order of writing
  // up to each; the rest at random.
  uint64_t count() const { return count_; }
  // Of all combinations, before equal ones are counted once; UINT64_MAX when there are more.
  uint64_t possible() const { return possible_; }
  bool exhaustive() const { return possible_ <= options_.enumerate_max; }
  size_t items() const { return items_.size(); }

  // The disk after the power cut, booted: cached is durable, the boot is another.
  DiskImage apply(uint64_t k) const;
  DiskImage everything_kept() const;
  // In words, for a failure: "1.seg sector 9 lost, …".
  std::string describe(uint64_t k) const;

 private:
  enum class Kind : uint8_t { kChange, kSize, kSector, kPage };
  // One thing that comes out one of `ways` ways; way 0 is "not at all", `now` as the cache has it.
  struct Item {
    Kind kind = Kind::kChange;
    InodeNumber inode = 0;
    uint64_t index = 0;  // of the change, or the sector
    uint8_t ways = 2;
    uint8_t now = 1;
  };
  using Choice = std::vector<uint8_t>;

  friend DiskImage with_nothing_kept(const DiskImage& image);
  struct NoItems {};
  PersistenceChoices(const DiskImage& image, NoItems) : image_(image) {}

  void list_items();
  void enumerate();
  void draw_samples();
  void add(const Choice& choice);
  Choice all_kept() const;
  // Makes equal outcomes equal: what cannot be seen is lost. True when nothing had to be changed.
  bool is_canonical(const uint8_t* choice) const;
  DiskImage outcome(const uint8_t* choice) const;
  void apply_to_file(Node& node, InodeNumber inode, const uint8_t* choice) const;

  const DiskImage& image_;
  PersistenceOptions options_;
  std::vector<Item> items_;  // changes, then sizes, sectors, pages
  uint64_t possible_ = 1;
  uint64_t count_ = 0;
  std::vector<uint8_t> choices_;  // count() times items()
};

// Way 0 of everything, without looking what else there would be: all that was pending is lost.
DiskImage with_nothing_kept(const DiskImage& image);
// As after a clean shutdown, and a reboot.
DiskImage with_everything_synced(const DiskImage& image);

}  // namespace syncline::simulation
