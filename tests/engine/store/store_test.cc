// The Store facade: what a program that embeds it relies on. Two Store objects on one directory
// stand for two processes here (locks belong to descriptors); real processes are the end-to-end
// tests' matter. What retention trims, what is made again from the journal and what goes wrong
// around a store have files of their own.
#include "syncline/store.h"

#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "engine/place/identity.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

TEST_F(StoreTest, InitAgainChangesNothing) {
  const std::string before = read_text(root() + "/.git/syncline/identity");
  const auto again = Store::init(root(), {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->existed);
  EXPECT_EQ(before, read_text(root() + "/.git/syncline/identity"));
}

TEST_F(StoreTest, ARecordIsRowFileAndReceipt) {
  auto store = open();
  const Receipt receipt = must_record(*store, note("Hello, World"));
  EXPECT_EQ(receipt.seq, 1u);
  EXPECT_EQ(receipt.id, 1u);
  EXPECT_EQ(receipt.table, "notes");
  EXPECT_EQ(receipt.path, "notes/0000/hello-world-1.md");
  EXPECT_EQ(receipt.stage, Stage::kApplied);
  EXPECT_NE(read_text(root() + "/" + receipt.path).find("Hello, World"), std::string::npos);
  const auto shown = store->show(1);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->path, receipt.path);
  EXPECT_EQ(shown->time_ms, receipt.time_ms);
}

TEST_F(StoreTest, WaitingForCommittedAndPublishedReachesThem) {
  auto store = open();
  EXPECT_GE(must_record(*store, note("one"), Stage::kCommitted).stage, Stage::kCommitted);
  EXPECT_GE(must_record(*store, note("two"), Stage::kPublished).stage, Stage::kPublished);
  const auto shown = store->show(2);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->commit.size(), 40u);
  EXPECT_EQ(shown->branch_commit.size(), 40u);
  expect_sound(*store);
}

// A process that has nothing to apply and finds, at its last checkpoint, that an earlier one's sync
// failed: it must not leave an empty database behind its answer.
TEST_F(StoreTest, ADatabaseMovedAsideByACheckpointIsFilledAgain) {
  {
    must_record(*open({.background = true}), note("kept", "k1"));
  }
  std::ofstream(root() + "/.git/syncline/database.suspect") << "a sync failed";
  {
    EXPECT_TRUE(must_record(*open({.background = true}), note("kept", "k1")).duplicate);
  }
  EXPECT_TRUE(fs::exists(root() + "/.git/syncline/kept"));
  EXPECT_EQ(notes(), 1);
}

TEST_F(StoreTest, AJournalThatEndsBelowWhatTheDatabaseHasAppliedHasLostData) {
  const std::string segment = root() + "/.git/syncline/journal/0000000000000001.seg";
  must_record(*open(), note("kept"));
  fs::copy_file(segment, segment + ".before");
  must_record(*open(), note("lost"));
  fs::rename(segment + ".before", segment);
  const auto store = Store::open(root(), {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kCorrupt);
  EXPECT_NE(store.error().message.find("segment 1 offset "), std::string::npos)
      << store.error().message;
}

// A power cut took the last transactions back, and left the page that tells others how far apply
// has come: who asks for a record that is to be applied must not be told so by that.
TEST_F(StoreTest, WhatACrashTookBackIsNotSaidToBeApplied) {
  const std::vector<std::string> files = {"/syncline.db", "/syncline.db-wal"};
  must_record(*open(), note("kept"));
  for (const std::string& file : files) fs::copy_file(root() + file, root() + file + ".before");
  must_record(*open(), note("taken back", "k1"));
  ASSERT_EQ(notes(), 2);
  for (const std::string& file : files) fs::rename(root() + file + ".before", root() + file);
  fs::remove(root() + "/syncline.db-shm");
  ASSERT_EQ(notes(), 1);
  auto store = open();
  const Receipt again = must_record(*store, note("taken back", "k1"));
  EXPECT_TRUE(again.duplicate);
  EXPECT_GE(again.stage, Stage::kApplied);
  EXPECT_EQ(notes(), 2);
  expect_sound(*store);
}

TEST_F(StoreTest, SameKeySameContentAnswersWithTheFirstReceipt) {
  auto store = open();
  const Receipt first = must_record(*store, note("once", "k1"));
  const Receipt again = must_record(*store, note("once", "k1"));
  EXPECT_FALSE(first.duplicate);
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.seq, first.seq);
  EXPECT_EQ(again.path, first.path);
  const auto status = store->status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->journaled, 1u);
}

TEST_F(StoreTest, SameKeyIsSeenByAnotherProcessBeforeItIsApplied) {
  auto one = open();
  auto two = open();
  const Receipt first = must_record(*one, note("once", "k1"), Stage::kJournaled);
  const Receipt again = must_record(*two, note("once", "k1"), Stage::kJournaled);
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.seq, first.seq);
}

