// The Store facade: what a program that embeds it relies on. Two Store objects on one folder stand
// for two processes here (locks belong to descriptors); real processes are the end-to-end tests'
// matter.
#include "syncline/store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <new>
#include <set>
#include <thread>

#include "engine/place/identity.h"
#include "engine/place/store_platform.h"
#include "engine/sqlite/database.h"
#include "tests/support/hooked_directory.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

Record note(std::string title, std::string key = {}) {
  return {.kind = "note",
          .fields = {{"title", std::move(title)}, {"body", std::string("text\n")}},
          .key = std::move(key)};
}

std::string read_text(const fs::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto made = Store::init(root(), {});
    ASSERT_TRUE(made) << made.error().message;
  }
  std::string root() const { return folder_.path().string() + "/a store"; }
  std::unique_ptr<Store> open(StoreOptions options = {}) {
    auto store = Store::open(root(), options);
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  // Records, and fails the test with the reason where it is refused.
  Receipt must_record(Store& store, const Record& record, Stage stage = Stage::kApplied) {
    const auto receipt = store.record(record, stage);
    EXPECT_TRUE(receipt) << receipt.error().message;
    return receipt ? *receipt : Receipt{};
  }
  // Replaces the line of syncline.toml that sets `name`, or says it, commented out.
  void set_setting(const std::string& name, const std::string& value) const {
    std::string text = read_text(root() + "/syncline.toml");
    const size_t at = text.find(name);
    ASSERT_NE(at, std::string::npos) << name;
    const size_t begin = text.rfind('\n', at) + 1;
    text.replace(begin, text.find('\n', at) - begin, name + " = " + value);
    std::ofstream(root() + "/syncline.toml") << text;
  }
  int64_t notes() const {
    const auto database = Database::open({root() + "/syncline.db"}, Database::Access::kRead);
    if (!database) return -1;
    auto count = (*database)->prepare("SELECT count(*) FROM notes");
    return count && count->step() ? count->integer(0) : -1;
  }
  // As a person's own program.
  void sql(const std::string& statement) const {
    const std::string command = "sqlite3 '" + root() + "/syncline.db' \"" + statement + "\"";
    ASSERT_EQ(std::system(command.c_str()), 0) << statement;
  }
  void expect_sound(Store& store) {
    const auto report = store.verify({});
    ASSERT_TRUE(report) << report.error().message;
    for (const Finding& finding : report->findings) {
      ADD_FAILURE() << finding_class_name(finding.cls) << " seq " << finding.seq << " "
                    << finding.path << ": " << finding.detail;
    }
  }
  TemporaryDirectory folder_;
};

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
      tickets.push_back(*ticket);
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
  const std::string copy = folder_.path().string() + "/copy";
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

