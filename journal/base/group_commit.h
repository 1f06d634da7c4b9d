// Threads that want the same slow thing done, one write and one flush, have it done together.
//
//   submit(): item ──► the open group, the last of the queue
//   wait():   nobody leads ──► this thread does: takes the first group, does it, wakes its members
//             somebody does ─► sleeps on the word of its own group
//
//   closed (being done) │ first │ … │ open        a group that is full is followed by another
//
// The first who waits leads, so that one producer alone never switches threads. The members of a
// group sleep on one word and are woken by one call; of those who wait for later groups one is
// woken, to lead. Before it closes a group, a leader yields for a moment to the members of the last
// one, who may be about to come back.
//
// Invariants: groups are done in order, each once, by one thread at a time. While anybody sleeps
// there is a leader, or somebody who has been woken to become it.
//
// Threading: any thread. The callback runs without the mutex. An item's fields belong to the
// submitter until submit(), to the leader until the item is done, and to the submitter again
// afterwards. Failure: what the callback could not do it says in the items; it does not throw.
//
// Cited: Helland et al., "Group Commit Timers and High Volume Transaction Systems", 1988; the
// write queue of LevelDB (db/db_impl.cc) for the first who leads.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "journal/base/clock.h"
#include "journal/base/mutex.h"
#include "journal/base/wait_word.h"
#include "syncline/result.h"

namespace syncline {

struct GroupLimits {
  uint64_t group_items_max = 4096;
  uint64_t group_bytes_max = 4u << 20;  // a group that has reached it takes no more
  uint64_t queue_items_max = 16'384;
  uint64_t queue_bytes_max = 64u << 20;
  int64_t gather_ns_max = 60'000;
};

class GroupItem {
 public:
  virtual ~GroupItem() = default;

  // Until when the submitter will wait for it, where that is known when it is submitted. A wait()
  // tells it as well.
  Deadline finish_by{0};

 private:
  friend class GroupCommit;
  struct Group;
  std::shared_ptr<Group> group_;
  uint64_t bytes_ = 0;
};

class GroupCommit {
 public:
  using Items = std::vector<std::shared_ptr<GroupItem>>;
  // Does all that the items ask for. It may take until `begin_by`, the leader's own deadline, to
  // begin, and until `finish_by`, the latest that anybody waits, for the rest. False: it could not
  // begin in time, and did nothing.
  using Lead = std::function<bool(const Items& items, Deadline begin_by, Deadline finish_by)>;

  // `clock` outlives this.
  GroupCommit(Clock& clock, const GroupLimits& limits, Lead lead);
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // While too much is queued it blocks, and leads where nobody does. False: `deadline` passed, and
  // the item was not queued.
  bool submit(const std::shared_ptr<GroupItem>& item, uint64_t bytes, Deadline deadline)
      EXCLUDES(mutex_);
  // Returns once the item is done; false once `deadline` has passed.
  bool wait(const GroupItem& item, Deadline deadline) EXCLUDES(mutex_);
  // Takes the item back. False where it is being done already, or is done.
  bool withdraw(GroupItem& item) EXCLUDES(mutex_);

  // A background thread's loop: leads what nobody waits for until stop(), and then what is left.
  void run() EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

 private:
  using Group = GroupItem::Group;
  bool is_full() const REQUIRES(mutex_);
  void put(const std::shared_ptr<GroupItem>& item, uint64_t bytes) REQUIRES(mutex_);
  // Where nobody leads and something is queued: leads one group. False: it is not for this thread.
  bool try_lead(Deadline begin_by) EXCLUDES(mutex_);
  void gather(uint32_t waiters) EXCLUDES(mutex_);
  // Returns the group of which a sleeper is to be woken, to lead.
  std::shared_ptr<Group> call_next_leader() REQUIRES(mutex_);

  Clock& clock_;
  const GroupLimits limits_;
  const Lead lead_;

  Mutex mutex_;
  CondVar room_;  // for those whom a full queue keeps out
  CondVar work_;  // for run()
  std::deque<std::shared_ptr<Group>> groups_ GUARDED_BY(mutex_);
  bool leading_ GUARDED_BY(mutex_) = false;
  bool first_is_closed_ GUARDED_BY(mutex_) = false;  // it is being done
  // Of the groups that are not closed.
  uint64_t items_ GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;
  uint32_t kept_out_ GUARDED_BY(mutex_) = 0;
  uint32_t last_waiters_ GUARDED_BY(mutex_) = 0;  // of the group that was led last
  bool idle_ GUARDED_BY(mutex_) = false;          // run() sleeps until it is told of work
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace syncline