TEST_F(StoreTest, SameKeyOtherContentIsRefusedAndWritesNothing) {
  auto store = open();
  must_record(*store, note("once", "k1"));
  const auto refused = store->record(note("other", "k1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kKeyConflict);
  EXPECT_EQ(store->status()->journaled, 1u);
}

// The limit was tightened since: who repeats a record gets its receipt, anything else the refusal.
TEST_F(StoreTest, ARepetitionOfWhatIsTooLongByNowIsAnswered) {
  const std::string title = "longer than three";
  const Receipt first = must_record(root(), note(title, "k1"));
  set_setting("length_max", "3");
  const auto store = open();
  for (const bool applied : {true, false}) {
    const Receipt again = must_record(*store, note(title, "k1"));
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.seq, first.seq) << applied;
    EXPECT_EQ(again.path, first.path);
    const auto ticket = store->submit(note(title, "k1"));
    ASSERT_TRUE(ticket) << ticket.error().message;
    const auto waited = store->wait(*ticket, Stage::kJournaled);
    ASSERT_TRUE(waited) << waited.error().message;
    EXPECT_TRUE(waited->duplicate);
  }
  for (const Record& other : {note(title + "!", "k1"), note(title, "k2"), note(title)}) {
    const auto refused = store->record(other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kInvalid) << refused.error().message;
  }
  EXPECT_EQ(store->status()->journaled, 1u);
}

TEST_F(StoreTest, IdsOfTwoProcessesNeverMeet) {
  auto one = open();
  auto two = open();
  std::set<uint64_t> ids;
  for (int i = 0; i < 20; ++i) {
    ids.insert(must_record(*one, note("one"), Stage::kJournaled).id);
    ids.insert(must_record(*two, note("two"), Stage::kJournaled).id);
  }
  EXPECT_EQ(ids.size(), 40u);
  EXPECT_EQ(*ids.begin(), 1u);
  EXPECT_EQ(*ids.rbegin(), 40u);
  ASSERT_TRUE(one->sync(false, kForever));
  expect_sound(*one);
}

TEST_F(StoreTest, ThreadsShareGroupsAndEachGetsItsOwnReceipt) {
  auto store = open();
  constexpr int kThreads = 8, kEach = 25;
  std::vector<std::thread> threads;
  std::array<std::vector<Receipt>, kThreads> receipts;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        receipts[t].push_back(must_record(*store, note("thread " + std::to_string(t))));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<uint64_t> seqs;
  for (const auto& each : receipts) {
    for (const Receipt& receipt : each) seqs.insert(receipt.seq);
  }
  EXPECT_EQ(seqs.size(), static_cast<size_t>(kThreads * kEach));
  ASSERT_TRUE(store->sync(false, kForever));
  expect_sound(*store);
}

TEST_F(StoreTest, TellsThatARecordIsDurableBeforeItIsApplied) {
  std::vector<std::pair<uint64_t, Stage>> told;
  std::unique_ptr<Store> store;
  store = open({.on_durable = [&](uint64_t seq) {
    const auto receipt = store->show(seq);
    ASSERT_TRUE(receipt) << receipt.error().message;
    told.emplace_back(seq, receipt->stage);
  }});
  const uint64_t seq = must_record(*store, note("one", "k")).seq;
  EXPECT_TRUE(must_record(*store, note("one", "k")).duplicate);
  EXPECT_EQ(told, (std::vector<std::pair<uint64_t, Stage>>{{seq, Stage::kJournaled},
                                                           {seq, Stage::kApplied}}));
}

TEST_F(StoreTest, BackgroundTicketsAllArrive) {
  {
    auto store = open({.background = true});
    std::vector<Ticket> tickets;
    for (int i = 0; i < 2000; ++i) {
      auto ticket = store->submit(note("note " + std::to_string(i), "k" + std::to_string(i)));
      ASSERT_TRUE(ticket) << ticket.error().message;
      tickets.push_back(std::move(*ticket));
    }
    uint64_t last = 0;
    for (const Ticket& ticket : tickets) {
      const auto receipt = store->wait(ticket);
      ASSERT_TRUE(receipt) << receipt.error().message;
      EXPECT_GT(receipt->seq, last);
      last = receipt->seq;
    }
    const auto synced = store->sync(false, kForever);
    ASSERT_TRUE(synced) << synced.error().message;
    EXPECT_EQ(synced->published, 2000u);
    expect_sound(*store);
  }
  auto store = open();
  EXPECT_EQ(store->status()->published, 2000u);
}

TEST_F(StoreTest, WhatWasOnlySubmittedIsJournalledWhenTheStoreCloses) {
  {
    auto store = open();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(store->submit(note("left behind")));
  }
  auto store = open();
  EXPECT_EQ(store->status()->journaled, 10u);
  ASSERT_TRUE(store->lend_a_hand());
  EXPECT_EQ(store->status()->committed, 10u);
}

TEST_F(StoreTest, TimesNeverRunBackwardAlongTheSequence) {
  auto store = open();
  int64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const Receipt receipt = must_record(*store, note("tick"), Stage::kJournaled);
    EXPECT_GE(receipt.time_ms, last);
    last = receipt.time_ms;
  }
}

