// The names of the objects in one pack, read from its index piece by piece: an index of a large
// pack is never held whole.
//
// Format: gitformat-pack(5), version 2 of the index.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "journal/os/file_system.h"
#include "journal/record/object_id.h"
#include "syncline/result.h"

namespace syncline {

class PackIndex {
 public:
  // `base`: the path below `common_dir`, without ".pack" or ".idx". kUnsupported where the two are
  // not a whole pack and its index: of another version, cut short, or not of one another.
  static Result<PackIndex> open(Directory& common_dir, std::string base);

  const std::string& base() const { return base_; }
  uint32_t count() const { return upto_[255]; }
  // Sorted, from the one at `first` on; at most `count_max` of them.
  Result<std::vector<ObjectId>> names(uint32_t first, uint32_t count_max) const;
  // Takes those that are in this pack out of `sorted`; answers whether there were any.
  Result<bool> strike_out(std::vector<ObjectId>& sorted) const;
  // What a person's git wrote may not have been synced.
  Status make_durable() const;

 private:
  PackIndex(Directory& common_dir, std::string base)
      : common_dir_(&common_dir), base_(std::move(base)) {}

  Directory* common_dir_;
  std::string base_;
  std::array<uint32_t, 256> upto_{};  // how many names begin with this byte or a lower one
};

}  // namespace syncline
