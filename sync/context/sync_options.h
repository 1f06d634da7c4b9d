// How a store's commits are made, published and pushed: what syncline.toml says of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncline {

struct SyncOptions {
  std::string author_name = "Syncline";
  std::string author_email = "syncline@localhost";
  std::string branch;  // full name, "refs/heads/main": the one checked out at init
  // Not named by the configuration: where a person renames it, it is followed.
  bool follows_renames = false;
  // Init has put a commit on it: where its ref is missing, that was lost.
  bool branch_was_born = false;
  uint64_t batch_records_max = 1000;
  uint64_t batch_bytes_max = 16u << 20;  // of journal payload
  uint64_t batch_age_ms_max = 1000;      // a background syncer folds what has waited this long
  uint64_t publish_interval_ms = 2000;
  uint32_t consolidate_packs = 20;  // own packs that make a consolidation due
  std::string remote = "origin";
  bool publish_ignored = false;        // what the repository ignores too, as `git add -f` does
  std::vector<std::string> own_paths;  // git's patterns for where records and settings are
  std::vector<std::string> excluded;   // git's patterns for what is ours and never committed
};

}  // namespace syncline
