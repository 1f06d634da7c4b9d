// `repair --accept-loss`: going on without what a journal no longer holds, and giving nothing a
// second time. Each way to lose it, each place that still names what was lost, and a death between
// any two steps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include "engine/sqlite/database.h"
#include "syncline/store.h"
#include "tests/engine/store/hooked_platform.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

// Replaces what is in `directory`, which stays the same directory, by what is in `from`.
void put_back(const fs::path& from, const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() == ".git") {
      put_back(from / ".git", entry.path());
    } else {
      fs::remove_all(entry.path());
    }
  }
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.path().filename() == ".git") continue;
    fs::copy(entry.path(), directory / entry.path().filename(), fs::copy_options::recursive);
  }
}

class AcceptLossTest : public StoreTest {
 protected:
  std::string journal() const { return root() + "/.git/syncline/journal"; }
  std::string aside(const std::string& name) const {
    return directory_.path().string() + "/" + name;
  }
  // Five records, of which the journal has the first three.
  void lose_two_records() const {
    for (int i = 1; i <= 3; ++i) must_record(root(), note(fmt::format("kept {}", i)));
    fs::copy(journal(), aside("journal"), fs::copy_options::recursive);
    must_record(root(), note("lost 4", "key 4"));
    must_record(root(), note("lost 5", "key 5"), Stage::kPublished);
    fs::remove_all(journal());
    fs::copy(aside("journal"), journal(), fs::copy_options::recursive);
  }
  static void expect_goes_on_above(const std::string& root, uint64_t last_seq, uint64_t last_id) {
    const Receipt receipt = must_record(root, note("goes on"), Stage::kPublished);
    EXPECT_EQ(receipt.seq, last_seq + 1);
    EXPECT_GT(receipt.id, last_id);
    const auto store = Store::open(root, {});
    ASSERT_TRUE(store) << store.error().message;
    const VerifyReport report = expect_sound(**store);
    EXPECT_EQ(report.checked, 1u);
    EXPECT_TRUE(report.behind.empty()) << report.behind.front();
    const auto status = (*store)->status();
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status->git, "ok");
    EXPECT_EQ(status->published, last_seq + 1);
  }
};

