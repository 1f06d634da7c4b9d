// One-shot callers: who does what the others left, and what the last one leaves word of.
#include "syncline/store.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

TEST_F(StoreTest, TheLastCallerDoesWhatTheOthersLeft) {
  set_setting("batch_age_ms_max", "3600000");
  {
    auto alone = open({.one_shot = true});
    must_record(*alone, note("alone"), Stage::kJournaled);
    ASSERT_TRUE(alone->lend_a_hand());
    EXPECT_EQ(alone->status()->committed, 1u);
  }
  auto first = open({.one_shot = true});
  auto second = open({.one_shot = true});
  auto third = open({.one_shot = true});
  must_record(*first, note("first"), Stage::kJournaled);
  must_record(*third, note("third"), Stage::kApplied);
  ASSERT_TRUE(first->lend_a_hand());
  EXPECT_EQ(first->status()->committed, 1u);
  third.reset();  // died before it came to that
  EXPECT_EQ(first->status()->committed, 1u);
  must_record(*second, note("second"), Stage::kJournaled);
  ASSERT_TRUE(second->lend_a_hand());
  EXPECT_EQ(second->status()->committed, 4u);
  expect_sound(*second);
}

TEST_F(StoreTest, OneWhoIsNotTheLastDoesWhatIsDueAndLeavesTheRest) {
  set_setting("batch_age_ms_max", "3600000");
  set_setting("backlog_records_max", "8");
  const auto still_there = open({.one_shot = true});
  const auto record = [&](Stage stage) {
    auto store = open({.one_shot = true});
    must_record(*store, note("lent"), stage);
    EXPECT_TRUE(store->lend_a_hand());
    return *store->status();
  };
  // No turn is known of: one is due.
  EXPECT_EQ(record(Stage::kJournaled).committed, 1u);
  const auto left = record(Stage::kApplied);
  EXPECT_EQ(left.applied, 2u);
  EXPECT_EQ(left.committed, 1u);
  // The backlog's limit must not refuse what a turn would have made room for.
  for (int i = 0; i < 20; ++i) record(Stage::kJournaled);
  EXPECT_GE(still_there->status()->committed, 22u - 8u);
  ASSERT_TRUE(still_there->lend_a_hand());
  EXPECT_EQ(still_there->status()->committed, 22u);
  expect_sound(*still_there);
}

TEST_F(StoreTest, WithoutAnAgeEverythingIsDue) {
  set_setting("batch_age_ms_max", "0");
  const auto still_there = open({.one_shot = true});
  for (uint64_t seq = 1; seq <= 3; ++seq) {
    auto store = open({.one_shot = true});
    must_record(*store, note("at once"), Stage::kJournaled);
    ASSERT_TRUE(store->lend_a_hand());
    EXPECT_EQ(store->status()->committed, seq);
  }
}

// The control page comes back with the older copy, and what it remembers of the database is of
// before.
TEST_F(StoreTest, AStoresDirectoryPutBackFromAnOlderCopyIsRefusedByTheNewerDatabase) {
  const std::string directory = root() + "/.git/syncline";
  const auto record = [&] {
    auto store = open();
    must_record(*store, note("one more"));
    ASSERT_TRUE(store->lend_a_hand());
  };
  record();
  record();
  fs::copy(directory, directory + ".before", fs::copy_options::recursive);
  record();
  for (const auto& entry : fs::recursive_directory_iterator(directory + ".before")) {
    const fs::path name = fs::relative(entry.path(), directory + ".before");
    if (entry.is_regular_file() && name != "sync.state") {
      fs::copy_file(entry.path(), directory / name, fs::copy_options::overwrite_existing);
    }
  }
  const auto store = Store::open(root(), {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kCorrupt);
}

TEST_F(StoreTest, IdsContinueAboveForeignRowsThatCameSinceTheLastCaller) {
  {
    auto store = open();
    must_record(*store, note("ours"));
    ASSERT_TRUE(store->lend_a_hand());
  }
  sql("INSERT INTO notes(id, title, body, tags, path, created_at) VALUES(70,'t','','','p','x')");
  EXPECT_EQ(must_record(*open(), note("ours again"), Stage::kJournaled).id, 71u);
  EXPECT_EQ(must_record(*open(), note("and again"), Stage::kJournaled).id, 72u);
}

TEST_F(StoreTest, AKeyIsLookedUpThoughTheLastCallerLeftWordOfTheDatabase) {
  {
    auto store = open();
    must_record(*store, note("once", "key"));
    ASSERT_TRUE(store->lend_a_hand());
  }
  auto store = open();
  EXPECT_EQ(must_record(*store, note("other"), Stage::kJournaled).id, 2u);
  EXPECT_TRUE(must_record(*store, note("once", "key"), Stage::kJournaled).duplicate);
  EXPECT_EQ(must_record(*store, note("third"), Stage::kJournaled).id, 3u);
}

}  // namespace
}  // namespace syncline
