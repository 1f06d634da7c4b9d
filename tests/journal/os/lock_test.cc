// Locks and the shared page, between processes.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "journal/base/clock.h"
#include "journal/os/file_system.h"
#include "journal/os/told_lock.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

using Mode = FileLock::Mode;

class LockTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_posix_directory(root.string());
    ASSERT_TRUE(opened);
    directory = std::move(*opened);
  }
  std::unique_ptr<FileLock> lock() {
    auto opened = directory->open_lock("test.lock");
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  std::unique_ptr<SharedPage> page() {
    auto mapped = directory->map_page("page", 4096);
    EXPECT_TRUE(mapped);
    return std::move(*mapped);
  }
  static std::atomic_ref<uint32_t> word(SharedPage& of, size_t offset) {
    return std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(of.bytes().data() + offset));
  }

  TemporaryDirectory root;
  std::unique_ptr<Directory> directory;
};

TEST_F(LockTest, ModesConflictAsReadersAndWriters) {
  const auto first = lock();
  const auto second = lock();
  EXPECT_TRUE(first->try_lock(Mode::kShared).value());
  EXPECT_TRUE(second->try_lock(Mode::kShared).value());
  first->unlock();
  const auto third = lock();
  EXPECT_FALSE(third->try_lock(Mode::kExclusive).value());
  second->unlock();
  EXPECT_TRUE(third->try_lock(Mode::kExclusive).value());
  EXPECT_FALSE(first->try_lock(Mode::kShared).value());
  EXPECT_FALSE(first->try_lock(Mode::kExclusive).value());
}

TEST_F(LockTest, WhoWaitsLongIsToldForWhom) {
  const auto holder = lock();
  ASSERT_TRUE(holder->try_lock(Mode::kExclusive).value());
  const std::string named = "process " + std::to_string(getpid()) + " (";
  const auto waiter = lock();
  EXPECT_NE(waiter->held_by().find(named), std::string::npos) << waiter->held_by();
  EXPECT_NE(waiter->held_by().find("test.lock"), std::string::npos) << waiter->held_by();
  std::vector<std::string> told;
  const TellWait tell = [&](const std::string& why) {
    told.push_back(why);
    holder->unlock();
  };
  const Deadline long_after = system_clock().after_ms(15'000);
  ASSERT_TRUE(lock_and_tell(*waiter, Mode::kExclusive, long_after, system_clock(), tell));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find(named), std::string::npos) << told[0];
  // Who does not wait is told nothing, and a time limit names the holder too.
  waiter->unlock();
  ASSERT_TRUE(lock_and_tell(*waiter, Mode::kExclusive, kForever, system_clock(), tell));
  EXPECT_EQ(told.size(), 1u);
  const auto late =
      lock_and_tell(*holder, Mode::kExclusive, system_clock().after_ms(1), system_clock(), tell);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kTimeout);
  EXPECT_NE(late.error().message.find(named), std::string::npos) << late.error().message;
  EXPECT_EQ(told.size(), 1u);
}

TEST_F(LockTest, ADirectoryHasALockOfItsOwnThatLeavesNothing) {
  const auto first = directory->open_own_lock();
  const auto second = directory->open_own_lock();
  ASSERT_TRUE(first && second);
  EXPECT_TRUE((*first)->try_lock(Mode::kExclusive).value());
  EXPECT_FALSE((*second)->try_lock(Mode::kExclusive).value());
  (*first)->unlock();
  EXPECT_TRUE((*second)->try_lock(Mode::kExclusive).value());
  EXPECT_TRUE(directory->list(".")->empty());
}

TEST_F(LockTest, AHeldLockIsConverted) {
  const auto first = lock();
  const auto second = lock();
  EXPECT_TRUE(first->try_lock(Mode::kExclusive).value());
  EXPECT_TRUE(first->try_lock(Mode::kShared).value());
  EXPECT_TRUE(second->try_lock(Mode::kShared).value());
  second->unlock();
  EXPECT_TRUE(first->try_lock(Mode::kExclusive).value());
  EXPECT_FALSE(second->try_lock(Mode::kShared).value());
}

TEST_F(LockTest, AFailedConversionLetsGo) {
  const auto first = lock();
  const auto second = lock();
  EXPECT_TRUE(first->try_lock(Mode::kShared).value());
  EXPECT_TRUE(second->try_lock(Mode::kShared).value());
  EXPECT_FALSE(first->try_lock(Mode::kExclusive).value());
  EXPECT_TRUE(second->try_lock(Mode::kExclusive).value());
}

