// What a program that embeds a Store may rely on beside the records themselves: tickets, following
// the log, reading beside the store's own threads, forking.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "journal/os/file_system.h"
#include "syncline/coroutine.h"
#include "tests/engine/store/hooked_platform.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

using LibraryTest = StoreTest;

Deadline after_ms(int64_t milliseconds) {
  return Deadline::in(std::chrono::milliseconds(milliseconds));
}

// ---- tickets ----

TEST_F(LibraryTest, ATicketIsOfItsOwnStore) {
  const TemporaryDirectory other;
  const std::string other_root = (other.path() / "b").string();
  ASSERT_TRUE(Store::init(other_root, {}));
  auto a = open();
  auto b = Store::open(other_root);
  ASSERT_TRUE(b);
  const auto in_a = a->submit(note("of a"));
  const auto in_b = (*b)->submit(note("of b"));
  ASSERT_TRUE(in_a && in_b);
  const auto mixed = (*b)->wait(*in_a, Stage::kJournaled, after_ms(1000));
  ASSERT_FALSE(mixed);
  ASSERT_EQ(mixed.error().code, Code::kInvalid);
  EXPECT_TRUE(a->wait(*in_a));
  EXPECT_TRUE((*b)->wait(*in_b));
  // Nor of one that is opened in its place.
  a.reset();
  a = open();
  const auto anew = a->wait(*in_a, Stage::kJournaled, after_ms(1000));
  ASSERT_FALSE(anew);
  EXPECT_EQ(anew.error().code, Code::kInvalid);
  EXPECT_FALSE(a->wait(Ticket())) << "of no record";
}

TEST_F(LibraryTest, ATicketIsWaitedForStageByStage) {
  auto store = open();
  const auto ticket = store->submit(note("one"));
  ASSERT_TRUE(ticket);
  const auto journaled = store->wait(*ticket, Stage::kJournaled);
  ASSERT_TRUE(journaled);
  const auto committed = store->wait(*ticket, Stage::kCommitted);
  ASSERT_TRUE(committed);
  EXPECT_EQ(committed->seq, journaled->seq);
  EXPECT_GE(committed->stage, Stage::kCommitted);
  EXPECT_EQ(committed->path, journaled->path);
}

// Somebody else has the append lock for as long as the test wants.
class HeldAppend {
 public:
  explicit HeldAppend(const std::string& root) {
    auto directory = open_posix_directory(root + "/.git/syncline");
    directory_ = std::move(*directory);
    auto lock = directory_->open_lock("append.lock");
    lock_ = std::move(*lock);
    EXPECT_TRUE(lock_->lock(FileLock::Mode::kExclusive, kForever));
  }
  void end() { lock_->unlock(); }

 private:
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<FileLock> lock_;
};

TEST_F(LibraryTest, AWaitThatTimesOutSaysOnceAndForAllThatNothingWasWritten) {
  auto store = open();
  HeldAppend held(root());
  const auto ticket = store->submit(note("late", "k"));
  ASSERT_TRUE(ticket);
  const auto late = store->wait(*ticket, Stage::kJournaled, after_ms(20));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kTimeout);
  held.end();
  const auto again = store->wait(*ticket, Stage::kJournaled);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kTimeout);
  EXPECT_EQ(store->status()->journaled, 0u);
  EXPECT_EQ(must_record(*store, note("another", "k")).seq, 1u) << "the key is free";
}

// What a deadline answers is what the journal holds: a record that was called unwritten is in no
// journal, and one whose outcome is open is found by its key.
TEST_F(LibraryTest, AnAnswerAtTheDeadlineIsTrue) {
  auto store = open();
  uint64_t written = 0, refused = 0, open_outcomes = 0;
  for (int call = 0; call < 200; ++call) {
    const std::string key = "k" + std::to_string(call);
    const auto receipt = store->record(note("n", key), Stage::kJournaled, after_ms(1));
    const auto there = store->show_key(key);
    if (receipt) {
      ++written;
      EXPECT_TRUE(there) << key;
    } else if (receipt.error().code == Code::kTimeout) {
      ++refused;
      EXPECT_FALSE(there) << key << ": " << receipt.error().message;
    } else {
      ++open_outcomes;
      EXPECT_EQ(receipt.error().code, Code::kOutcomeUnknown) << receipt.error().message;
    }
  }
  EXPECT_EQ(written + refused + open_outcomes, 200u);
  EXPECT_LE(store->status()->journaled, written + open_outcomes);
  EXPECT_GE(store->status()->journaled, written);
}