TEST_F(AcceptLossTest, NothingIsGivenUpWhereNothingIsLost) {
  must_record(root(), note("one"), Stage::kPublished);
  const auto refused = Store::accept_loss(root(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(refused.error().message, "nothing is lost: nothing was changed");
  EXPECT_EQ(must_record(root(), note("two")).seq, 2u);
}

TEST_F(AcceptLossTest, AJournalOlderThanTheDatabaseGoesOnAboveIt) {
  lose_two_records();
  const auto refused = Store::open(root(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  EXPECT_NE(refused.error().hint.find("repair --accept-loss"), std::string::npos);

  const auto planned = Store::accept_loss(root(), {.dry_run = true});
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->first_seq, 6u);
  EXPECT_FALSE(Store::open(root(), {}));

  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_NE(report->store_id, report->lost_store);
  EXPECT_TRUE(fs::exists(report->kept_in + "/journal"));
  EXPECT_TRUE(fs::exists(report->kept_in + "/identity"));
  EXPECT_EQ(count_notes(root()), 5);
  // The keys that the database knew are not given a second time.
  EXPECT_TRUE(must_record(root(), note("lost 4", "key 4")).duplicate);
  expect_goes_on_above(root(), 5, 5);
  EXPECT_EQ(count_notes(root()), 6);
}

// As those of trimmed records: in the journal's directory, with what a receipt tells.
TEST_F(AcceptLossTest, KeysOutliveTheDatabaseThatKnewThem) {
  lose_two_records();
  const auto accepted = Store::accept_loss(root(), {});
  ASSERT_TRUE(accepted) << accepted.error().message;
  for (int round = 0; round < 2; ++round) {
    const Receipt again = must_record(root(), note("lost 4", "key 4"));
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.seq, 4u);
    EXPECT_EQ(again.id, 4u);
    EXPECT_EQ(again.kind, "note");
    EXPECT_EQ(again.table, "notes");
    EXPECT_TRUE(fs::exists(root() + "/" + again.path)) << again.path;
    remove_database(root());
  }
  EXPECT_EQ(must_record(root(), note("lost 5", "key 5")).id, 5u);
  // A second loss keeps what the first one kept.
  must_record(root(), note("new 6", "key 6"), Stage::kPublished);
  fs::remove_all(journal() + "/0000000000000002.seg");
  const auto once_more = Store::accept_loss(root(), {});
  ASSERT_TRUE(once_more) << once_more.error().message;
  remove_database(root());
  EXPECT_EQ(must_record(root(), note("lost 4", "key 4")).seq, 4u);
  EXPECT_EQ(must_record(root(), note("new 6", "key 6")).seq, 6u);
}

// Without the database the frames that are left tell the keys, and the commits whose stay.
TEST_F(AcceptLossTest, KeysOfWhatIsCommittedAreKeptWithoutADatabase) {
  must_record(root(), note("one", "key 1"), Stage::kPublished);
  fs::copy(journal(), aside("journal"), fs::copy_options::recursive);
  must_record(root(), note("two", "key 2"), Stage::kPublished);
  remove_database(root());
  fs::remove_all(journal());
  fs::copy(aside("journal"), journal(), fs::copy_options::recursive);
  const auto accepted = Store::accept_loss(root(), {});
  ASSERT_TRUE(accepted) << accepted.error().message;
  const Receipt again = must_record(root(), note("one", "key 1"));
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.seq, 1u);
  EXPECT_EQ(again.id, 1u);
  EXPECT_EQ(again.path, "notes/0000/one-1.md");
}

// Nothing but its frame is left of such a record: it is lost, and a retry records it.
TEST_F(AcceptLossTest, TheKeyOfARecordThatWasNeitherAppliedNorCommittedIsFree) {
  const std::string segment = journal() + "/0000000000000001.seg";
  {
    const auto store = Store::open(root(), {});
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE((*store)->record(note("applied", "key 1"), Stage::kApplied));
    ASSERT_TRUE((*store)->record(note("journalled only", "key 2"), Stage::kJournaled));
  }
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const size_t at = bytes.find("applied");
  ASSERT_NE(at, std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(at));
  file << 'X';
  file.close();
  const auto accepted = Store::accept_loss(root(), {});
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_TRUE(must_record(root(), note("applied", "key 1")).duplicate);
  const Receipt again = must_record(root(), note("journalled only", "key 2"));
  EXPECT_FALSE(again.duplicate);
  EXPECT_EQ(again.seq, accepted->first_seq);
}

TEST_F(AcceptLossTest, WhatIsRecordedAfterwardsIsReplayed) {
  lose_two_records();
  const auto accepted = Store::accept_loss(root(), {});
  ASSERT_TRUE(accepted) << accepted.error().message;
  must_record(root(), note("six"), Stage::kPublished);
  must_record(root(), note("seven"), Stage::kPublished);
  const auto store = Store::open(root(), {});
  ASSERT_TRUE(store) << store.error().message;
  (*store)->take_notes();
  const Status before = (*store)->replay_into(aside("replay-5"), 5, {});
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, Code::kInvalid);
  const Status replayed = (*store)->replay_into(aside("replay"), std::nullopt, {});
  ASSERT_TRUE(replayed) << replayed.error().message;
  const auto notes = (*store)->take_notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("records 1 to 5 were given up"), std::string::npos) << notes[0];
  EXPECT_EQ(count_notes(aside("replay")), 2);
  const std::string ref = "refs/syncline/" + accepted->store_id;
  run("test \"$(git -C '" + root() + "' rev-parse " + ref + ")\" = \"$(git -C '" + aside("replay") +
      "' rev-parse " + ref + ")\"");
  const auto again = Store::open(aside("replay"), {});
  ASSERT_TRUE(again) << again.error().message;
  const auto report = (*again)->verify({});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->checked, 2u);
  const auto kept = (*again)->show_key("key 4");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->seq, 4u);
}

TEST_F(AcceptLossTest, ALostJournalGoesOnAboveWhatCommitsNameWithoutADatabase) {
  lose_two_records();
  fs::remove_all(journal());
  remove_database(root());
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  expect_goes_on_above(root(), 5, 5);
}

