// The paths that were left out of the branch because the repository ignores them: the file
// `ignored` of the store's directory.
//
// `published` moves past their records, and trees alone do not tell what was left out from what a
// person has removed since. So a path is in the list, durably, before the publish that leaves it
// out is journalled; and it stays there until the branch has it, or until no rule ignores it any
// more and it is published. One that a crash leaves in it too long goes with the next publish.
//
// One whose records were retracted stays while it is ignored: the own ref's history holds its text.
//
// The holder of sync.lock writes the file; anybody may read it. A damaged one is kCorrupt: without
// it nobody knows what is to be published once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

struct HeldPath {
  // What the records up to this one have made was on the branch, and a person has removed it: it
  // is not held, and is not published again. 0: the branch never had the path.
  uint64_t removed_up_to = 0;
  bool is_retracted = false;  // nothing of it is left in the own ref's tree
  bool operator==(const HeldPath&) const = default;
};
using HeldPaths = std::map<std::string, HeldPath, std::less<>>;

// Empty where nothing was ever held.
Result<HeldPaths> load_held_paths(Directory& store_directory, const StoreId& store);
Status save_held_paths(Directory& store_directory, const StoreId& store, const HeldPaths& held);

// Is what this record has made left out of the branch?
bool is_held(const HeldPaths& held, uint64_t seq, std::string_view path);
// Those that the own ref's tree has.
uint64_t count_held(const HeldPaths& held);

}  // namespace syncline
