// May a branch that has no ref be taken for one that never had a commit?
//
// A ref that was lost (a power cut, a damaged packed-refs, a slip of the hand) looks like a branch
// that is yet to be born, and a commit without a parent would then throw the person's history off
// it. So it is unborn only where all agree that remember more than the ref:
//
//   our own notes       nothing was published to it, and init committed nothing to it
//   its reflog          is not there, or ends with the branch being deleted
//   HEAD's reflog       is not there, ends with the branch being deleted, or with a commit that is
//                       the tip of another branch (`git switch --orphan`)
//
// A reflog that ends with the branch being made by a commit of ours remembers nothing of a person:
// it is written before the ref, and who died between left that. Only our own notes count then.
//
// Packed-refs was asked for the ref itself, and is refused where it is damaged.
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

// Why not, and how the ref is put back; empty where nothing remembers a commit. `refs`: of the
// common directory.
Result<std::string> unborn_doubt(const GitDirectories& git, RefStore& refs, ObjectStore& objects,
                                 const std::string& branch, const BranchNotes& notes);

}  // namespace syncline
