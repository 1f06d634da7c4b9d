#include "journal/base/group_commit.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "journal/base/assert.h"

namespace syncline {

struct GroupItem::Group {
  // Of the word on which the members sleep: one bit tells that the group is done, the others count
  // the calls to lead, so that none of them is slept through.
  static constexpr uint32_t kDone = 1;
  static constexpr uint32_t kCall = 2;

  bool done() const { return (word.load() & kDone) != 0; }

  GroupCommit::Items items;
  uint64_t bytes = 0;
  uint32_t sleepers = 0;  // guarded by the mutex, as all but the word
  Deadline latest{0};     // that anybody waits
  WaitWord word;
};

GroupCommit::GroupCommit(Clock& clock, const GroupLimits& limits, Lead lead)
    : clock_(clock), limits_(limits), lead_(std::move(lead)) {}

GroupCommit::~GroupCommit() {
  MutexLock lock(mutex_);
  SYNCLINE_ASSERT(groups_.empty() && !leading_);
}

bool GroupCommit::is_full() const {
  return items_ >= limits_.queue_items_max || bytes_ >= limits_.queue_bytes_max;
}

// Where memory runs out nothing has been queued.
void GroupCommit::put(const std::shared_ptr<GroupItem>& item, uint64_t bytes) {
  const bool begins = groups_.size() == (first_is_closed_ ? 1 : 0) ||
                      groups_.back()->bytes >= limits_.group_bytes_max ||
                      groups_.back()->items.size() >= limits_.group_items_max;
  std::shared_ptr<Group> group = begins ? std::make_shared<Group>() : groups_.back();
  group->items.push_back(item);
  if (begins) groups_.push_back(group);
  group->bytes += bytes;
  group->latest = later(group->latest, item->finish_by);
  items_ += 1;
  bytes_ += bytes;
  item->bytes_ = bytes;
  item->group_ = std::move(group);
}

bool GroupCommit::submit(const std::shared_ptr<GroupItem>& item, uint64_t bytes,
                         Deadline deadline) {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!is_full()) {
        put(item, bytes);
        if (idle_) work_.notify_one();
        return true;
      }
    }
    if (try_lead(deadline)) continue;
    if (clock_.passed(deadline)) return false;
    MutexLock lock(mutex_);
    ++kept_out_;
    while (is_full() && leading_) {
      if (!room_.wait_until(mutex_, deadline)) break;
    }
    --kept_out_;
  }
}

bool GroupCommit::wait(const GroupItem& item, Deadline deadline) {
  Group& group = *item.group_;
  while (!group.done()) {
    if (try_lead(deadline)) {
      if (!group.done() && clock_.passed(deadline)) return false;
      continue;
    }
    uint32_t seen = 0;
    {
      MutexLock lock(mutex_);
      seen = group.word.load();
      if (!leading_ || group.done()) continue;
      ++group.sleepers;
      group.latest = later(group.latest, deadline);
    }
    group.word.wait(seen, deadline);
    if (group.done()) break;
    std::shared_ptr<Group> called;
    {
      MutexLock lock(mutex_);
      --group.sleepers;
      if (group.done() || !clock_.passed(deadline)) continue;
      // It may be this thread that was called to lead.
      if (!leading_) called = call_next_leader();
    }
    if (called != nullptr) called->word.wake_one();
    return false;
  }
  return true;
}

bool GroupCommit::withdraw(GroupItem& item) {
  MutexLock lock(mutex_);
  const auto group = std::ranges::find(groups_, item.group_);
  const bool closed = group == groups_.begin() && first_is_closed_;
  if (group == groups_.end() || closed) return false;
  Items& items = (*group)->items;
  const auto place = std::ranges::find(items, &item, &std::shared_ptr<GroupItem>::get);
  SYNCLINE_ASSERT(place != items.end());
  (*group)->bytes -= item.bytes_;
  bytes_ -= item.bytes_;
  items_ -= 1;
  items.erase(place);
  if (items.empty()) groups_.erase(group);
  item.group_.reset();
  if (kept_out_ > 0) room_.notify_all();
  return true;
}

// Where members block, the next group is the larger the longer its leader waits: they have just
// been woken. It waits until as many of them are back as there were last time, and not for long.
void GroupCommit::gather(uint32_t waiters) {
  const int64_t until = clock_.monotonic_ns() + limits_.gather_ns_max;
  while (clock_.monotonic_ns() < until) {
    std::this_thread::yield();
    MutexLock lock(mutex_);
    if (groups_.empty() || groups_.front()->sleepers + 1 >= waiters) return;
  }
}

std::shared_ptr<GroupItem::Group> GroupCommit::call_next_leader() {
  for (const std::shared_ptr<Group>& group : groups_) {
    if (group->sleepers == 0) continue;
    group->word.store(group->word.load() + Group::kCall);
    return group;
  }
  if (idle_ && (stopping_ || !groups_.empty())) work_.notify_one();
  return nullptr;
}

bool GroupCommit::try_lead(Deadline begin_by) {
  uint32_t waiters = 0;
  {
    MutexLock lock(mutex_);
    if (leading_ || groups_.empty()) return false;
    leading_ = true;
    waiters = last_waiters_;
  }
  if (waiters > 1) gather(waiters);
  std::shared_ptr<Group> group;
  Deadline finish_by;
  {
    MutexLock lock(mutex_);
    if (groups_.empty()) {  // what was in it has been taken back
      leading_ = false;
      return true;
    }
    group = groups_.front();
    first_is_closed_ = true;
    finish_by = later(begin_by, group->latest);
    items_ -= group->items.size();
    bytes_ -= group->bytes;
    if (kept_out_ > 0) room_.notify_all();
  }
  const bool led = lead_(group->items, begin_by, finish_by);
  std::shared_ptr<Group> called;
  bool wake = false;
  {
    MutexLock lock(mutex_);
    leading_ = false;
    first_is_closed_ = false;
    if (led) {
      groups_.pop_front();
      last_waiters_ = group->sleepers + 1;
      wake = group->sleepers > 0;
      group->word.store(group->word.load() | Group::kDone);
    } else {
      items_ += group->items.size();
      bytes_ += group->bytes;
    }
    called = call_next_leader();
    if (kept_out_ > 0) room_.notify_all();
  }
  if (called != nullptr) called->word.wake_one();
  if (wake) group->word.wake_all();
  if (led) group->items.clear();  // each of them holds the group
  return true;
}

void GroupCommit::run() {
  while (true) {
    if (try_lead(kForever)) continue;
    MutexLock lock(mutex_);
    if (groups_.empty() && stopping_) return;
    idle_ = true;
    work_.wait(mutex_);
    idle_ = false;
  }
}

void GroupCommit::stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
}

}  // namespace syncline