TEST_F(LibraryTest, WhatNobodyWaitsForIsWrittenAllTheSame) {
  {
    auto store = open({.background = true});
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(store->post(note("posted " + std::to_string(i))));
      ASSERT_TRUE(store->submit(note("dropped " + std::to_string(i))));
    }
  }
  EXPECT_EQ(notes(), 600);
}

TEST_F(LibraryTest, OneThatWasPostedAndCannotBeWrittenIsANote) {
  auto store = open();
  must_record(*store, note("first", "taken"));
  ASSERT_TRUE(store->post(note("other", "taken")));
  must_record(*store, note("behind it"));
  const std::vector<std::string> told = store->take_notes();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("(key \"taken\"): the key \"taken\" is taken by record 1"),
            std::string::npos)
      << told[0];
  EXPECT_EQ(notes(), 2);
}

// ---- being told ----

class ToldTest : public LibraryTest, public testing::WithParamInterface<bool> {};

TEST_P(ToldTest, AStageIsToldOnceInTheOrderOfTheAsking) {
  auto store = open({.background = GetParam()});
  constexpr uint64_t kRecords = 200;
  std::latch all(kRecords);
  std::vector<Result<Receipt>> told;  // by one thread
  for (uint64_t i = 0; i < kRecords; ++i) {
    auto ticket = store->submit(note(std::to_string(i)));
    ASSERT_TRUE(ticket);
    ASSERT_TRUE(store->on_stage(std::move(*ticket), Stage::kCommitted, [&](Result<Receipt> one) {
      told.push_back(std::move(one));
      all.count_down();
    }));
  }
  all.wait();
  ASSERT_EQ(told.size(), kRecords);
  for (uint64_t i = 0; i < kRecords; ++i) {
    ASSERT_TRUE(told[i]) << told[i].error().message;
    EXPECT_EQ(told[i]->seq, i + 1);
    EXPECT_GE(told[i]->stage, Stage::kCommitted);
  }
  EXPECT_FALSE(store->on_stage(Ticket(), Stage::kApplied, [](const Result<Receipt>&) { FAIL(); }));
}

INSTANTIATE_TEST_SUITE_P(Threads, ToldTest, testing::Bool(), [](const auto& given) {
  return given.param ? std::string("background") : std::string("none");
});

TEST_F(LibraryTest, WhatHasNotComeAboutIsToldAsTheStoreCloses) {
  auto store = open({.background = true});
  must_record(*store, note("makes the table"));
  const auto locked = Database::open({database()}, Database::Access::kWrite);
  ASSERT_TRUE(locked);
  ASSERT_TRUE((*locked)->execute("BEGIN IMMEDIATE"));
  auto ticket = store->submit(note("late"));
  ASSERT_TRUE(ticket);
  std::promise<Result<Receipt>> told;
  ASSERT_TRUE(store->on_stage(std::move(*ticket), Stage::kApplied,
                              [&](Result<Receipt> one) { told.set_value(std::move(one)); }));
  auto waiting = told.get_future();
  static_cast<void>(store->close(after_ms(10)));
  const Result<Receipt> late = waiting.get();
  if (late) {
    EXPECT_TRUE(late->timed_out);
    EXPECT_EQ(late->stage, Stage::kJournaled);
  } else {
    EXPECT_EQ(late.error().code, Code::kBusy) << late.error().message;
    EXPECT_EQ(late.error().seq, 2u);
  }
  ASSERT_TRUE((*locked)->execute("ROLLBACK"));
}

// A coroutine that nobody waits for: it says itself when it is done.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached record_in_two_steps(Store& store, std::promise<std::vector<Receipt>>& done) {
  std::vector<Receipt> receipts;
  for (const char* title : {"one", "two"}) {
    auto ticket = store.submit(note(title));
    if (!ticket) break;
    Result<Receipt> receipt = co_await reaches(store, std::move(*ticket), Stage::kApplied);
    if (!receipt) break;
    receipts.push_back(std::move(*receipt));
  }
  done.set_value(std::move(receipts));
}