TEST_F(LockTest, AnotherProcessIsKeptOutUntilItsTurn) {
  const auto mine = lock();
  ASSERT_TRUE(mine->lock(Mode::kExclusive, kForever));
  ChildProcess child([&](ChildProcess::Channel& parent) {
    const auto theirs = lock();
    if (theirs->try_lock(Mode::kExclusive).value()) return 2;
    parent.say();
    return theirs->lock(Mode::kExclusive, kForever) ? 0 : 3;
  });
  ASSERT_TRUE(child.channel().hear());
  mine->unlock();
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(LockTest, KillingTheHolderFreesTheLock) {
  ChildProcess child([&](ChildProcess::Channel& parent) {
    const auto theirs = lock();
    if (!theirs->lock(Mode::kExclusive, kForever)) return 2;
    parent.say();
    parent.hear();
    return 3;
  });
  ASSERT_TRUE(child.channel().hear());
  const auto mine = lock();
  EXPECT_FALSE(mine->try_lock(Mode::kShared).value());
  EXPECT_EQ(child.kill_and_wait(), 128 + SIGKILL);
  EXPECT_TRUE(mine->try_lock(Mode::kExclusive).value());
}

TEST_F(LockTest, AProgramThatIsExecutedInheritsNoLock) {
  ChildProcess child([&](ChildProcess::Channel& parent) {
    const auto theirs = lock();
    if (!theirs->lock(Mode::kExclusive, kForever)) return 2;
    parent.say();
    parent.hear();
    execl("/bin/sleep", "sleep", "600", nullptr);
    return 3;
  });
  ASSERT_TRUE(child.channel().hear());
  const auto mine = lock();
  EXPECT_FALSE(mine->try_lock(Mode::kExclusive).value());
  ASSERT_TRUE(child.channel().say());
  // The exec closes both; the lock comes free while the process goes on.
  EXPECT_TRUE(mine->lock(Mode::kExclusive, system_clock().after_ms(60'000)));
  EXPECT_EQ(kill(child.pid(), 0), 0);
  child.kill_and_wait();
}

TEST_F(LockTest, WaitingEndsAtTheDeadline) {
  const auto mine = lock();
  const auto other = lock();
  ASSERT_TRUE(mine->lock(Mode::kExclusive, kForever));
  const int64_t begin_ns = system_clock().monotonic_ns();
  const Status waited = other->lock(Mode::kShared, system_clock().after_ms(30));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, Code::kTimeout);
  EXPECT_GE(system_clock().monotonic_ns() - begin_ns, 30'000'000);
  // A deadline that has passed still allows one try.
  EXPECT_EQ(other->lock(Mode::kShared, Deadline{0}).error().code, Code::kTimeout);
  mine->unlock();
  EXPECT_TRUE(other->lock(Mode::kShared, Deadline{0}));
}

TEST_F(LockTest, WaitingBeforeTheDeadlineGetsTheLock) {
  const auto mine = lock();
  ASSERT_TRUE(mine->lock(Mode::kExclusive, kForever));
  ChildProcess child([&](ChildProcess::Channel& parent) {
    const auto theirs = lock();
    parent.say();
    return theirs->lock(Mode::kExclusive, system_clock().after_ms(60'000)) ? 0 : 2;
  });
  ASSERT_TRUE(child.channel().hear());
  mine->unlock();
  EXPECT_EQ(child.wait(), 0);
}

volatile sig_atomic_t signals_seen = 0;
ChildProcess::Channel* told_of_signals = nullptr;

TEST_F(LockTest, SignalsDoNotEndAWait) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "TSan holds signals back until a call that it knows to wait, and knows no flock";
#endif
  const auto mine = lock();
  ASSERT_TRUE(mine->lock(Mode::kExclusive, kForever));
  ChildProcess child([&](ChildProcess::Channel& parent) {
    told_of_signals = &parent;
    struct sigaction action{};  // without SA_RESTART: flock answers EINTR
    action.sa_handler = [](int) {
      signals_seen = signals_seen + 1;
      if (signals_seen == 3) told_of_signals->say();
    };
    if (sigaction(SIGALRM, &action, nullptr) != 0) return 2;
    const auto theirs = lock();
    const itimerval timer{{0, 1000}, {0, 1000}};
    if (setitimer(ITIMER_REAL, &timer, nullptr) != 0) return 3;
    if (!theirs->lock(Mode::kExclusive, kForever)) return 4;
    return signals_seen >= 3 ? 0 : 5;
  });
  ASSERT_TRUE(child.channel().hear()) << "the wait ended by itself";
  mine->unlock();
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(LockTest, AWakeReachesAnotherProcess) {
  const auto mine = page();
  ChildProcess child([&](ChildProcess::Channel& parent) {
    const auto theirs = page();
    parent.say();
    while (word(*theirs, 64).load() == 0) theirs->wait(64, 0, system_clock().after_ms(60'000));
    word(*theirs, 128).store(1);
    theirs->wake(128);
    return 0;
  });
  ASSERT_TRUE(child.channel().hear());
  word(*mine, 64).store(1);
  mine->wake(64);
  const Deadline deadline = system_clock().after_ms(60'000);
  while (word(*mine, 128).load() == 0 && !system_clock().passed(deadline)) {
    mine->wait(128, 0, deadline);
  }
  EXPECT_EQ(word(*mine, 128).load(), 1U);
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(LockTest, AWakeReachesAWaiterThatSleepsWithoutDeadline) {
  const auto mine = page();
  std::thread waiter([&] {
    const auto theirs = page();  // another mapping of the same file
    while (word(*theirs, 0).load() == 0) theirs->wait(0, 0, kForever);
  });
  word(*mine, 0).store(1);
  mine->wake(0);
  waiter.join();
}

TEST_F(LockTest, WaitingForAChangedWordReturnsAtOnceAndADeadlineEndsTheRest) {
  const auto mine = page();
  word(*mine, 0).store(5);
  mine->wait(0, 4, kForever);
  const int64_t begin_ns = system_clock().monotonic_ns();
  mine->wait(0, 5, system_clock().after_ms(20));
  EXPECT_GE(system_clock().monotonic_ns() - begin_ns, 20'000'000);
  mine->wait(0, 5, Deadline{0});
  mine->wait(0, 5, Deadline{-5});
}

}  // namespace
}  // namespace syncline
