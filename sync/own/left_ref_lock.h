// Whose a ref's lock is that lies there: somebody's at work, or left behind by a process of ours.
//
// A ref's lock holds the value the ref is about to get and nothing else, so it cannot name its
// owner as our other locks do (sync/git/owned_lock.h). And it may come back: a file system whose
// log is replayed by names (btrfs) can show a lock again after a power cut that had become the ref
// long before. So it is judged by what it holds and where it lies. With the store's sync.lock held:
//
//   lock of the own ref                                                       judged
//     holds a commit with our trailers: nobody else moves that ref            left behind
//     anything else (git's pack-refs and gc take it empty)                    held
//   lock of the branch
//     is the ref's own file under a second name                               left behind
//     holds a commit of ours that the branch is at or past, that was last
//     published, or that builds on the branch's tip: what a publish writes; and
//       was made before the ref last moved, and who moved it had the lock     left behind
//       is some seconds old, and no git program works here                    left behind
//     anything else: empty, or a person's commit                              held
//
// A person's `git reset` to a commit of ours writes the same bytes; hence the last two conditions.
// A lock that is held is never touched: what needs it waits, and says which lock it waits for.
//
// Looking writes nothing and needs no lock; what is judged left behind may be a publish at work,
// unless the caller holds sync.lock.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "journal/base/clock.h"
#include "sync/git/git_platform.h"
#include "sync/git/object_reader.h"
#include "sync/git/ref_store.h"
#include "syncline/result.h"

namespace syncline {

// Longer than any git program holds a ref's lock, but for one that waits for a hook: which is seen
// running.
inline constexpr int64_t kLiveRefLockMs = 3000;

class RefLockJudge {
 public:
  // All of it outlives the judge. `store`: the id in our trailers.
  RefLockJudge(RefStore& refs, ObjectStore& objects, std::string store)
      : refs_(refs), objects_(objects), store_(std::move(store)) {}

  struct Verdict {
    std::optional<RefStore::SeenLock> seen;  // nothing: no lock
    bool left = false;                       // behind
    bool held() const { return seen && !left; }
  };
  Result<Verdict> own_ref(std::string_view ref);
  // `published`: the commit of the last publish, zero where there was none.
  Result<Verdict> branch(std::string_view ref, const ObjectId& published, GitPlatform& platform,
                         std::string_view work_tree, Clock& clock);

 private:
  Result<bool> is_ours(const ObjectId& commit);
  Result<bool> could_be_published(std::string_view ref, const ObjectId& commit,
                                  const ObjectId& published);

  RefStore& refs_;
  ObjectStore& objects_;
  std::string store_;
};

}  // namespace syncline
