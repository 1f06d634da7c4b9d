// Store::backup_into and restore_into.
#include <atomic>
#include <thread>

#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

class StoreBackupTest : public StoreTest {
 protected:
  std::string copy() const { return directory_.path().string() + "/copy"; }
};

TEST_F(StoreBackupTest, HoldsWhatPeopleAddedAndFilesThatAreNotPublished) {
  const auto store = open();
  must_record(*store, note("published"));
  must_sync(*store);
  sql("CREATE TABLE mine(x); INSERT INTO mine VALUES(7)");
  sql("INSERT INTO notes(title, path, created_at) VALUES('theirs', '', '')");
  const Receipt second = must_record(*store, note("not published"), Stage::kCommitted);
  // As behind a checkpoint: nobody checks these files again.
  sql("UPDATE syncline_meta SET value = 2 WHERE name = 'files_synced'");
  const auto copied = store->backup_into(copy());
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->journaled, 2u);
  EXPECT_EQ(copied->applied, 2u);
  EXPECT_EQ(copied->committed, 2u);
  EXPECT_EQ(copied->published, 1u);

  EXPECT_EQ(count_notes(copy()), 3);
  EXPECT_EQ(read_text(copy() + "/" + second.path), read_text(root() + "/" + second.path));
  const auto database = Database::open({copy() + "/syncline.db"}, Database::Access::kRead);
  ASSERT_TRUE(database);
  auto theirs = (*database)->prepare("SELECT x FROM mine");
  ASSERT_TRUE(theirs && theirs->step());
  EXPECT_EQ(theirs->integer(0), 7);
  const auto there = Store::open(copy(), {});
  ASSERT_TRUE(there) << there.error().message;
  expect_sound(**there);
  const auto refused = (*there)->record(note("x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kReadOnly);
}

// Its database and repository may be older than its journal, never newer.
TEST_F(StoreBackupTest, BesideThoseWhoRecordItIsOneMoment) {
  const auto store = open({.background = true});
  must_record(*store, note("before"));
  std::atomic<bool> enough = false;
  std::thread writer([&] {
    while (!enough) must_record(*store, note("beside"), Stage::kCommitted);
  });
  for (int round = 0; round < 3; ++round) {
    const std::string into = copy() + std::to_string(round);
    const auto copied = store->backup_into(into);
    EXPECT_TRUE(copied) << copied.error().message;
    if (!copied) break;
    const auto there = Store::open(into, {});
    EXPECT_TRUE(there) << there.error().message;
    if (!there) break;
    expect_sound(**there);
    EXPECT_EQ(count_notes(into), static_cast<int64_t>(copied->journaled));
  }
  enough = true;
  writer.join();
}

TEST_F(StoreBackupTest, RestoringMakesAStoreThatTakesRecordsBehindTheOld) {
  {
    const auto store = open();
    must_record(*store, note("one", "key"));
    must_sync(*store);
    must_record(*store, note("two"));
    ASSERT_TRUE(store->backup_into(copy()));
    const auto refused = store->restore_into(copy() + " 2");
    ASSERT_FALSE(refused) << "two stores would go on under one name";
    EXPECT_EQ(refused.error().code, Code::kInvalid);
    const auto full = store->backup_into(copy());
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, Code::kExists);
  }
  const std::string again = directory_.path().string() + "/again";
  {
    const auto backup = Store::open(copy(), {});
    ASSERT_TRUE(backup);
    ASSERT_TRUE((*backup)->restore_into(again));
  }
  const auto restored = Store::open(again, {});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_TRUE(must_record(**restored, note("one", "key")).duplicate);
  const Receipt next = must_record(**restored, note("three"));
  EXPECT_EQ(next.seq, 3u);
  EXPECT_EQ(next.id, 3u);
  must_sync(**restored);
  expect_sound(**restored);
}

// In place: no second copy is made.
class PromoteTest : public StoreBackupTest, public testing::WithParamInterface<bool> {};

TEST_P(PromoteTest, ACopyTakesRecordsWhereItIs) {
  {
    const auto store = open();
    must_record(*store, note("one", "key"));
    must_sync(*store);
    must_record(*store, note("two"), Stage::kCommitted);
    if (GetParam()) {
      ASSERT_TRUE(store->replay_into(copy(), std::nullopt, [](uint64_t, uint64_t) {}));
    } else {
      ASSERT_TRUE(store->backup_into(copy()));
    }
  }
  const auto plain = Store::init(copy(), {});
  ASSERT_TRUE(plain && plain->existed);
  {
    const auto open_copy = Store::open(copy(), {});
    ASSERT_TRUE(open_copy);
    EXPECT_FALSE((*open_copy)->record(note("x"))) << "init alone changes nothing";
    const auto busy = Store::init(copy(), {.promote = true});
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code, Code::kBusy);
  }
  const auto promoted = Store::init(copy(), {.promote = true});
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_EQ(promoted->store_id, plain->store_id);
  ASSERT_FALSE(promoted->notes.empty());
  EXPECT_NE(promoted->notes[0].find("takes records now"), std::string::npos);
  const auto store = Store::open(copy(), {});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE(must_record(**store, note("one", "key")).duplicate);
  const Receipt next = must_record(**store, note("three"));
  EXPECT_EQ(next.seq, 3u);
  EXPECT_EQ(next.id, 3u);
  must_sync(**store);
  expect_sound(**store);
  const auto again = Store::init(copy(), {.promote = true});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->notes[0], "it takes records already");
}

INSTANTIATE_TEST_SUITE_P(Copies, PromoteTest, testing::Bool(), [](const auto& given) {
  return given.param ? std::string("replay") : std::string("backup");
});

TEST_F(StoreBackupTest, WhatIsNoStoreIsNotPromoted) {
  const auto nothing = Store::init(copy(), {.promote = true});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::kNoStore);
  EXPECT_FALSE(fs::exists(copy()));
}

}  // namespace
}  // namespace syncline
