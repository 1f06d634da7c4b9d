// Retention: the journal is trimmed behind a checkpoint, and what was trimmed is still answered.
#include <map>

#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

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
  // The database that knew them is lost: the journal's directory still does. The retry comes first,
  // and no id is given again.
  remove_database(root());
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
  remove_database(root());
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
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(report->findings[0].cls, FindingClass::kRowWithoutFile);
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_EQ(report->notes[0].cls, FindingClass::kForeignRow);
}

TEST_F(RetentionTest, ASegmentIsNoLargerThanItsLimitAndAGroup) {
  set_setting("retain_bytes_max", "0");
  auto store = open();
  submit_large_notes(*store, 0, 400);
  must_record(*store, note("last"));
  for (const auto& [name, bytes] : segment_bytes()) EXPECT_LE(bytes, kLongestSegmentBytes) << name;
  EXPECT_GE(segment_bytes().size(), 4u);
}

}  // namespace
}  // namespace syncline
