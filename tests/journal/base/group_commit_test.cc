// Items of many threads are done in groups: in order, each once, by one thread at a time, and
// nobody sleeps where nobody leads.
#include "journal/base/group_commit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace syncline {
namespace {

struct Item : GroupItem {
  explicit Item(int which = 0) : number(which) {}
  int number;
  std::atomic<int> times_done = 0;
  std::thread::id leader;
  size_t group_items = 0;
};
using ItemPtr = std::shared_ptr<Item>;

class GroupCommitTest : public testing::Test {
 protected:
  // Does a group; stands at the latches first, where there are any.
  bool lead(const GroupCommit::Items& items, Deadline begin_by, Deadline finish_by) {
    last_finish_by = finish_by;
    EXPECT_EQ(leaders++, 0) << "two threads lead at once";
    if (begun != nullptr) begun->count_down();
    if (go_on != nullptr) go_on->wait();
    const bool in_time = !journal_is_taken || begin_by.forever();
    for (const auto& item : items) {
      if (in_time) do_item(static_cast<Item&>(*item), items.size());
    }
    EXPECT_EQ(--leaders, 0);
    return in_time;
  }
  void do_item(Item& item, size_t group_items) {
    item.leader = std::this_thread::get_id();
    item.group_items = group_items;
    ++item.times_done;
    order.push_back(item.number);
  }
  std::unique_ptr<GroupCommit> make(const GroupLimits& limits = {}) {
    return std::make_unique<GroupCommit>(
        system_clock(), limits,
        [this](const GroupCommit::Items& items, Deadline begin_by, Deadline finish_by) {
          return lead(items, begin_by, finish_by);
        });
  }
  // A thread that leads a group of its own item, and stays in it until go_on is counted down.
  std::thread lead_until_told(GroupCommit& groups, const ItemPtr& item) {
    begun = std::make_unique<std::latch>(1);
    go_on = std::make_unique<std::latch>(1);
    EXPECT_TRUE(groups.submit(item, 1, kForever));
    std::thread leader([&groups, item] { EXPECT_TRUE(groups.wait(*item, kForever)); });
    begun->wait();
    begun.reset();
    return leader;
  }