TEST_F(AcceptLossTest, AJournalOlderThanTheCommitsAloneGoesOnAboveThem) {
  lose_two_records();
  remove_database(root());
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->first_seq, 6u);
  expect_goes_on_above(root(), 5, 5);
}

// Ids of records that were never committed, and whose rows are gone, stand in the files' names.
TEST_F(AcceptLossTest, IdsInTheNamesOfFilesAreNotGivenAgain) {
  for (int i = 1; i <= 4; ++i) must_record(root(), note(fmt::format("a file {}", i)));
  fs::remove_all(journal());
  remove_database(root());
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->id_floor, 4u);
}

// The whole store as it was before, with nothing on this disk that says so: the remote does.
TEST_F(AcceptLossTest, AStoreThatWasPutBackGoesOnAboveWhatWasPushed) {
  run("git init -q -b main --bare '" + aside("remote.git") + "'");
  run("git -C '" + root() + "' remote add origin '" + aside("remote.git") + "'");
  must_record(root(), note("one"), Stage::kPublished);
  fs::copy(root(), aside("before"), fs::copy_options::recursive);
  must_record(root(), note("two"));
  {
    const auto store = Store::open(root(), {});
    ASSERT_TRUE(store);
    const auto pushed = (*store)->sync(/*push=*/true, kForever);
    ASSERT_TRUE(pushed) << pushed.error().message;
  }
  put_back(aside("before"), root());
  must_record(root(), note("another two"), Stage::kPublished);
  {
    const auto store = Store::open(root(), {});
    ASSERT_TRUE(store);
    const auto refused = (*store)->sync(/*push=*/true, kForever);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kDisagree) << refused.error().message;
    EXPECT_NE(refused.error().hint.find("repair --accept-loss"), std::string::npos);
  }
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_NE(report->lost.find("which this store did not make"), std::string::npos) << report->lost;
  EXPECT_EQ(report->first_seq, 3u);
  expect_goes_on_above(root(), 2, 2);
}

TEST_F(AcceptLossTest, WhoHasTheStoreOpenIsNotPassedOver) {
  must_record(root(), note("one"), Stage::kPublished);
  must_record(root(), note("two"));
  const auto open_still = Store::open(root(), {});
  ASSERT_TRUE(open_still);
  fs::resize_file(journal() + "/0000000000000001.seg", 4096);
  const auto refused = Store::accept_loss(root(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBusy) << refused.error().message;
}

// Stopped before any of its operations and run again, by either verb, it ends the same.
TEST_F(AcceptLossTest, ADeathBetweenAnyTwoStepsIsFinishedByRunningItAgain) {
  lose_two_records();
  int operations_left = -1;
  HookedPlatform platform([&]() -> Status {
    if (operations_left >= 0 && operations_left-- == 0) return errno_error(EIO, "the test");
    return {};
  });
  constexpr int kStride = 5;
  int stopped = 0;
  for (int operation = 0;; operation += kStride) {
    SCOPED_TRACE(operation);
    const std::string copy = aside("copy");
    fs::copy(root(), copy, fs::copy_options::recursive);
    ASSERT_TRUE(Store::init(copy, {.moved = true}));
    operations_left = operation;
    const auto first = Store::accept_loss(copy, {.platform = &platform});
    const bool reached_the_end = operations_left >= 0;
    operations_left = -1;
    if (!first) {
      ++stopped;
      const auto again = Store::accept_loss(copy, {});
      // Where only the last sync of the new identity failed, it is finished.
      EXPECT_EQ(again ? "" : again.error().message,
                again ? "" : "nothing is lost: nothing was changed");
      EXPECT_EQ(again ? again->first_seq : 6u, 6u);
    }
    EXPECT_EQ(must_record(copy, note("lost 5", "key 5")).seq, 5u);
    const Receipt next = must_record(copy, note("goes on"));
    EXPECT_EQ(next.seq, 6u);
    EXPECT_EQ(next.id, 6u);
    remove_database(copy);
    EXPECT_EQ(must_record(copy, note("lost 4", "key 4")).seq, 4u);
    fs::remove_all(copy);
    if (reached_the_end) break;
  }
  EXPECT_GT(stopped, 10);
}

}  // namespace
}  // namespace syncline
