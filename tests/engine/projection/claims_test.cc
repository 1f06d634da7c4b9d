// What was acknowledged is never taken for a torn tail, whatever still knows of it; and what is
// damaged is put back where its content is still had. On the real file system; the simulation tries
// the same at every frame (tests/simulation/rot.h).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/place/identity.h"
#include "engine/sqlite/database.h"
#include "journal/base/try.h"
#include "journal/log/control_page.h"
#include "journal/log/reader.h"
#include "journal/log/segment.h"
#include "syncline/store.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

class ClaimsTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_directory_ = std::move(*open_posix_directory(store_dir()));
    identity_ = *read_identity(*store_directory_);
  }
  std::string store_dir() const { return root() + "/.git/syncline"; }
  std::string segment() const { return store_dir() + "/journal/" + segment_name(1); }
  Receipt must_record(const Record& record, Stage stage = Stage::kApplied) const {
    return StoreTest::must_record(root(), record, stage);
  }
  // Every frame of segment 1, in order.
  struct Frame {
    Operation operation = Operation::kCreate;
    uint64_t seq = 0, offset = 0, end = 0;
  };
  std::vector<Frame> frames() {
    std::vector<Frame> found;
    const auto journal =
        Journal::open(*store_directory_, identity_.store, system_clock(), make_plain_ring(), {});
    EXPECT_TRUE(journal) << journal.error().message;
    const auto reader = Reader::open(*store_directory_, identity_.store, {});
    while (true) {
      const auto frame = (*reader)->next((*journal)->end());
      EXPECT_TRUE(frame) << frame.error().message;
      if (!frame || !*frame) return found;
      found.push_back(
          {(*frame)->operation, (*frame)->seq, (*frame)->position.offset, (*frame)->end().offset});
    }
  }
  std::string bytes() const {
    std::ifstream file(segment(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& bytes) const { std::ofstream(segment(), std::ios::binary) << bytes; }
  void spoil(uint64_t offset, uint64_t count, bool zero) const {
    std::string all = bytes();
    for (uint64_t at = offset; at < offset + count; ++at) {
      all[at] = zero ? '\0' : static_cast<char>(all[at] ^ 0x10);
    }
    put(all);
  }
  void remove(const std::string& name) const {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(name + suffix);
  }
  // Refused with the frame's place, twice, and nothing changed.
  void expect_refused(uint64_t offset, const std::string& by) {
    const std::string before = bytes();
    for (int i = 0; i < 2; ++i) {
      const auto store = Store::open(root());
      ASSERT_FALSE(store) << "opened, though " << by << " knows of it";
      EXPECT_EQ(store.error().code, Code::kCorrupt) << store.error().message;
      EXPECT_NE(store.error().message.find(fmt::format("segment 1 offset {}", offset)),
                std::string::npos)
          << store.error().message;
      EXPECT_NE(store.error().message.find(by), std::string::npos) << store.error().message;
    }
    EXPECT_TRUE(bytes() == before);
    EXPECT_FALSE(fs::exists(store_dir() + "/journal/" + segment_name(2)));
  }
  RepairReport must_salvage() {
    const auto report = Store::salvage(root(), /*dry_run=*/false);
    EXPECT_TRUE(report) << report.error().message;
    for (const Finding& left : report->left) ADD_FAILURE() << left.detail;
    return *report;
  }
  void expect_sound() {
    const auto store = open();
    ASSERT_NE(store, nullptr);
    syncline::expect_sound(*store);
  }
  Status append(Operation operation, ByteSpan payload) {
    TRY_ASSIGN(const auto journal, Journal::open(*store_directory_, identity_.store, system_clock(),
                                                 make_plain_ring(), {}));
    Result<Appended> appended = make_error(Code::kInternal, "not appended");
    {
      TRY_ASSIGN(AppendTurn turn, journal->begin_append());
      const NewFrame frame{operation, is_record(operation) ? 99u : 0u,
                           std::max(system_clock().now_ms(), turn.last_time_ms()), payload,
                           hash_payload(payload)};
      appended = turn.append({&frame, 1});
    }
    TRY(appended);
    return journal->flush(*appended);
  }

  std::unique_ptr<Directory> store_directory_;
  Identity identity_;
};

TEST_F(ClaimsTest, TheControlPageSpeaksForARecordThatNobodyHasApplied) {
  must_record(note("before"), Stage::kPublished);
  const auto held = store_directory_->open_lock("apply.lock");
  ASSERT_TRUE((*held)->lock(FileLock::Mode::kExclusive, kForever));
  must_record(note("a", "ack"), Stage::kJournaled);
  (*held)->unlock();
  const Frame last = frames().back();
  ASSERT_EQ(last.seq, 2u);
  const std::string good = bytes();
  spoil(last.offset + kFrameHeaderBytes + 5, 1, /*zero=*/false);
  expect_refused(last.offset, std::string(kPageClaim));
  put(good);
  spoil(last.offset, last.end - last.offset, /*zero=*/true);
  expect_refused(last.offset, std::string(kPageClaim));
  put(good);
  EXPECT_EQ(open()->show_key("ack")->seq, 2u);
}

TEST_F(ClaimsTest, TheDatabaseSpeaksForTheOutcomesOfWhatItHasApplied) {
  must_record(note("one"));
  {
    // A foreign row takes the next id, so that the last frame is a rebind.
    const auto database = Database::open({root() + "/syncline.db"}, Database::Access::kWrite);
    ASSERT_TRUE(database);
    const auto held = store_directory_->open_lock("apply.lock");
    ASSERT_TRUE((*held)->lock(FileLock::Mode::kExclusive, kForever));
    must_record(note("two"), Stage::kJournaled);
    ASSERT_TRUE((*database)->execute(
        "INSERT INTO notes(id, title, body, tags, path, created_at) VALUES(2,'t','','','p','x')"));
    (*held)->unlock();
  }
  {
    const auto held = store_directory_->open_lock("sync.lock");
    ASSERT_TRUE((*held)->lock(FileLock::Mode::kExclusive, kForever));
    ASSERT_TRUE(open()->lend_a_hand());
  }
  const Frame last = frames().back();
  ASSERT_EQ(last.operation, Operation::kRebind);
  spoil(last.offset + kFrameHeaderBytes + 1, 1, /*zero=*/false);
  fs::remove(store_dir() + "/control");
  expect_refused(last.offset, "durable mark in syncline.db");
  must_salvage();
  expect_sound();
}

TEST_F(ClaimsTest, SyncStateSpeaksForABatchFrame) {
  // A person's git holds the index: what is folded is not published.
  std::ofstream(root() + "/.git/index.lock") << "";
  must_record(note("one"), Stage::kCommitted);
  fs::remove(root() + "/.git/index.lock");
  const Frame last = frames().back();
  ASSERT_EQ(last.operation, Operation::kBatch);
  const std::string good = bytes();
  spoil(last.offset + kFrameHeaderBytes + 9, 2, /*zero=*/false);
  fs::remove(store_dir() + "/control");
  remove(root() + "/syncline.db");
  expect_refused(last.offset, "sync.state");
  // More than a flipped bit: the commit itself tells what the frame said.
  const RepairReport report = must_salvage();
  ASSERT_EQ(report.healed.size(), 1u);
  EXPECT_NE(report.healed[0].detail.find("put back from commit "), std::string::npos)
      << report.healed[0].detail;
  EXPECT_TRUE(bytes() == good);
  ASSERT_TRUE(open()->lend_a_hand());  // makes the database again
  expect_sound();
}

TEST_F(ClaimsTest, ACommitSpeaksForTheRecordsInIt) {
  must_record(note("one"));
  must_record(note("two"), Stage::kCommitted);
  Frame two;
  for (const Frame& frame : frames()) {
    if (frame.seq == 2) two = frame;
  }
  const std::string whole = bytes();
  spoil(two.offset, whole.size() - two.offset, /*zero=*/true);
  remove(root() + "/syncline.db");
  fs::remove(store_dir() + "/control");
  fs::remove(store_dir() + "/sync.state");
  expect_refused(two.offset, "trailer of refs/syncline/");
}

TEST_F(ClaimsTest, ADatabaseOfAnotherStoreClaimsNothing) {
  must_record(note("one"));
  const std::string other = directory_.path().string() + "/other";
  ASSERT_TRUE(Store::init(other, {}));
  {
    const auto store = Store::open(other);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE((*store)->record(note("theirs")));
  }
  remove(root() + "/syncline.db");
  fs::copy(other + "/syncline.db", root() + "/syncline.db");
  if (fs::exists(other + "/syncline.db-wal")) {
    fs::copy(other + "/syncline.db-wal", root() + "/syncline.db-wal");
  }
  const auto store = Store::open(root());
  // Whatever becomes of that database: the journal has lost nothing, and nobody says so.
  const std::string said = store ? "" : store.error().message;
  EXPECT_EQ(said.find("lost data"), std::string::npos) << said;
}

// ---- put back ----

TEST_F(ClaimsTest, ARecordIsPutBackFromItsRow) {
  const Receipt before = must_record(note("kept in its row", "key-1"), Stage::kPublished);
  Frame record;
  for (const Frame& frame : frames()) {
    if (frame.seq == 1) record = frame;
  }
  const std::string good = bytes();
  spoil(record.offset + kFrameHeaderBytes, 40, /*zero=*/true);
  const RepairReport report = must_salvage();
  ASSERT_EQ(report.healed.size(), 1u);
  EXPECT_EQ(report.healed[0].seq, 1u);
  EXPECT_NE(report.healed[0].detail.find("row 1 of notes"), std::string::npos)
      << report.healed[0].detail;
  EXPECT_TRUE(bytes() == good) << "it is the very record";
  expect_sound();
  const auto shown = open()->show_key("key-1");
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->time_ms, before.time_ms);
  EXPECT_EQ(shown->path, before.path);
}

