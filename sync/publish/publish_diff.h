// Finds what a publish has to look at: walks the own ref's tree together with three others, and
// skips every directory in which nothing can be missing.
//
//   own          the own ref's tip: everything that should be on the branch
//   own_before   the own ref when it was last published: differences are new
//   left         the branch as our last publish left it
//   tip          the branch now: where it differs from `left`, a user changed it
//
// Trees are compared, not messages, so that an amend, reset, squash, rebase or force-push is seen
// by its effect. Where `left` is not known (nothing was published yet, or a gc took it) the whole
// own tree is compared with the tip; directories that are equal cost one comparison.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sync/git/tree.h"
#include "syncline/result.h"

namespace syncline {

struct PublishTrees {
  ObjectId own;  // zero: empty, as all of them may be
  ObjectId own_before;
  std::optional<ObjectId> left;
  ObjectId tip;
  // The tip descends from what we left: all that differs was decided by a person since.
  bool goes_on = false;
};

struct PublishCandidate {
  std::string path;
  FoundEntry own;
  std::optional<FoundEntry> own_before;
  std::optional<FoundEntry> left;
  std::optional<FoundEntry> tip;
  bool blocked =
      false;  // the tip has something else than a directory in the place of one of its directories
};

// Visits every file of `own` that the tip does not have as it is, and that is new or was changed on
// the branch since `left`; in the order of their paths.
Status find_publish_candidates(ObjectStore& objects, const PublishTrees& trees,
                               const std::function<Status(PublishCandidate)>& visit);

}  // namespace syncline