TEST_F(LibraryTest, ACoroutineAwaitsAStage) {
  auto store = open({.background = true});
  std::promise<std::vector<Receipt>> done;
  record_in_two_steps(*store, done);
  const std::vector<Receipt> receipts = done.get_future().get();
  ASSERT_EQ(receipts.size(), 2u);
  EXPECT_EQ(receipts[1].seq, 2u);
  EXPECT_EQ(receipts[1].stage, Stage::kApplied);
}

// ---- following ----

class FollowTest : public LibraryTest, public testing::WithParamInterface<bool> {};

TEST_P(FollowTest, AnIdleFollowerEndsWhenItIsAskedTo) {
  auto store = open({.background = GetParam()});
  must_record(*store, note("one"));
  std::stop_source source;
  std::promise<void> seen;
  std::atomic<bool> is_late = false;
  auto followed = std::async(std::launch::async, [&] {
    return store->log(
        1, /*follow=*/true,
        [&](const LogEntry& entry) {
          if (entry.receipt.seq == 1) seen.set_value();
          return !is_late;
        },
        source.get_token());
  });
  seen.get_future().wait();
  source.request_stop();
  const bool in_time = followed.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  if (!in_time) {
    is_late = true;
    must_record(*store, note("two"));  // which it sees
  }
  EXPECT_TRUE(in_time);
  EXPECT_TRUE(followed.get());
}

TEST_P(FollowTest, AnIdleFollowerEndsWithItsStore) {
  auto store = open({.background = GetParam()});
  must_record(*store, note("one"));
  std::latch seen(2);
  std::vector<std::future<Status>> followers;
  for (int i = 0; i < 2; ++i) {
    followers.push_back(std::async(std::launch::async, [&seen, &store = *store] {
      return store.log(1, /*follow=*/true, [&seen](const LogEntry&) {
        seen.count_down();
        return true;
      });
    }));
  }
  seen.wait();
  store.reset();
  for (auto& follower : followers) EXPECT_TRUE(follower.get());
}

INSTANTIATE_TEST_SUITE_P(Threads, FollowTest, testing::Bool(), [](const auto& given) {
  return given.param ? std::string("background") : std::string("none");
});

TEST_F(LibraryTest, AStopThatWasRequestedBeforeVisitsNothing) {
  auto store = open();
  must_record(*store, note("one"));
  must_record(*store, note("two"));
  std::stop_source source;
  source.request_stop();
  int visited = 0;
  EXPECT_TRUE(store->log(
      1, /*follow=*/true,
      [&](const LogEntry&) {
        ++visited;
        return true;
      },
      source.get_token()));
  EXPECT_EQ(visited, 0);
}

TEST_F(LibraryTest, ACursorGivesRecordsWithTheirFields) {
  auto store = open();
  for (const char* title : {"one", "two", "three"}) must_record(*store, note(title));
  ASSERT_TRUE(store->retract(2));
  const auto titles = [&](RecordQuery query) {
    std::vector<std::string> found;
    Cursor cursor = store->records(std::move(query));
    while (true) {
      const auto entry = cursor.next();
      EXPECT_TRUE(entry) << entry.error().message;
      if (!entry || !*entry) return found;
      const auto& fields = (*entry)->receipt.fields;
      found.push_back(fields && !fields->empty() ? std::get<std::string>((*fields)[0].second)
                                                 : (*entry)->operation);
    }
  };
  using Titles = std::vector<std::string>;
  EXPECT_EQ(titles({}), (Titles{"one", "two", "three", "retract"}));
  EXPECT_EQ(titles({.kind = "note"}), (Titles{"one", "two", "three", "retract"}));
  EXPECT_EQ(titles({.kind = "other"}), Titles{});
  EXPECT_EQ(titles({.from_seq = 2, .to_seq = 3}), (Titles{"two", "three"}));
  EXPECT_EQ(titles({.from_seq = 9}), Titles{});
}

TEST_F(LibraryTest, ACursorThatFollowsTellsThatNothingCameAndGoesOn) {
  auto store = open();
  must_record(*store, note("one"));
  Cursor cursor = store->records({.follow = true});
  const auto first = cursor.next(after_ms(1000));
  ASSERT_TRUE(first && *first);
  const auto nothing = cursor.next(after_ms(20));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::kTimeout);
  must_record(*store, note("two"));
  const auto second = cursor.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->receipt.seq, 2u);
}

