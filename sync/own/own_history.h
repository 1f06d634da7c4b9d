// The own ref's commits after a watermark, for the publish that carries them over.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "journal/log/format.h"
#include "sync/git/commit_message.h"
#include "sync/git/object_reader.h"
#include "syncline/result.h"

namespace syncline {

// How far back a commit is looked for where it need not be there.
inline constexpr uint64_t kCommitsLookedAtMax = 10'000;

struct OwnHistory {
  ObjectId tree;         // of the last commit taken; zero when nothing was folded yet
  ObjectId tree_before;  // when `after_seq` was the last record; zero when not known or the first
  bool before_known = false;
  uint64_t last_seq = 0;              // of the last commit taken; `after_seq` where there is none
  std::vector<ObjectId> trees;        // of the commits since, newest first
  uint64_t records = 0;               // in the commits since, without those set aside
  std::vector<std::string> subjects;  // of the first of them, oldest first
  KindCounts kinds;                   // of them all; empty where no commit tells its kinds
};

// Walks from `tip` back to the commit that ends with record `after_seq`, and takes the oldest of
// the commits in between: as many as hold `records_max` records, and at least one.
Result<OwnHistory> read_own_history(ObjectStore& objects, const StoreId& store, const ObjectId& tip,
                                    uint64_t after_seq, uint64_t records_max);

// A commit of `store`, found by its trailers.
struct FoundRange {
  ObjectId commit;
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
};
// Every commit reachable from `tip` that carries the trailers of `store` (hex), newest first by
// commit time. Looks at no more than `commits_max` commits, and stops after `found_max`.
Result<std::vector<FoundRange>> find_trailers(ObjectStore& objects, const ObjectId& tip,
                                              std::string_view store, uint64_t commits_max,
                                              uint64_t found_max);
// Every store (hex) that a commit reachable from `tip` names: one without records yet has init's.
Result<std::set<std::string>> stores_named(ObjectStore& objects, const ObjectId& tip);
// Is `wanted` among the first `commits_max` commits reachable from `tip`?
Result<bool> reaches(ObjectStore& objects, const ObjectId& tip, const ObjectId& wanted,
                     uint64_t commits_max);

}  // namespace syncline