TEST_F(StoreTest, ACopyCanBecomeAStoreOfItsOwnAndContinuesAboveTheIdsItFinds) {
  {
    must_record(*open(), note("original"), Stage::kPublished);
  }
  const std::string copy = folder_.path().string() + "/copy";
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

// The limits of a store that keeps two segments of a MiB of its journal.
class RetentionTest : public StoreTest {
 protected:
  static constexpr uint64_t kSegmentBytes = 1u << 20;
  // A segment is left once it is nearly full, and takes a whole group until then; beyond its frames
  // it holds zeros ahead and what is kept back for control frames.
  static constexpr uint64_t kLongestSegmentBytes = 2 * kSegmentBytes + (256u << 10);

  void SetUp() override {
    StoreTest::SetUp();
    set_setting("segment_bytes_max", std::to_string(kSegmentBytes));
    set_setting("retain_bytes_max", std::to_string(2 * kSegmentBytes));
  }
  static Record large_note(int number) {
    Record record = note("n" + std::to_string(number), "k" + std::to_string(number));
    record.fields.back().second = std::string(20'000, 'x') + "\n";
    return record;
  }
  void submit_large_notes(Store& store, int first, int last) {
    for (int number = first; number < last; ++number) {
      ASSERT_TRUE(store.submit(large_note(number)));
    }
  }
  static void must_sync(Store& store) {
    const auto synced = store.sync(false, kForever);
    ASSERT_TRUE(synced) << synced.error().message;
    EXPECT_TRUE(synced->waiting.empty()) << synced->waiting;
  }
  std::map<std::string, uint64_t> segment_bytes() const {
    std::map<std::string, uint64_t> found;
    for (const auto& entry : fs::directory_iterator(root() + "/.git/syncline/journal")) {
      if (entry.path().extension() == ".seg") found[entry.path().filename()] = entry.file_size();
    }
    return found;
  }
};

TEST_F(RetentionTest, TheJournalIsTrimmedBehindACheckpointAndKeysAreKept) {
  auto store = open({.background = true});
  submit_large_notes(*store, 0, 400);
  must_record(*store, note("last"));
  must_sync(*store);
  const auto status = store->status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->published, 401u);
  // Of more than 8 MiB recorded the segment in use and the one before it may be above the limit.
  EXPECT_LE(status->journal_bytes, 2 * kLongestSegmentBytes);
  EXPECT_EQ(must_record(*store, large_note(0)).seq, 1u);
}

TEST_F(RetentionTest, WhatWasAppliedInOneGoIsTrimmedToo) {
  auto store = open();
  submit_large_notes(*store, 0, 400);
  must_record(*store, note("last"));
  must_sync(*store);
  EXPECT_LE(segment_bytes().size(), 2u);
}

TEST_F(RetentionTest, WhatIsOnItsWayToTheBranchKeepsItsSegmentsOnly) {
  set_setting("publish_interval_ms", "86400000");
  auto store = open();
  submit_large_notes(*store, 0, 200);
  must_record(*store, note("carried"));
  must_sync(*store);
  const uint64_t carried = segment_bytes().size();
  submit_large_notes(*store, 200, 400);
  must_record(*store, note("committed"), Stage::kCommitted);
  const auto behind = store->status();
  ASSERT_TRUE(behind);
  ASSERT_LT(behind->published, behind->committed);
  EXPECT_GT(segment_bytes().size(), carried);
  must_sync(*store);
  EXPECT_LE(segment_bytes().size(), 2u);
}

TEST_F(RetentionTest, AStoreThatWasTrimmedToItsLastSegmentGoesOn) {
  for (int round = 0; round < 4; ++round) {
    auto store = open();
    submit_large_notes(*store, round * 120, round * 120 + 120);
    must_record(*store, note("round " + std::to_string(round)));
    must_sync(*store);
    expect_sound(*store);
  }
  auto store = open();
  EXPECT_EQ(must_record(*store, note("after"), Stage::kPublished).seq, 4 * 121u + 1);
}

TEST_F(RetentionTest, ATrimmedRecordWithoutAKeyIsSaidToBeTrimmed) {
  auto store = open();
  must_record(*store, note("without a key"));
  submit_large_notes(*store, 1, 400);
  must_record(*store, note("last"));
  must_sync(*store);
  const auto trimmed = store->show(1);
  ASSERT_FALSE(trimmed);
  EXPECT_EQ(trimmed.error().code, Code::kNotFound);
  EXPECT_NE(trimmed.error().message.find("trimmed"), std::string::npos) << trimmed.error().message;
  std::vector<uint64_t> logged;
  const auto read = store->log(1, /*follow=*/false, [&](const LogEntry& entry) {
    logged.push_back(entry.receipt.seq);
    return true;
  });
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_FALSE(logged.empty());
  EXPECT_GT(logged.front(), 1u);
  EXPECT_EQ(logged.back(), 401u);
}

// A receipt by its parts, so that a difference is told by name.
std::string parts_of(const Receipt& receipt) {
  return fmt::format("seq {} kind {} key {} table {} id {} path {} time {} rebound {}", receipt.seq,
                     receipt.kind, receipt.key, receipt.table, receipt.id, receipt.path,
                     receipt.time_ms, receipt.rebound);
}

TEST_F(RetentionTest, ATrimmedRecordsKeyAnswersWithTheWholeReceipt) {
  std::string first, rebound;
  {
    auto store = open();
    first = parts_of(must_record(*store, large_note(0)));
    sql("INSERT INTO notes(id, title, path, created_at) VALUES (2, 'theirs', '', '')");
    const Receipt moved = must_record(*store, large_note(1));
    ASSERT_TRUE(moved.rebound);
    rebound = parts_of(moved);
    submit_large_notes(*store, 2, 400);
    must_record(*store, note("last"));
    must_sync(*store);
    ASSERT_GT(segment_bytes().begin()->first, "0000000000000001.seg");
  }
  const auto expect_kept = [&] {
    auto store = open();
    const Receipt again = must_record(*store, large_note(0));
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(parts_of(again), first);
    const auto by_key = store->show_key("k1");
    ASSERT_TRUE(by_key) << by_key.error().message;
    EXPECT_EQ(parts_of(*by_key), rebound);
    const auto by_seq = store->show(2);
    ASSERT_TRUE(by_seq) << by_seq.error().message;
    EXPECT_EQ(parts_of(*by_seq), rebound);
    Record other = large_note(0);
    other.fields[0].second = std::string("another title");
    const auto refused = store->record(other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kKeyConflict);
  };
  expect_kept();
  // The database that knew them is lost: the journal's folder still does. The retry comes first,
  // and no id is given again.
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
  expect_kept();
  EXPECT_GT(must_record(*open(), note("after")).id, 400u);
}

// A trim writes what it takes away, and nothing that it kept before.
TEST_F(RetentionTest, WhatWasKeptIsNotWrittenAgain) {
  const auto kept = [&] {
    std::map<std::string, fs::file_time_type> found;
    for (const auto& entry : fs::directory_iterator(root() + "/.git/syncline/journal")) {
      if (entry.path().extension() == ".keys") {
        found[entry.path().filename()] = entry.last_write_time();
      }
    }
    return found;
  };
  auto store = open();
  submit_large_notes(*store, 0, 400);
  must_record(*store, note("one"));
  must_sync(*store);
  const auto before = kept();
  ASSERT_GE(before.size(), 3u);
  submit_large_notes(*store, 400, 800);
  must_record(*store, note("two"));
  must_sync(*store);
  const auto after = kept();
  EXPECT_GT(after.size(), before.size());
  for (const auto& [name, time] : before) EXPECT_EQ(after.at(name), time) << name;
}

TEST_F(RetentionTest, ADatabaseThatIsLostWithATrimmedJournalIsNoSilentLoss) {
  {
    auto store = open();
    submit_large_notes(*store, 0, 400);
    must_record(*store, note("last"));
    must_sync(*store);
  }
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
  auto store = open();
  must_record(*store, note("after"));
  const std::vector<std::string> notes = store->take_notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("was trimmed: rows of records up to"), std::string::npos) << notes[0];
  expect_sound(*store);
}