TEST_F(StoreTest, ABadFieldIsRefusedBeforeAnythingIsWritten) {
  auto store = open();
  const auto refused =
      store->record({.kind = "note", .fields = {{"titel", std::string("x")}}, .key = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  const auto unknown = store->record({.kind = "nite", .fields = {}, .key = {}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalid);
  EXPECT_EQ(store->status()->journaled, 0u);
}

TEST_F(StoreTest, ABacklogThatIsFullAnswersRetryLater) {
  set_setting("backlog_records_max", "3");
  auto store = open();
  for (int i = 0; i < 3; ++i) must_record(*store, note("room"), Stage::kJournaled);
  const auto refused = store->record(note("no room"), Stage::kJournaled);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRetryLater);
  ASSERT_TRUE(store->lend_a_hand());
  must_record(*store, note("room again"));
}

TEST_F(StoreTest, ACopiedStoreRefusesToWriteAsItsOriginal) {
  {
    must_record(*open(), note("original"), Stage::kPublished);
  }
  const std::string copy = directory_.path().string() + "/copy";
  fs::copy(root(), copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const auto opened = Store::open(copy);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kDisagree);
  const auto init = Store::init(copy, {});
  ASSERT_FALSE(init);
  EXPECT_EQ(init.error().code, Code::kDisagree);
  const auto moved = Store::init(copy, {.moved = true});
  ASSERT_TRUE(moved) << moved.error().message;
  auto store = Store::open(copy);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(must_record(**store, note("second"), Stage::kPublished).seq, 2u);
  expect_sound(**store);
}

TEST_F(StoreTest, ACopyIsReadAllTheSame) {
  {
    must_record(*open(), note("original"), Stage::kPublished);
  }
  const std::string copy = directory_.path().string() + "/copy";
  fs::copy(root(), copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  auto opened = Store::open(copy, {.read_only = true});
  ASSERT_TRUE(opened) << opened.error().message;
  Store& store = **opened;
  EXPECT_EQ(store.show(1)->path, "notes/0000/original-1.md");
  const auto status = store.status();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->published, 1u);
  ASSERT_EQ(status->notes.size(), 1u);
  EXPECT_NE(status->notes[0].find("copied, moved or restored"), std::string::npos);
  expect_sound(store);
  const auto refused = store.record(note("second"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDisagree);
  EXPECT_NE(refused.error().hint.find("--moved"), std::string::npos) << "what to do";
  EXPECT_FALSE(store.sync(false, kForever));
}

TEST_F(StoreTest, ACopyCanBecomeAStoreOfItsOwnAndContinuesAboveTheIdsItFinds) {
  {
    must_record(*open(), note("original"), Stage::kPublished);
  }
  const std::string copy = directory_.path().string() + "/copy";
  fs::copy(root(), copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const auto made = Store::init(copy, {.new_identity = true});
  ASSERT_TRUE(made) << made.error().message;
  auto store = Store::open(copy);
  ASSERT_TRUE(store) << store.error().message;
  const Receipt receipt = must_record(**store, note("of the copy"), Stage::kPublished);
  EXPECT_EQ(receipt.seq, 1u);
  EXPECT_EQ(receipt.id, 2u);
  EXPECT_EQ(must_record(*open(), note("of the original"), Stage::kPublished).seq, 2u);
}

TEST_F(StoreTest, AnInterruptedInitIsNoStoreAndIsFinishedByInitAgain) {
  auto directory = open_posix_directory(root() + "/.git/syncline");
  ASSERT_TRUE(directory);
  auto identity = read_identity(**directory);
  ASSERT_TRUE(identity);
  identity->ready = false;
  ASSERT_TRUE(write_identity(**directory, *identity));
  const auto refused = Store::open(root());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNoStore);
  const auto again = Store::init(root(), {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->existed);
  EXPECT_EQ(again->store_id, identity->store.hex());
  must_record(*open(), note("works"), Stage::kPublished);
}

TEST_F(StoreTest, InitWithAnUnknownProfileMakesNothing) {
  const std::string fresh = directory_.path().string() + "/fresh";
  for (const std::string& directory : {fresh, root()}) {
    const auto made = Store::init(directory, {.profile = "nodes"});
    ASSERT_FALSE(made) << directory;
    EXPECT_EQ(made.error().code, Code::kInvalid);
  }
  EXPECT_FALSE(fs::exists(fresh));
}

TEST_F(StoreTest, AStoreThatLostItsIdentityKeepsItsJournalAside) {
  must_record(*open(), note("first"), Stage::kPublished);
  fs::remove(root() + "/.git/syncline/identity");
  const auto refused = Store::init(root(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDisagree);
  EXPECT_NE(refused.error().message.find("identity"), std::string::npos) << refused.error().message;
  const auto made = Store::init(root(), {.new_identity = true});
  ASSERT_TRUE(made) << made.error().message;
  const Receipt receipt = must_record(*open(), note("second"), Stage::kPublished);
  EXPECT_EQ(receipt.seq, 1u);
  EXPECT_EQ(receipt.id, 2u);
  size_t kept = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root() + "/.git/syncline/kept")) {
    kept += entry.path().extension() == ".seg";
  }
  EXPECT_EQ(kept, 1u);
}

TEST_F(StoreTest, ATableWithRowsIsContinuedAboveItsHighestId) {
  ASSERT_EQ(std::system(("sqlite3 '" + root() +
                         "/syncline.db' \"INSERT INTO notes(id, title, path, created_at) "
                         "VALUES (41, 'theirs', '', '')\"")
                            .c_str()),
            0);
  auto store = open();
  EXPECT_EQ(must_record(*store, note("ours")).id, 42u);
}

TEST_F(StoreTest, AboveTheLargestIdNothingIsWritten) {
  sql("INSERT INTO notes(id, title, path, created_at) "
      "VALUES (9223372036854775807, 'theirs', '', '')");
  auto store = open();
  const auto refused = store->record(note("ours"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  EXPECT_EQ(refused.error().seq, 0u);
  EXPECT_NE(refused.error().message.find("no id is left in table notes"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(store->status()->journaled, 0u);
  EXPECT_EQ(notes(), 1);
  // The same process goes on once the row is out of the way.
  sql("UPDATE notes SET id = 7");
  EXPECT_EQ(must_record(*store, note("ours")).id, 8u);
}

// Accepted before the row above it came, it gets an id all the same: a free one.
TEST_F(StoreTest, ARebindBelowTheLargestIdTakesTheNextThatIsFree) {
  auto store = open();
  EXPECT_EQ(must_record(*store, note("first")).id, 1u);
  const Receipt waiting = must_record(*store, note("second"), Stage::kJournaled);
  EXPECT_EQ(waiting.id, 2u);
  sql("INSERT INTO notes(id, title, path, created_at) VALUES "
      "(2, 'a', '', ''), (3, 'b', '', ''), (9223372036854775807, 'c', '', '')");
  ASSERT_TRUE(store->sync(false, kForever));
  const auto shown = store->show(waiting.seq);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->set_aside, "");
  EXPECT_TRUE(shown->rebound);
  EXPECT_EQ(shown->id, 4u);
}

// Numbers in the names of a repository's files that no row can have are nobody's ids.
TEST_F(StoreTest, ACloneTakesNoIdFromANumberThatIsNone) {
  must_record(*open(), note("original"), Stage::kPublished);
  for (const char* name : {"x-18446744073709551615.md", "y-9223372036854775808.md"}) {
    std::ofstream(root() + "/" + name) << "text\n";
  }
  const std::string clone = directory_.path().string() + "/clone";
  const std::string command = "cd '" + root() + "' && git add '*.md' && git -c user.name=a " +
                              "-c user.email=a@a commit -qm theirs && git clone -q . '" + clone +
                              "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto made = Store::init(clone, {.new_identity = true});
  ASSERT_TRUE(made) << made.error().message;
  auto store = Store::open(clone);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(must_record(**store, note("of the clone")).id, 2u);
}

TEST_F(StoreTest, TheIdThatARebindGaveOutIsNotDecidedAgain) {
  auto store = open();
  EXPECT_EQ(must_record(*store, note("first")).id, 1u);
  ASSERT_EQ(std::system(("sqlite3 '" + root() +
                         "/syncline.db' \"INSERT INTO notes(id, title, path, created_at) "
                         "VALUES (2, 'theirs', '', '')\"")
                            .c_str()),
            0);
  const Receipt rebound = must_record(*store, note("second"));
  EXPECT_TRUE(rebound.rebound);
  EXPECT_EQ(rebound.id, 3u);
  const Receipt next = must_record(*store, note("third"));
  EXPECT_FALSE(next.rebound);
  EXPECT_EQ(next.id, 4u);
}

}  // namespace
}  // namespace syncline