TEST_F(ClaimsTest, ALastRecordOfWhichNothingIsLeftIsPutBackFromRowAndFile) {
  must_record(note("one"));
  const auto held = store_directory_->open_lock("sync.lock");
  ASSERT_TRUE((*held)->lock(FileLock::Mode::kExclusive, kForever));
  const Receipt before = must_record(note("two", "key-2"));
  (*held)->unlock();
  const Frame last = frames().back();
  ASSERT_EQ(last.seq, 2u);
  spoil(last.offset, last.end - last.offset, /*zero=*/true);
  expect_refused(last.offset, "durable");
  must_salvage();
  expect_sound();
  const auto again = open()->record(note("two", "key-2"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->seq, 2u);
  EXPECT_EQ(again->id, before.id);
  EXPECT_EQ(again->time_ms, before.time_ms);
  EXPECT_EQ(must_record(note("three")).seq, 3u);
}

TEST_F(ClaimsTest, WhatWasNeverAppliedAndIsGoneIsLeftAndSaid) {
  must_record(note("before"));
  const auto held = store_directory_->open_lock("apply.lock");
  ASSERT_TRUE((*held)->lock(FileLock::Mode::kExclusive, kForever));
  must_record(note("a"), Stage::kJournaled);
  (*held)->unlock();
  const Frame last = frames().back();
  spoil(last.offset + kFrameHeaderBytes, 64, /*zero=*/true);
  const std::string damaged = bytes();
  const auto report = Store::salvage(root(), /*dry_run=*/false);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->healed.empty());
  ASSERT_EQ(report->left.size(), 1u);
  EXPECT_EQ(finding_class_name(report->left[0].cls), "journal-damaged");
  EXPECT_TRUE(bytes() == damaged);
}

