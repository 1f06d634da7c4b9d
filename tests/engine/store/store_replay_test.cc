// What is made again from the journal: a database, a row, a file, a whole store elsewhere. And the
// journal as `log` shows it.
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

TEST_F(StoreTest, AMissingDatabaseIsMadeAgainAndSaidOnce) {
  must_record(*open(), note("before"));
  remove_database(root());
  auto store = open();
  EXPECT_EQ(must_record(*store, note("after")).id, 2u);
  const std::vector<std::string> notes = store->take_notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("was missing"), std::string::npos) << notes[0];
  must_record(*store, note("later"));
  EXPECT_TRUE(store->take_notes().empty());
  expect_sound(*store);
}

TEST_F(StoreTest, ALostFileAndALostRowAreFoundAndHealed) {
  Receipt first, second;
  {
    auto store = open();
    first = must_record(*store, note("file goes"));
    second = must_record(*store, note("row goes"));
    ASSERT_TRUE(store->sync(false, kForever));
  }
  fs::remove(root() + "/" + first.path);
  sql("DELETE FROM notes WHERE id = " + std::to_string(second.id));
  auto store = open();
  const auto found = store->verify({});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->findings.size(), 2u);
  EXPECT_EQ(finding_class_name(found->findings[0].cls), "row-without-file");
  EXPECT_EQ(finding_class_name(found->findings[1].cls), "file-without-row");
  const auto dry = store->repair(true);
  ASSERT_TRUE(dry);
  EXPECT_EQ(dry->healed.size(), 2u);
  EXPECT_FALSE(fs::exists(root() + "/" + first.path));
  const auto healed = store->repair(false);
  ASSERT_TRUE(healed) << healed.error().message;
  EXPECT_EQ(healed->healed.size(), 2u);
  EXPECT_TRUE(healed->left.empty());
  expect_sound(*store);
}

TEST_F(StoreTest, ADeletedDatabaseIsRebuiltFromTheJournal) {
  {
    auto store = open();
    for (int i = 0; i < 5; ++i) must_record(*store, note("row", "k" + std::to_string(i)));
    ASSERT_TRUE(store->sync(false, kForever));
  }
  remove_database(root());
  auto store = open();
  EXPECT_TRUE(must_record(*store, note("row", "k3")).duplicate);
  EXPECT_EQ(must_record(*store, note("next")).id, 6u);
  ASSERT_TRUE(store->sync(false, kForever));
  expect_sound(*store);
}

TEST_F(StoreTest, AHandEditInTheWorkTreeIsANoteAndStays) {
  auto store = open();
  const Receipt receipt = must_record(*store, note("mine"), Stage::kPublished);
  std::ofstream(root() + "/" + receipt.path, std::ios::app) << "a person's line\n";
  must_record(*store, note("other"), Stage::kPublished);
  const auto report = store->verify({});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->ok());
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_EQ(report->notes[0].path, receipt.path);
  EXPECT_NE(read_text(root() + "/" + receipt.path).find("a person's line"), std::string::npos);
}

TEST_F(StoreTest, ReplayGivesTheSameCommitsAndAReadOnlyStore) {
  auto store = open();
  for (int i = 0; i < 7; ++i) must_record(*store, note("n" + std::to_string(i)), Stage::kCommitted);
  ASSERT_TRUE(store->sync(false, kForever));
  const std::string into = directory_.path().string() + "/replayed";
  const Status replayed = store->replay_into(into, std::nullopt, {});
  ASSERT_TRUE(replayed) << replayed.error().message;
  auto copy = Store::open(into);
  ASSERT_TRUE(copy) << copy.error().message;
  for (uint64_t seq = 1; seq <= 7; ++seq) {
    EXPECT_EQ((*copy)->show(seq)->commit, store->show(seq)->commit);
    EXPECT_EQ((*copy)->show(seq)->path, store->show(seq)->path);
  }
  const auto refused = (*copy)->record(note("no"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kReadOnly);
}

// The database is lost, and a person's program has taken the id of a committed record before it is
// rebuilt: history stays as it is, and a replay comes to it.
TEST_F(StoreTest, ReplayAgreesWhereARowWasReboundBehindItsCommit) {
  {
    auto store = open();
    must_record(*store, note("one"));
    must_record(*store, note("two"));
    ASSERT_TRUE(store->sync(false, kForever));
  }
  remove_database(root());
  ASSERT_EQ(std::system(("sqlite3 '" + root() +
                         "/syncline.db' \"CREATE TABLE notes(id INTEGER PRIMARY KEY, title, body, "
                         "tags, path, created_at); INSERT INTO notes(id, title) VALUES(1, 'f')\"")
                            .c_str()),
            0);
  auto store = open();
  must_record(*store, note("three"), Stage::kPublished);
  const Receipt rebound = *store->show(1);
  EXPECT_EQ(rebound.id, 4u);
  EXPECT_EQ(rebound.path, "notes/0000/one-1.md");
  const auto report = store->verify({});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->ok());
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_EQ(report->notes[0].cls, FindingClass::kForeignRow);

  const std::string into = directory_.path().string() + "/replayed";
  const Status replayed = store->replay_into(into, std::nullopt, {});
  ASSERT_TRUE(replayed) << replayed.error().message;
  auto copy = Store::open(into);
  ASSERT_TRUE(copy) << copy.error().message;
  for (uint64_t seq = 1; seq <= 3; ++seq) {
    EXPECT_EQ((*copy)->show(seq)->commit, store->show(seq)->commit);
    EXPECT_EQ((*copy)->show(seq)->path, store->show(seq)->path);
    EXPECT_EQ((*copy)->show(seq)->id, store->show(seq)->id);
  }
}

TEST_F(StoreTest, ReplayToASequenceIsTheStateAsOfThen) {
  auto store = open();
  for (int i = 0; i < 6; ++i) must_record(*store, note("n" + std::to_string(i)), Stage::kCommitted);
  const std::string into = directory_.path().string() + "/then";
  const Status replayed = store->replay_into(into, 4, {});
  ASSERT_TRUE(replayed) << replayed.error().message;
  auto copy = Store::open(into);
  ASSERT_TRUE(copy) << copy.error().message;
  EXPECT_EQ((*copy)->status()->applied, 4u);
  EXPECT_EQ((*copy)->status()->committed, 4u);
  EXPECT_FALSE((*copy)->show(5));
}

TEST_F(StoreTest, LogVisitsInOrderAndStopsWhenTold) {
  auto store = open();
  for (int i = 0; i < 5; ++i) must_record(*store, note("n" + std::to_string(i)));
  std::vector<uint64_t> seqs;
  ASSERT_TRUE(store->log(2, false, [&](const LogEntry& entry) {
    seqs.push_back(entry.receipt.seq);
    return seqs.size() < 3;
  }));
  EXPECT_EQ(seqs, (std::vector<uint64_t>{2, 3, 4}));
}

TEST_F(StoreTest, FollowingTheLogSeesWhatAnotherProcessRecords) {
  auto store = open();
  auto other = open();
  must_record(*store, note("before"));
  std::thread recorder([&] { must_record(*other, note("while following")); });
  std::vector<std::string> paths;
  ASSERT_TRUE(store->log(1, true, [&](const LogEntry& entry) {
    paths.push_back(entry.receipt.path);
    return paths.size() < 2;
  }));
  recorder.join();
  EXPECT_EQ(paths.size(), 2u);
}

}  // namespace
}  // namespace syncline