// What a trimmed journal no longer tells is no fault of the store; what it does tell still is.
TEST_F(RetentionTest, VerifyOfATrimmedStoreFindsStrangersStill) {
  auto store = open();
  submit_large_notes(*store, 0, 400);
  const Receipt last = must_record(*store, note("last"));
  must_sync(*store);
  expect_sound(*store);
  ASSERT_EQ(std::system(("sqlite3 '" + root() +
                         "/syncline.db' \"INSERT INTO notes(id, title, path, created_at) "
                         "VALUES(1000, 'foreign', 'x', 'y')\"")
                            .c_str()),
            0);
  fs::remove(root() + "/" + last.path);
  const auto report = store->verify({});
  ASSERT_TRUE(report) << report.error().message;
  std::set<std::string> classes;
  for (const Finding& finding : report->findings) classes.emplace(finding_class_name(finding.cls));
  EXPECT_EQ(classes, (std::set<std::string>{"foreign-row", "row-without-file"}));
}

TEST_F(RetentionTest, ASegmentIsNoLargerThanItsLimitAndAGroup) {
  set_setting("retain_bytes_max", "0");
  auto store = open();
  submit_large_notes(*store, 0, 400);
  must_record(*store, note("last"));
  for (const auto& [name, bytes] : segment_bytes()) EXPECT_LE(bytes, kLongestSegmentBytes) << name;
  EXPECT_GE(segment_bytes().size(), 4u);
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

TEST_F(StoreTest, AMissingDatabaseIsMadeAgainAndSaidOnce) {
  must_record(*open(), note("before"));
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
  auto store = open();
  EXPECT_EQ(must_record(*store, note("after")).id, 2u);
  const std::vector<std::string> notes = store->take_notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("was missing"), std::string::npos) << notes[0];
  must_record(*store, note("later"));
  EXPECT_TRUE(store->take_notes().empty());
  expect_sound(*store);
}