  static constexpr Deadline kPassed{1};
  std::atomic<int> leaders = 0;
  std::unique_ptr<std::latch> begun, go_on;
  bool journal_is_taken = false;  // whoever cannot wait for ever cannot begin
  std::vector<int> order;         // belongs to the leader
  Deadline last_finish_by;        // so does this
};

// An ingest enters the queue with one deadline and waits with another.
TEST_F(GroupCommitTest, AGroupMayTakeAsLongAsAnybodyWaitsForIt) {
  const auto groups = make();
  const Deadline soon = system_clock().after_ms(10'000), late = system_clock().after_ms(60'000);
  const auto entered = std::make_shared<Item>(0);
  ASSERT_TRUE(groups->submit(entered, 1, soon));
  ASSERT_TRUE(groups->wait(*entered, late));
  EXPECT_EQ(last_finish_by.monotonic_ns, late.monotonic_ns);

  const auto first = std::make_shared<Item>(1), second = std::make_shared<Item>(2);
  second->finish_by = kForever;
  ASSERT_TRUE(groups->submit(first, 1, soon));
  ASSERT_TRUE(groups->submit(second, 1, soon));
  ASSERT_TRUE(groups->wait(*first, late));
  EXPECT_TRUE(last_finish_by.forever()) << "the second waits for ever";
  ASSERT_TRUE(groups->wait(*second, kForever));
}

TEST_F(GroupCommitTest, OneProducerLeadsForItself) {
  const auto groups = make();
  for (int i = 0; i < 3; ++i) {
    const auto item = std::make_shared<Item>(i);
    ASSERT_TRUE(groups->submit(item, 1, kForever));
    EXPECT_EQ(item->times_done, 0);
    ASSERT_TRUE(groups->wait(*item, kForever));
    EXPECT_EQ(item->times_done, 1);
    EXPECT_EQ(item->group_items, 1u);
    EXPECT_EQ(item->leader, std::this_thread::get_id());
  }
}

TEST_F(GroupCommitTest, WhatGathersBehindALeaderIsOneGroup) {
  const auto groups = make();
  std::thread first = lead_until_told(*groups, std::make_shared<Item>(0));
  std::vector<ItemPtr> items;
  std::vector<std::thread> waiters;
  for (int i = 1; i <= 5; ++i) {
    items.push_back(std::make_shared<Item>(i));
    ASSERT_TRUE(groups->submit(items.back(), 1, kForever));
  }
  for (const ItemPtr& item : items) {
    waiters.emplace_back([&groups, item] { EXPECT_TRUE(groups->wait(*item, kForever)); });
  }
  go_on->count_down();
  first.join();
  for (std::thread& waiter : waiters) waiter.join();
  for (const ItemPtr& item : items) {
    EXPECT_EQ(item->times_done, 1);
    EXPECT_EQ(item->group_items, 5u);
    EXPECT_EQ(item->leader, items[0]->leader);
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(GroupCommitTest, AGroupHoldsSoManyItemsAndSoManyBytes) {
  const auto groups = make({.group_items_max = 3, .group_bytes_max = 100});
  std::vector<ItemPtr> items;
  for (const uint64_t bytes : {1, 1, 1, 1, 120, 1}) {
    items.push_back(std::make_shared<Item>(static_cast<int>(items.size())));
    ASSERT_TRUE(groups->submit(items.back(), bytes, kForever));
  }
  ASSERT_TRUE(groups->wait(*items.back(), kForever));
  std::vector<size_t> sizes;
  for (const ItemPtr& item : items) sizes.push_back(item->group_items);
  EXPECT_EQ(sizes, (std::vector<size_t>{3, 3, 3, 2, 2, 1}));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(GroupCommitTest, AFullQueueIsWorkedOffByWhoeverSubmits) {
  const auto groups = make({.group_items_max = 2, .queue_items_max = 4});
  std::vector<ItemPtr> items;
  for (int i = 0; i < 20; ++i) {
    items.push_back(std::make_shared<Item>(i));
    ASSERT_TRUE(groups->submit(items.back(), 1, kForever));
  }
  EXPECT_EQ(order.size(), 16u);
  ASSERT_TRUE(groups->wait(*items.back(), kForever));
  EXPECT_EQ(order.size(), 20u);
}

TEST_F(GroupCommitTest, WhomAFullQueueKeepsOutIsToldAtItsDeadlineAndLetInByTheLeader) {
  const auto groups = make({.queue_items_max = 1});
  std::thread first = lead_until_told(*groups, std::make_shared<Item>(0));
  const auto queued = std::make_shared<Item>(1), late = std::make_shared<Item>(2);
  ASSERT_TRUE(groups->submit(queued, 1, kForever));
  EXPECT_FALSE(groups->submit(late, 1, kPassed));
  std::thread kept_out([&] {
    EXPECT_TRUE(groups->submit(late, 1, kForever));
    EXPECT_TRUE(groups->wait(*late, kForever));
  });
  go_on->count_down();
  first.join();
  kept_out.join();
  ASSERT_TRUE(groups->wait(*queued, kForever));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST_F(GroupCommitTest, WhatIsNotBegunCanBeTakenBack) {
  const auto groups = make();
  const auto begun_item = std::make_shared<Item>(0), waits = std::make_shared<Item>(1),
             other = std::make_shared<Item>(2);
  std::thread first = lead_until_told(*groups, begun_item);
  ASSERT_TRUE(groups->submit(waits, 1, kForever));
  ASSERT_TRUE(groups->submit(other, 1, kForever));
  EXPECT_FALSE(groups->wait(*waits, kPassed));
  EXPECT_FALSE(groups->withdraw(*begun_item));
  EXPECT_TRUE(groups->withdraw(*waits));
  go_on->count_down();
  first.join();
  EXPECT_FALSE(groups->withdraw(*begun_item));
  ASSERT_TRUE(groups->wait(*other, kForever));
  EXPECT_EQ(waits->times_done, 0);
  EXPECT_EQ(order, (std::vector<int>{0, 2}));
}

TEST_F(GroupCommitTest, ALeaderThatCannotBeginInTimeLeavesTheGroupToTheNext) {
  const auto groups = make();
  journal_is_taken = true;
  const auto hasty = std::make_shared<Item>(0), patient = std::make_shared<Item>(1);
  ASSERT_TRUE(groups->submit(hasty, 1, kPassed));
  ASSERT_TRUE(groups->submit(patient, 1, kForever));
  EXPECT_FALSE(groups->wait(*hasty, kPassed));
  EXPECT_EQ(hasty->times_done, 0);
  EXPECT_TRUE(groups->withdraw(*hasty));
  ASSERT_TRUE(groups->wait(*patient, kForever));
  EXPECT_EQ(order, (std::vector<int>{1}));
}

// The one who sleeps is called to lead: nobody else will.
TEST_F(GroupCommitTest, ASleeperLeadsWhereTheLeaderCouldNotBegin) {
  const auto groups = make();
  journal_is_taken = true;
  begun = std::make_unique<std::latch>(1);
  go_on = std::make_unique<std::latch>(1);
  const auto hasty = std::make_shared<Item>(0), patient = std::make_shared<Item>(1);
  ASSERT_TRUE(groups->submit(hasty, 1, kPassed));
  bool withdrawn = false;
  // Before it has looked whether its time is over, the other may have done its item too.
  std::thread first(
      [&] { withdrawn = !groups->wait(*hasty, kPassed) && groups->withdraw(*hasty); });
  begun->wait();
  begun.reset();
  ASSERT_TRUE(groups->submit(patient, 1, kForever));
  std::thread second([&] { EXPECT_TRUE(groups->wait(*patient, kForever)); });
  go_on->count_down();
  first.join();
  second.join();
  EXPECT_EQ(order, withdrawn ? (std::vector<int>{1}) : (std::vector<int>{0, 1}));
}

TEST_F(GroupCommitTest, ABackgroundThreadLeadsWhatNobodyWaitsForAndDrainsWhenItIsStopped) {
  const auto groups = make();
  std::thread background([&] { groups->run(); });
  std::vector<ItemPtr> items;
  for (int i = 0; i < 1000; ++i) {
    items.push_back(std::make_shared<Item>(i));
    ASSERT_TRUE(groups->submit(items.back(), 1, kForever));
  }
  groups->stop();
  background.join();
  for (const ItemPtr& item : items) EXPECT_EQ(item->times_done, 1);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

// Each round every thread submits, and some give up at once; what was not taken back is done once.
TEST_F(GroupCommitTest, OfManyThreadsEachItemIsDoneOnceOrTakenBack) {
  constexpr int kThreads = 16, kRounds = 500;
  for (const bool background : {false, true}) {
    const auto groups = make({.group_items_max = 5, .queue_items_max = 12});
    std::thread writer;
    if (background) writer = std::thread([&] { groups->run(); });
    std::atomic<int> taken_back = 0;
    order.clear();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int round = 0; round < kRounds; ++round) {
          const auto item = std::make_shared<Item>();
          const Deadline deadline = (round + thread) % 3 == 0 ? kPassed : kForever;
          ASSERT_TRUE(groups->submit(item, 1, kForever));
          const bool done = groups->wait(*item, deadline);
          const bool back = !done && groups->withdraw(*item);
          if (!done && !back) {
            ASSERT_TRUE(groups->wait(*item, kForever));
          }
          EXPECT_EQ(item->times_done, back ? 0 : 1);
          if (back) ++taken_back;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    groups->stop();
    if (background) writer.join();
    EXPECT_EQ(order.size() + static_cast<size_t>(taken_back), size_t{kThreads} * kRounds);
  }
}

}  // namespace
}  // namespace syncline