// ---- frames of a newer program ----

struct NewerFrame {
  const char* name;
  Operation operation;
  ByteVector payload;
  Code code;
};

TEST_F(ClaimsTest, NothingIsWrittenBehindAFrameThatThisProgramCannotActOn) {
  const ByteVector version_2{std::byte{2}, std::byte{0}};
  const ByteVector version_3{std::byte{3}, std::byte{0}};
  const ByteVector empty;
  const ByteVector no_batch{std::byte{1}, std::byte{0}};
  const NewerFrame frames[] = {
      {"an unknown control operation", Operation{40}, version_2, Code::kUnsupported},
      {"an unknown record operation", Operation{9}, version_2, Code::kUnsupported},
      {"a batch of payload version 3", Operation::kBatch, version_3, Code::kUnsupported},
      {"a set-aside of payload version 2", Operation::kSetAside, version_2, Code::kUnsupported},
      {"offsets of payload version 2", Operation::kAppendOffsets, version_2, Code::kUnsupported},
      {"a checkpoint without a payload", Operation::kCheckpoint, empty, Code::kCorrupt},
      {"a batch that is none", Operation::kBatch, no_batch, Code::kCorrupt},
  };
  for (const NewerFrame& frame : frames) {
    SCOPED_TRACE(frame.name);
    fs::remove_all(root());
    SetUp();
    must_record(note("before"));
    ASSERT_TRUE(append(frame.operation, frame.payload));
    const std::string journal = bytes();
    for (const char* key : {"", "key"}) {
      // A record of an unknown operation may have a key: then the store does not even open.
      const auto refused = [&]() -> Result<Receipt> {
        TRY_ASSIGN(const auto store, Store::open(root()));
        return store->record(note("behind", key), Stage::kJournaled);
      }();
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, frame.code) << refused.error().message;
      EXPECT_EQ(refused.error().seq, 0u);
      EXPECT_NE(refused.error().message.find("segment 1 offset "), std::string::npos)
          << refused.error().message;
    }
    EXPECT_TRUE(bytes() == journal);
    // And whoever looks through the journal does not say that all is well.
    const auto verified = [&]() -> Result<VerifyReport> {
      TRY_ASSIGN(const auto store, Store::open(root()));
      return store->verify({});
    }();
    EXPECT_FALSE(verified && verified->ok());
  }
}

}  // namespace
}  // namespace syncline
