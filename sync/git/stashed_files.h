// The files that a person's stashes hold although git does not track them (`git stash -u`).
//
// Such a stash is a commit whose third parent's tree is those files. `git stash pop` writes them
// where nothing is, and ends with an error where something is, whatever its bytes: so a file of
// ours that is away with a stash is not written again before the stash is popped or dropped.
//
// A stash may be forgotten. One that is older than kStashWaitMs is not waited for any more.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "journal/base/clock.h"
#include "journal/os/file_system.h"
#include "sync/git/object_reader.h"
#include "sync/git/ref_store.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr std::string_view kStashRef = "refs/stash";
inline constexpr int64_t kStashWaitMs = 30 * 60'000;

class StashedFiles {
 public:
  // Of the stashes that count by now. One whose commit cannot be read holds nothing: it cannot be
  // popped either. `objects` outlives it.
  static Result<StashedFiles> read(Directory& common_dir, ObjectStore& objects, Clock& clock);

  Result<bool> hold(std::string_view path) const;
  Status for_each(const std::function<Status(std::string_view path)>& visit) const;

 private:
  explicit StashedFiles(ObjectStore& objects) : objects_(&objects) {}
  Status add(const ObjectId& stash, int64_t now_ms);

  ObjectStore* objects_;
  std::vector<ObjectId> trees_;
};

}  // namespace syncline