TEST_F(StoreTest, InitWithAnUnknownProfileMakesNothing) {
  const std::string fresh = folder_.path().string() + "/fresh";
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

TEST_F(StoreTest, ALostFileAndALostRowAreFoundAndHealed) {
  Receipt first, second;
  {
    auto store = open();
    first = must_record(*store, note("file goes"));
    second = must_record(*store, note("row goes"));
    ASSERT_TRUE(store->sync(false, kForever));
  }
  fs::remove(root() + "/" + first.path);
  ASSERT_EQ(std::system(("sqlite3 '" + root() + "/syncline.db' 'DELETE FROM notes WHERE id = " +
                         std::to_string(second.id) + "'")
                            .c_str()),
            0);
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
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
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
  const std::string into = folder_.path().string() + "/replayed";
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
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
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
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(finding_class_name(report->findings[0].cls), "foreign-row");

  const std::string into = folder_.path().string() + "/replayed";
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
  const std::string into = folder_.path().string() + "/then";
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
  const std::string clone = folder_.path().string() + "/clone";
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

TEST_F(StoreTest, WhatIsInTheDatabasesWayIsRefusedBeforeAnythingIsWritten) {
  auto store = open();
  must_record(*store, note("applied"));
  fs::rename(root() + "/syncline.db", root() + "/elsewhere.db");
  fs::create_directory(root() + "/syncline.db");
  const auto receipt = store->record(note("not written"), Stage::kApplied);
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().code, Code::kUnsafePath) << receipt.error().message;
  EXPECT_EQ(receipt.error().seq, 0u);
}

// The real system, but before each operation on a folder `hook` is asked.
class HookedPlatform final : public StorePlatform {
 public:
  explicit HookedPlatform(std::function<Status()> hook)
      : hook_(std::make_shared<DirectoryHook>(
            [hook = std::move(hook)](std::string_view, const std::string&) { return hook(); })) {}
  Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override {
    TRY_ASSIGN(auto opened, StorePlatform::open_directory(path));
    return std::make_unique<HookedDirectory>(std::move(opened), hook_);
  }

 private:
  std::shared_ptr<DirectoryHook> hook_;
};

TEST_F(StoreTest, AThreadThatRunsOutOfMemoryIsReportedAndGoesOn) {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> calls_left =
      -1;  // until what one of the store's own threads asks finds no memory
  HookedPlatform platform([&]() -> Status {
    if (std::this_thread::get_id() != caller && calls_left-- == 0) throw std::bad_alloc();
    return {};
  });
  // As far as the threads come; that depends on which of them is first, and they come at least so
  // far.
  constexpr int kCallsMin = 40, kCallsMax = 60;
  int call = 0;
  for (bool came = true; came && call < kCallsMax; ++call) {
    const Record record = note(fmt::format("starved at call {}", call), std::to_string(call));
    calls_left = call;
    {
      const auto store = open({.background = true, .platform = &platform});
      ASSERT_NE(store, nullptr);
      const auto ticket = store->submit(record, kForever);
      ASSERT_TRUE(ticket);
      const auto receipt = store->wait(*ticket, Stage::kApplied, kForever);
      if (!receipt) {
        const Code code = receipt.error().code;
        EXPECT_TRUE(code == Code::kOutcomeUnknown || code == Code::kRetryLater)
            << code_name(code) << ": " << receipt.error().message;
        EXPECT_EQ(must_record(*store, record).id, must_record(*store, record).id);
      }
    }
    came = calls_left < 0;
  }
  EXPECT_GE(call, kCallsMin);
  const auto store = open();
  expect_sound(*store);
  EXPECT_EQ(store->status()->applied, static_cast<uint64_t>(call));
}

// A power cut has taken the bytes of a file that was not yet synced, and an error comes while the
// files are looked through. Who applies on top of that without looking again would let the next
// checkpoint call synced what is lost. Story 554 of the simulation.
TEST_F(StoreTest, ACheckOfTheFilesThatFailsOnceIsMadeAgain) {
  std::string path;
  {
    const auto store = open();
    path = root() + "/" + must_record(*store, note("unsynced")).path;
  }
  const std::string whole = read_text(path);
  int operations_left = -1;  // until the one that fails
  HookedPlatform platform([&]() -> Status {
    if (operations_left-- == 0) return errno_error(EIO, "the test");
    return {};
  });
  // More than a store that holds so little needs until the first record is applied: what comes with
  // the records added here is the same again.
  constexpr int kOperations = 100;
  for (int operation = 0; operation < kOperations; ++operation) {
    SCOPED_TRACE(operation);
    std::ofstream(path, std::ios::trunc) << std::string(whole.size(), '\0');
    std::ofstream(root() + "/.git/syncline/cache.token", std::ios::trunc) << "of another boot";
    operations_left = operation;
    auto store = Store::open(root(), {.platform = &platform});
    if (!store) store = Store::open(root(), {.platform = &platform});
    ASSERT_TRUE(store) << store.error().message;
    const Record next = note("next", "next " + std::to_string(operation));
    const auto first = (*store)->record(next, Stage::kApplied);
    if (!first) must_record(**store, next);
    EXPECT_EQ(read_text(path), whole);
    EXPECT_LT(operations_left, 0) << "nothing came to operation " << operation;
  }
}

TEST_F(StoreTest, ATableThatLacksAColumnMakesRecordsWaitAndStatusSaysWhy) {
  const auto change = [&](const std::string& sql) {
    auto database = Database::open({root() + "/syncline.db"}, Database::Access::kWrite);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->execute(sql));
  };
  const auto store = open();
  change("ALTER TABLE notes RENAME COLUMN tags TO labels");
  const auto waiting = store->record(note("a"));
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, Code::kRetryLater);
  EXPECT_EQ(waiting.error().seq, 1u);  // it is durable, and told so
  const auto status = store->status();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->applied, 0u);
  ASSERT_FALSE(status->notes.empty());
  EXPECT_NE(status->notes.back().find("no column named tags"), std::string::npos)
      << status->notes.back();
  change("ALTER TABLE notes RENAME COLUMN labels TO tags");
  const auto healed = store->status();
  ASSERT_TRUE(healed);
  EXPECT_EQ(healed->applied, 1u);
  EXPECT_EQ(healed->set_aside, 0u);
}

