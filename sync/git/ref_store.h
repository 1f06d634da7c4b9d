// References of a repository, read and moved as git's files backend does it
// (gitrepository-layout(5), "refs" and "packed-refs").
//
// A ref moves by compare-and-swap: `<ref>.lock` appears whole and synced, holding the new value,
// only where there was none → the ref is read again under the lock → rename → directory synced.
// The two-phase form stops before the rename, so that a publish can put the index first.
//
// Somebody else's lock is never removed: kBusy. A lock that a process of ours left when it died
// holds the very move that process had announced (a BatchFrame, a note): remove_stale_lock() takes
// exactly that away, on the caller's word that no live process of the store can hold it. What else
// may be known of a lock that lies there is in sync/own/left_ref_lock.h.
//
// Not thread-safe. All I/O goes through the Directory: the git common directory, or the git
// directory of a linked work tree for its HEAD.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "journal/os/file_system.h"
#include "journal/record/intent.h"
#include "journal/record/object_id.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr size_t kIdHexBytes = 40;  // of an object name, as refs and reflogs have it
inline constexpr std::string_view kBranchPrefix = "refs/heads/";
// "main" of "refs/heads/main"; any other ref as it is.
std::string_view short_branch_name(std::string_view ref);

// Who moved a ref and why, for the reflog. Names and message are reduced to one clean line.
struct ReflogEntry {
  std::string name;
  std::string email;
  int64_t time_ms = 0;
  std::string message;
};

class RefStore;

// A ref's lock, held, its new value in the lock file. Removed by the destructor unless committed.
class RefLock {
 public:
  RefLock(RefLock&& other) noexcept;
  RefLock& operator=(RefLock&&) = delete;
  ~RefLock();

  const std::string& ref() const { return ref_; }
  // The value found under the lock; zero when the ref is not there.
  const ObjectId& old_id() const { return old_id_; }
  const ObjectId& new_id() const { return new_id_; }

  // Renames the lock into place: the ref has moved, and survives a power cut after
  // RefStore::make_durable().
  Status move();
  // Both. On an error after the rename the ref has moved: read it again.
  Status commit();
  // Gives up; the ref stays as it was.
  Status abort();

 private:
  friend class PreparedRefLock;
  friend class RefStore;
  RefLock(Directory& directory, std::string ref, const ObjectId& old_id, const ObjectId& new_id)
      : directory_(&directory), ref_(std::move(ref)), old_id_(old_id), new_id_(new_id) {}
  Directory* directory_;  // null once committed, aborted or moved from
  std::string ref_;
  ObjectId old_id_;
  ObjectId new_id_;
};

// A ref's lock that nobody has met yet: its value is durable, so that taking it syncs nothing.
class PreparedRefLock {
 public:
  // `expected`, and what is answered: as RefStore::lock().
  Result<RefLock> take(const ObjectId& expected);

 private:
  friend class RefStore;
  PreparedRefLock(RefStore& refs, std::string ref, const ObjectId& new_id,
                  std::unique_ptr<PreparedFile> file)
      : refs_(&refs), ref_(std::move(ref)), new_id_(new_id), file_(std::move(file)) {}
  RefStore* refs_;
  std::string ref_;
  ObjectId new_id_;
  std::unique_ptr<PreparedFile> file_;
};

class RefStore {
 public:
  // `directory` must outlive it.
  explicit RefStore(Directory& directory) : directory_(directory) {}

  // What the ref itself holds: an id, or the ref it points to. Neither when it is not there.
  // kCorrupt when the file is damaged (an empty one is what a power cut leaves of git's own
  // writes), and where the ref has no file of its own and packed-refs is: a ref that was in the
  // part that is gone must not be taken for one that never was.
  struct Value {
    ObjectId id;
    std::string target;
    bool missing() const { return id.is_zero() && target.empty(); }
  };
  Result<Value> read_raw(std::string_view ref);
  // Follows symbolic refs within this directory. Zero when it is not there, or points to nothing.
  Result<ObjectId> read(std::string_view ref);

  // Takes the lock for moving `ref` from `expected` (zero: must not be there) to `new_id`. kBusy:
  // another holds it. kDisagree: it is not at `expected`; the lock is let go.
  Result<RefLock> lock(std::string_view ref, const ObjectId& expected, const ObjectId& new_id);
  // The first half of it, to be done before other locks are taken.
  Result<PreparedRefLock> prepare_lock(std::string_view ref, const ObjectId& new_id);
  // After RefLock::move().
  Status make_durable(std::string_view ref);
  // lock() and commit().
  Status compare_and_swap(std::string_view ref, const ObjectId& expected, const ObjectId& new_id);

  // Takes away the ref's own file where that holds no object name, under the ref's lock: what
  // packed-refs has of the ref shows then, or it is missing. False where the file is sound or not
  // there. kBusy: another holds the lock.
  Result<bool> remove_damaged(std::string_view ref);

  // Appends git's line to `logs/<log>` ("HEAD" or a ref), creating it. Under the lock of that ref.
  Status append_reflog(std::string_view log, const ObjectId& old_id, const ObjectId& new_id,
                       const ReflogEntry& entry);

  // Removes `<ref>.lock` if it holds exactly the move announced by the caller: `new_id` inside, and
  // the ref still at `expected`. Then finishing that move is what the caller is about to do anyway,
  // so even a lock that was not ours is no loss. True when one was removed. The caller holds
  // sync.lock, so no live process of the store is between lock and rename.
  Result<bool> remove_stale_lock(std::string_view ref, const ObjectId& expected,
                                 const ObjectId& new_id);

  // A lock file as it lies there. `holds` is zero where that is no object name alone: git's own is
  // empty for most of its life.
  struct SeenLock {
    ObjectId holds;
    FileInfo info;
  };
  Result<std::optional<SeenLock>> look_at_lock(std::string_view ref);
  // Removes the lock that was seen; false when it is gone, or another by now.
  Result<bool> remove_seen_lock(std::string_view ref, const SeenLock& seen);
  // Of the ref's own file; nothing where it is packed or not there.
  Result<std::optional<FileInfo>> loose_info(std::string_view ref);
  // Every ref below `prefix` ("refs/heads/"), loose or packed, without the prefix.
  Result<std::set<std::string>> names_below(std::string_view prefix);

 private:
  friend class PreparedRefLock;
  Result<std::unique_ptr<PreparedFile>> prepare(std::string_view ref, std::string_view content);
  Status create_lock(std::string_view ref, std::string_view content, PreparedFile& prepared);
  Result<std::string> packed_refs();
  Result<ObjectId> read_packed(std::string_view ref);
  Status add_loose_below(const std::string& directory, size_t prefix_size,
                         std::set<std::string>& names);
  Directory& directory_;
};

}  // namespace syncline
