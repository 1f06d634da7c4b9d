// Decides whether a ref's lock belongs to somebody at work, or was left behind by one of our
// processes.
//
// A ref's lock contains nothing but the value that the ref is about to get, so it cannot name its
// owner as our other locks do (sync/git/owned_lock.h). A lock can also come back: after a power
// cut, a file system that replays its log by names (btrfs) can show a lock again that had become
// the ref long before. So the lock is judged by its content and its place. With the store's
// sync.lock held:
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
// A user's `git reset` to one of our commits writes the same bytes; hence the last two conditions.
// A lock that is held is never touched: whoever needs it waits, and says which lock it waits for.
//
// Looking writes nothing and needs no lock. Without sync.lock, a lock judged to be left behind may
// belong to a publish at work.
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

// Longer than any git program holds a ref's lock, except one that waits for a hook, and that one is
// seen running.
inline constexpr int64_t kLiveRefLockMs = 3000;

class RefLockJudge {
 public:
  // All of it outlives the judge. `store`: the id in our trailers.
  RefLockJudge(RefStore& refs, ObjectStore& objects, std::string store)
      : refs_(refs), objects_(objects), store_(std::move(store)) {}

  struct Verdict {
    std::optional<RefStore::SeenLock> seen;  // empty: no lock
    bool left = false;                       // it was left behind
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