// ---- whose it is, and what a configuration may say ----

// Seen by a user who is not the owner.
class StrangersPlatform final : public StorePlatform {
 public:
  explicit StrangersPlatform(bool git_lets_in) : git_lets_in_(git_lets_in) {}
  uint32_t effective_user() override { return StorePlatform::effective_user() + 1; }
  Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& /*environment*/,
                                    Deadline /*deadline*/) override {
    // Asked of git plainly: nothing on its command line says that the store is trusted.
    for (const std::string& argument : arguments) {
      EXPECT_EQ(argument.find("safe.directory"), std::string::npos) << argument;
    }
    return CommandResult{.exit_code = git_lets_in_ ? 0 : 128, .error_text = {}};
  }

 private:
  const bool git_lets_in_;
};

TEST_F(StoreTest, AnotherUsersStoreIsNotEvenReadUnlessGitWouldLetIn) {
  StrangersPlatform stranger(false);
  for (const bool read_only : {false, true}) {
    const auto refused = Store::open(root(), {.read_only = read_only, .platform = &stranger});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kUnsafePath);
    EXPECT_NE(refused.error().hint.find("safe.directory"), std::string::npos);
  }
  EXPECT_FALSE(Store::init(root(), {.platform = &stranger}));
  StrangersPlatform let_in(true);
  const auto opened = Store::open(root(), {.platform = &let_in});
  ASSERT_TRUE(opened) << opened.error().message;
}

TEST_F(StoreTest, ASettingThatNamesAnotherDatabaseIsRefusedUntilTheDatabaseIsMoved) {
  const fs::path top(root());
  {
    const auto store = Store::open(root());
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->record(note("a", "the key")));
  }
  set_setting("database", "\"data/rows.db\"");
  const auto refused = Store::open(root());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDisagree);
  EXPECT_FALSE(Store::init(root(), {}));
  EXPECT_FALSE(fs::exists(top / "data"));

  const auto moved = Store::init(root(), {.moved = true});
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_FALSE(fs::exists(top / "syncline.db"));
  const auto store = Store::open(root());
  ASSERT_TRUE(store) << store.error().message;
  const auto again = (*store)->record(note("a", "the key"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->duplicate);
  EXPECT_TRUE(fs::exists(top / "data/rows.db"));
}

// Written beside, and never renamed, because their writer died.
TEST_F(StoreTest, TheNextFoldTidiesWhatADeadOneWasWriting) {
  const std::string id = Store::init(root(), {})->store_id;
  const std::string git = root() + "/.git/";
  const std::vector<std::string> left = {git + "syncline/.syncline-tmp-sync.state-0",
                                         git + "syncline/.syncline-tmp-pushed-0",
                                         git + "syncline/.syncline-tmp-consolidated-1",
                                         git + "refs/syncline/.syncline-tmp-" + id + ".lock-0"};
  const std::string another =
      git + "refs/syncline/.syncline-tmp-" + std::string(32, 'a') + ".lock-0";
  must_record(*open(), note("one"), Stage::kCommitted);
  for (const std::string& path : left) std::ofstream(path) << "half";
  std::ofstream(another) << "half";
  must_record(*open(), note("two"), Stage::kCommitted);
  for (const std::string& path : left) EXPECT_FALSE(fs::exists(path)) << path;
  EXPECT_TRUE(fs::exists(another)) << "another store may be writing it";
}

TEST_F(StoreTest, ANewStoreTakesNoFileOfAPersonForItsDatabase) {
  TemporaryDirectory other;
  const fs::path top = other / "store";
  fs::create_directories(top);
  std::ofstream(top / "syncline.db") << "a person's text";
  const auto refused = Store::init(top.string(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnsafePath) << refused.error().message;
  EXPECT_EQ(read_text(top / "syncline.db"), "a person's text");
  fs::remove(top / "syncline.db");
  EXPECT_TRUE(Store::init(top.string(), {}));
}

}  // namespace
}  // namespace syncline
