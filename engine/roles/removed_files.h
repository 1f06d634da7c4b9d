// Which of the published files a person has removed from the branch or, with `git rm` or `git mv`,
// from the index, and which of the others have gone away with a stash: for whoever writes files of
// applied records again, because the database or the page cache was lost.
//
// Where git cannot tell, nothing counts as removed: git never keeps a record from being applied.
//
// The caller holds apply.lock. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/roles/role_context.h"
#include "sync/syncer.h"

namespace syncline {

class RemovedFiles {
 public:
  explicit RemovedFiles(RoleContext& context) : context_(context) {}

  bool has(uint64_t seq, const std::string& path);
  // The branch may have moved.
  void look_again() { looked_ = false; }

 private:
  Status look();

  RoleContext& context_;
  bool looked_ = false;
  std::unique_ptr<Syncer> syncer_;  // null: nothing counts as removed
  std::optional<StashedFiles> stashed_;
  StagedPaths staged_;
  HeldPaths held_;  // left out of the branch: nobody has removed them
  ObjectId tree_;   // of the branch's tip
  bool goes_on_ = false;
};

}  // namespace syncline
