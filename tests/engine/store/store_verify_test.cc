// verify beside those who write: what it says must be true of one moment, whatever lands between
// its reads. And what it must not pass: a projection that is older than what was built on it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include "engine/sqlite/database.h"
#include "syncline/store.h"
#include "tests/engine/store/hooked_platform.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

class StoreVerifyTest : public StoreTest {
 protected:
  static Receipt must_record(Store& store, const std::string& title,
                             Stage stage = Stage::kApplied) {
    return StoreTest::must_record(store, note(title), stage);
  }
  // And notes: nobody edits anything here.
  static std::string findings_of(Store& store) {
    const auto report = store.verify({});
    if (!report) return report.error().message;
    std::string text;
    for (const Finding& finding : report->findings) text += text_of(finding) + "\n";
    for (const Finding& note : report->notes) text += text_of(note) + "\n";
    return text;
  }
};

TEST_F(StoreVerifyTest, BesideThreeWritersItFindsNothing) {
  constexpr int kWriters = 3;
  constexpr int kRuns = 200;
  // Each record is a commit that every run reads: where verify is slow, under a sanitizer, it would
  // fall behind for ever.
  constexpr int kRecordsMax = 1000;
  {
    const auto store = open();  // so much that verify is at work for a while
    for (int i = 0; i < 300; ++i)
      must_record(*store, fmt::format("before {}", i), Stage::kJournaled);
    must_sync(*store);
  }
  std::atomic<bool> done = false;
  std::atomic<int> writing = kWriters;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      const auto store = open();
      for (int i = 0; !done && store != nullptr && i < kRecordsMax; ++i) {
        must_record(*store, fmt::format("writer {} record {}", writer, i), Stage::kCommitted);
      }
      --writing;
    });
  }
  int runs = 0, false_runs = 0;
  std::string first;
  for (; runs < kRuns && writing > 0; ++runs) {
    const std::string found = findings_of(*open());
    if (found.empty()) continue;
    ++false_runs;
    if (first.empty()) first = found;
  }
  done = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(false_runs, 0) << "of " << runs << " runs; the first said: " << first;
  EXPECT_GT(runs, 0);
  EXPECT_EQ(findings_of(*open()), "");
}

// The same without luck: a record, its row, its commit and its publish land before each single
// operation on a directory that verify makes.
TEST_F(StoreVerifyTest, ABatchThatLandsBetweenAnyTwoReadsIsNoFinding) {
  const auto writer = open();
  must_record(*writer, "before");
  must_sync(*writer);
  int operations_left = -1;
  int landed = 0;
  HookedPlatform platform([&]() -> Status {
    if (operations_left-- != 0) return {};
    must_record(*writer, fmt::format("lands {}", landed++));
    must_sync(*writer);
    return {};
  });
  // More than verify needs for all that is read before the records are compared; what comes then is
  // the same for each of them.
  constexpr int kOperations = 60;
  std::string found;
  for (int operation = 0; operation < kOperations; ++operation) {
    const auto reader = open({.platform = &platform});
    operations_left = operation;
    const std::string said = findings_of(*reader);
    EXPECT_LT(operations_left, 0) << "verify came to no operation " << operation;
    operations_left = -1;
    if (!said.empty()) found += fmt::format("before operation {}: {}", operation, said);
  }
  EXPECT_EQ(landed, kOperations);
  EXPECT_EQ(found, "");
}

TEST_F(StoreVerifyTest, ADatabaseOlderThanTheCommitsIsAFaultAndRepairAppliesWhatItLacks) {
  const std::string copy = directory_.path().string() + "/copy.db";
  must_record(*open(), "in the copy");
  copy_database(copy);
  {
    const auto store = open();
    must_record(*store, "lacking one");
    must_record(*store, "lacking two");
    must_sync(*store);
  }
  put_database_back(copy);
  const auto store = open();
  const auto report = store->verify({});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->checked, 3u);
  ASSERT_EQ(report->findings.size(), 2u);
  EXPECT_EQ(finding_class_name(report->findings[0].cls), "file-without-row");
  EXPECT_EQ(report->findings[0].seq, 2u);
  const auto repaired = store->repair(/*dry_run=*/false);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(repaired->healed.size(), 2u);
  EXPECT_TRUE(repaired->left.empty());
  EXPECT_EQ(findings_of(*store), "");
}

TEST_F(StoreVerifyTest, ACommittedEditOfARecordFileIsANote) {
  const auto store = open();
  must_record(*store, "one");
  must_sync(*store);
  std::ofstream(root() + "/notes/0000/one-1.md") << "rewritten\n";
  git("commit -qam edit");
  const auto report = store->verify({});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->ok()) << findings_of(*store);
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_EQ(finding_class_name(report->notes[0].cls), "file-differs");
  EXPECT_EQ(report->notes[0].detail, "edited by a person, in the work tree and on the branch");
}

TEST_F(StoreVerifyTest, AnEmptyFileInTheDatabasesPlaceIsAFault) {
  {
    const auto store = open();
    must_record(*store, "one");
    must_record(*store, "two");
    must_sync(*store);
  }
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(database() + suffix);
  fs::resize_file(database(), 0);
  const auto store = open();
  const auto report = store->verify({});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->findings.size(), 2u);
  const auto repaired = store->repair(/*dry_run=*/false);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(findings_of(*store), "");
}

// What has not come so far is said, and not counted among what was looked at.
TEST_F(StoreVerifyTest, WhatIsOnItsWayIsBehindAndNotCounted) {
  const auto store = open();
  must_record(*store, "published");
  must_sync(*store);
  must_record(*store, "applied");
  must_record(*store, "journalled only", Stage::kJournaled);
  const auto report = store->verify({});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->checked, 2u);
  EXPECT_EQ(report->behind, (std::vector<std::string>{"1 record is not applied yet",
                                                      "2 records are not committed yet",
                                                      "2 records are not published yet"}));
  must_sync(*store);
  EXPECT_TRUE(store->verify({})->behind.empty());
}

TEST_F(StoreVerifyTest, AnOwnRefThatWentBackOrAwayIsAFault) {
  {
    const auto store = open();
    must_record(*store, "one");
    must_sync(*store);
  }
  for (const auto& ref : fs::directory_iterator(root() + "/.git/refs/syncline")) {
    fs::remove(ref.path());
  }
  const auto store = open();
  const auto report = store->verify({});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(finding_class_name(report->findings[0].cls), "row-without-commit");
  EXPECT_EQ(report->findings[0].seq, 1u);
  const auto repaired = store->repair(/*dry_run=*/false);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(findings_of(*store), "");
}

}  // namespace
}  // namespace syncline
