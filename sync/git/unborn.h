// Decides whether a branch without a ref never had a commit, or has lost its ref.
//
// A ref that was lost (by a power cut, a damaged packed-refs, a slip of the hand) looks like a
// branch that is still unborn. A commit without a parent would then cut the user's history off the
// branch. So the branch counts as unborn only where every other witness agrees:
//
//   our own notes       nothing was published to it, and init committed nothing to it
//   its reflog          is missing, or ends with the deletion of the branch
//   HEAD's reflog       is missing, ends with the deletion of the branch, or with a commit that is
//                       the tip of another branch (`git switch --orphan`)
//
// A reflog that ends with the creation of the branch by one of our commits is no witness: it is
// written before the ref, so a process that died in between leaves it. Then only our notes count.
//
// Packed-refs has been asked for the ref itself, and a damaged one is refused.
#pragma once

#include <string>

#include "sync/git/git_paths.h"
#include "sync/git/object_reader.h"
#include "sync/git/ref_store.h"
#include "syncline/result.h"

namespace syncline {

struct BranchNotes {
  std::string store;      // the id in our trailers
  ObjectId published;     // what was last published to it; zero: nothing
  bool was_born = false;  // init committed to it
};

// The commit that the last whole line of a log names ("HEAD", "refs/heads/main"); zero where the
// ref was deleted, or there is no log.
Result<ObjectId> last_logged(Directory& directory, const std::string& log);

// Why the branch is not unborn, and how to put its ref back; empty where no witness knows a commit.
// `refs` belong to the common directory.
Result<std::string> unborn_doubt(const GitDirectories& git, RefStore& refs, ObjectStore& objects,
                                 const std::string& branch, const BranchNotes& notes);

}  // namespace syncline