TEST_F(LibraryTest, ACursorGoesOnFromPageToPage) {
  auto store = open({.background = true});
  constexpr uint64_t kRecords = 3000;
  for (uint64_t i = 0; i < kRecords; ++i) ASSERT_TRUE(store->post(note(std::to_string(i))));
  must_record(*store, note("last"));
  uint64_t seen = 0;
  Cursor cursor = store->records();
  while (true) {
    const auto entry = cursor.next();
    ASSERT_TRUE(entry) << entry.error().message;
    if (!*entry) break;
    ASSERT_EQ((*entry)->receipt.seq, ++seen);
    ASSERT_TRUE((*entry)->receipt.fields);
  }
  EXPECT_EQ(seen, kRecords + 1);
}

// ---- closing ----

TEST_F(LibraryTest, ClosingDoesWhatWasHandedOverAndThenNothingMore) {
  auto store = open({.background = true});
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(store->post(note(std::to_string(i))));
  ASSERT_TRUE(store->close());
  const Watermarks marks = store->watermarks();
  EXPECT_EQ(marks.journaled, 500u);
  EXPECT_EQ(marks.applied, 500u);
  EXPECT_EQ(notes(), 500);
  const auto late = store->record(note("late"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kInvalid);
  EXPECT_TRUE(store->close()) << "again";
}

TEST_F(LibraryTest, ClosingSaysWhatIsLeftWhenItsTimeIsOver) {
  auto store = open({.background = true});
  must_record(*store, note("first"));
  {
    const auto holder = Database::open({database()}, Database::Access::kWrite);
    ASSERT_TRUE(holder);
    ASSERT_TRUE((*holder)->execute("BEGIN IMMEDIATE"));
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(store->post(note(std::to_string(i))));
    const Status closed = store->close(after_ms(50));
    ASSERT_FALSE(closed);
    EXPECT_TRUE(closed.error().code == Code::kTimeout || closed.error().code == Code::kBusy)
        << closed.error().message;
    ASSERT_TRUE((*holder)->execute("COMMIT"));
  }
  store.reset();
  store = open();
  EXPECT_EQ(store->watermarks().journaled, 51u);
  ASSERT_TRUE(store->lend_a_hand());
  EXPECT_EQ(notes(), 51);
}

// ---- reading beside the store's threads ----

TEST_F(LibraryTest, StatusDoesNotWaitForAFoldOfThisProcess) {
  std::atomic<bool> holds = false;
  std::promise<void> reached, go_on;
  std::shared_future<void> told_to_go_on = go_on.get_future().share();
  // The thread that folds stops in the middle, with the role in hand.
  HookedPlatform platform([&, told_to_go_on]() -> Status {
    thread_local bool folds = false;
    if (holds && !folds) {
      char name[16] = {};
      pthread_getname_np(pthread_self(), name, sizeof(name));
      folds = std::string_view(name) == "syncline-sync";
    }
    if (folds && holds.exchange(false)) {
      reached.set_value();
      told_to_go_on.wait();
    }
    return {};
  });
  auto store = open({.background = true, .platform = &platform});
  holds = true;
  must_record(*store, note("one"), Stage::kJournaled);
  reached.get_future().wait();
  auto status = std::async(std::launch::async, [&] { return store->status(); });
  const bool in_time = status.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  go_on.set_value();
  ASSERT_TRUE(in_time) << "it waits for the thread that folds";
  const auto told = status.get();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->journaled, 1u);
  EXPECT_EQ(told->committed, 0u);
}

// ---- forking ----

TEST_F(LibraryTest, AForkedChildIsToldToOpenItsOwn) {
  auto store = open({.background = true});
  must_record(*store, note("of the parent"));
  auto ticket = store->submit(note("on its way"));
  ASSERT_TRUE(ticket);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(60);  // one that hangs has not been told
    const auto is_refused = [](const auto& answer) {
      return !answer && answer.error().code == Code::kInvalid;
    };
    bool right = is_refused(store->record(note("of the child"))) &&
                 is_refused(store->submit(note("of the child"))) &&
                 is_refused(store->wait(*ticket)) && is_refused(store->status()) &&
                 is_refused(store->log(1, false, [](const LogEntry&) { return true; }));
    store.reset();
    auto own = Store::open(root());
    right = right && own && (*own)->record(note("of the child's own")).has_value();
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(store->wait(*ticket));
  must_record(*store, note("of the parent again"));
  store.reset();
  EXPECT_EQ(notes(), 4);
}

}  // namespace
}  // namespace syncline
