// The step as a whole: watermark, projection, unapplied log, waiting files, checkpoints. A database
// that is lost or replayed elsewhere is applier_rebuild_test.cc.

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/profiles.h"
#include "engine/projection/projection.h"
#include "journal/record/control_frame.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kAll = INT64_MAX;

TEST_F(ApplierTest, NothingToDoIsAReportOfZeros) {
  open_applier();
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.records, 0u);
  EXPECT_EQ(report.applied.seq, 0u);
  EXPECT_FALSE(report.more);
}

TEST_F(ApplierTest, RowFileKeyAndWatermarkGoTogether) {
  open_applier();
  append(note("hello", "k1"), 1, 1'700'000'000'000);
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.records, 1u);
  EXPECT_EQ(query("SELECT id, title, path FROM notes"), "1|hello|notes/0000/n-1.md\n");
  EXPECT_EQ(file(note_path(1)), note_text("hello", 1));
  const auto key = must(find_key(applier->database(), "k1"));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->seq, 1u);
  EXPECT_EQ(key->content_hash, note("hello", "k1").content_hash);
  EXPECT_FALSE(must(find_key(applier->database(), "k2")));
  EXPECT_EQ(must(read_applied_state(applier->database())).applied, report.applied);
  EXPECT_EQ(report.applied, journal->durable());
  EXPECT_EQ(journal->watermark(Watermark::kApplied), 1u);
}

// Its author died between append and flush, or has not come to the flush yet.
TEST_F(ApplierTest, NothingIsAppliedBeforeItIsDurable) {
  open_applier();
  const Appended appended = append_undurable(note("hello"), 1);
  ASSERT_LT(journal->durable().seq, appended.mark.seq);
  apply_all();
  EXPECT_EQ(query("SELECT title FROM notes"), "hello\n");
  EXPECT_EQ(journal->durable(), appended.mark);
}

// A replay reads, and flushes nothing.
TEST_F(ApplierTest, AReplayLeavesWhatIsNotDurable) {
  options.journal_outcomes = false;
  open_applier();
  append(note("durable"), 1);
  const Appended appended = append_undurable(note("not yet"), 2);
  EXPECT_EQ(apply_all().records, 1u);
  EXPECT_LT(journal->durable().seq, appended.mark.seq);
  EXPECT_EQ(query("SELECT title FROM notes"), "durable\n");
}

TEST_F(ApplierTest, BatchesAreBoundedAndSayThatThereIsMore) {
  options.batch_records_max = 3;
  open_applier();
  for (uint64_t id = 1; id <= 7; ++id) append(note("n"), id);
  EXPECT_TRUE(must(applier->step()).more);
  EXPECT_EQ(applier->applied().seq, 3u);
  EXPECT_TRUE(must(applier->step()).more);
  const ApplyReport last = must(applier->step());
  EXPECT_EQ(last.records, 1u);
  EXPECT_FALSE(last.more);
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "7\n");
}

TEST_F(ApplierTest, StopsAfterTheSequenceAsked) {
  open_applier();
  for (uint64_t id = 1; id <= 5; ++id) append(note("n"), id);
  EXPECT_EQ(must(applier->step(2)).applied.seq, 2u);
  EXPECT_EQ(must(applier->step(2)).records, 0u);
  EXPECT_EQ(must(applier->step(4)).applied.seq, 4u);
  EXPECT_EQ(must(applier->step()).applied.seq, 5u);
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "5\n");
}

TEST_F(ApplierTest, PositionsSeekToARecord) {
  options.batch_records_max = 4;
  open_applier();
  for (uint64_t id = 1; id <= 19; ++id) append(note("n"), id);
  apply_all();
  for (uint64_t seq = 1; seq <= 19; ++seq) {
    const Mark mark = must(position_before(applier->database(), seq));
    EXPECT_LT(mark.seq, seq);
    EXPECT_GE(mark.seq + 4, seq);
    auto reader = must(Reader::open(*store_directory, store_id, mark));
    const auto frame = must(reader->next(journal->durable()));
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->seq, mark.seq + 1);
  }
}

TEST_F(ApplierTest, TwoAppliersOneAfterTheOtherSeeEachOthersWork) {
  open_applier();
  append(note("a"), 1);
  apply_all();
  auto first = std::move(applier);
  append(note("b"), 2);
  open_applier();
  apply_all();
  append(note("c"), 3);
  std::swap(first, applier);
  EXPECT_EQ(apply_all().records, 1u);
  EXPECT_EQ(query("SELECT id FROM notes"), "1\n2\n3\n");
  ASSERT_OK(first->refresh());
  EXPECT_EQ(first->applied().seq, 3u);
}

TEST_F(ApplierTest, OutcomesOfAnApplierThatDiedAreObeyed) {
  append(note("a"), 1);
  append(note("b"), 2);
  append(note("c"), 3);
  append_control(
      Operation::kRebind,
      encode(Outcome{.seq = 1, .kind = Outcome::Kind::kRebind, .new_id = 50, .reason = {}}));
  append_control(
      Operation::kSetAside,
      encode(Outcome{
          .seq = 2, .kind = Outcome::Kind::kSetAside, .new_id = 0, .reason = "said before"}));
  options.batch_records_max = 1;
  open_applier();
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.rebound, 1u);
  EXPECT_EQ(report.set_aside, 1u);
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "3|c\n50|a\n");
  EXPECT_EQ(file(note_path(50)), note_text("a", 50));
  EXPECT_EQ(count_frames(Operation::kRebind), 1u);
  EXPECT_EQ(count_frames(Operation::kSetAside), 1u);
}

TEST_F(ApplierTest, LaterOutcomeHoldsFromTheFirstMomentOn) {
  append(note("a"), 1);
  append_control(
      Operation::kRebind,
      encode(Outcome{.seq = 1, .kind = Outcome::Kind::kRebind, .new_id = 50, .reason = {}}));
  append(note("b"), 2);
  append_control(
      Operation::kRebind,
      encode(Outcome{.seq = 1, .kind = Outcome::Kind::kRebind, .new_id = 60, .reason = {}}));
  options.batch_records_max = 1;
  open_applier();
  for (bool more = true; more;) {
    more = must(applier->step()).more;
    EXPECT_EQ(must(read_outcomes(applier->database(), 1, 1)).at(1).new_id, 60u);
  }
  EXPECT_EQ(query("SELECT id FROM notes ORDER BY id"), "2\n60\n");
}

TEST_F(ApplierTest, ReboundIdOfADeadApplierIsNotGivenOutAgain) {
  options.batch_records_max = 1;  // the one it was given to has no row yet
  append(note("a"), 1);
  append(note("b"), 2);
  append_control(
      Operation::kRebind,
      encode(Outcome{.seq = 2, .kind = Outcome::Kind::kRebind, .new_id = 3, .reason = {}}));
  open_applier();
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("INSERT INTO notes(id, title) VALUES(1, 'foreign')"),
            SQLITE_OK);
  apply_all();
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|foreign\n3|b\n4|a\n");
}

TEST_F(ApplierTest, ConfigFrameMakesTheTablesSoThatTheJournalAloneIsEnough) {
  append_control(Operation::kConfig, encode(ConfigFrame{must(profile_text("notes"))}));
  const Config config = must(parse_config(must(profile_text("notes"))));
  append(must(make_intent(config, "note", {{"title", "From a profile"}}, "")), 1);
  options.ddl.clear();
  open_applier();
  EXPECT_EQ(apply_all().set_aside, 0u);
  EXPECT_EQ(query("SELECT id, title FROM notes"), "1|From a profile\n");
}

TEST_F(ApplierTest, BatchAndPublishFramesNameTheCommits) {
  open_applier();
  for (uint64_t id = 1; id <= 6; ++id) append(note("n"), id);
  const auto commit = [](int number) {
    ObjectId id;
    id.bytes[0] = std::byte(number);
    return id;
  };
  BatchFrame batch{.first_seq = 1, .last_seq = 2, .tree = commit(9), .commit = commit(1)};
  append_control(Operation::kBatch, encode(batch));
  batch = {.first_seq = 3, .last_seq = 5, .tree = commit(9), .commit = commit(2)};
  append_control(Operation::kBatch, encode(batch));
  append_control(
      Operation::kPublish,
      encode(PublishFrame{
          .last_seq = 2, .branch = "refs/heads/main", .parent = {}, .commit = commit(7)}));
  append_control(
      Operation::kPublish,
      encode(PublishFrame{
          .last_seq = 4, .branch = "refs/heads/main", .parent = {}, .commit = commit(8)}));
  apply_all();
  const auto own = [&](uint64_t seq) { return must(find_commits(applier->database(), seq)).own; };
  const auto branch = [&](uint64_t seq) {
    return must(find_commits(applier->database(), seq)).branch;
  };
  EXPECT_EQ(own(1), commit(1).hex());
  EXPECT_EQ(own(3), commit(2).hex());
  EXPECT_EQ(own(6), "");
  EXPECT_EQ(branch(2), commit(7).hex());
  EXPECT_EQ(branch(3), commit(8).hex());
  EXPECT_EQ(branch(5), "");
}

TEST_F(ApplierTest, ForeignReaderDoesNotHoldUpApply) {
  open_applier();
  append(note("a"), 1);
  apply_all();
  ForeignConnection reader(database_path());
  ASSERT_EQ(reader.execute("BEGIN"), SQLITE_OK);
  EXPECT_EQ(reader.query("SELECT count(*) FROM notes"), "1\n");
  append(note("b"), 2);
  apply_all();
  ASSERT_OK(applier->checkpoint());
  EXPECT_EQ(reader.query("SELECT count(*) FROM notes"), "1\n");
  ASSERT_EQ(reader.execute("COMMIT"), SQLITE_OK);
  EXPECT_EQ(reader.query("SELECT count(*) FROM notes"), "2\n");
}

TEST_F(ApplierTest, WalIsKeptBounded) {
  options.wal_bytes_max = 1u << 20;
  options.batch_records_max = 50;
  open_applier();
  for (uint64_t id = 1; id <= 2'000; ++id) append(note(std::string(2'000, 'x')), id);
  apply_all();
  EXPECT_LT(fs::file_size(database_path() + "-wal"), 8u << 20);
}

TEST_F(ApplierTest, ForeignWritersLockRollsTheStepBackAndItIsDoneLater) {
  open_applier();
  append(note("a"), 1);
  sqlite3_busy_timeout(applier->database().handle(), 10);
  ForeignConnection writer(database_path());
  ASSERT_EQ(writer.execute("BEGIN IMMEDIATE"), SQLITE_OK);
  const auto report = applier->step();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kBusy);
  EXPECT_FALSE(fs::exists(work() / note_path(1)));
  ASSERT_EQ(writer.execute("COMMIT"), SQLITE_OK);
  EXPECT_EQ(apply_all().records, 1u);
}

TEST_F(ApplierTest, TableThatCannotBeMadeMakesItsRecordsWaitWithTheReason) {
  options.ddl = {{"notes", "CREATE TABLE notes(id INTEGER PRIMARY KEY, nonsense"},
                 {"rules", kRulesDdl}};
  open_applier();
  append(rule("r"), 1);
  append(note("a"), 1);
  const auto waiting = applier->step();
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, Code::kRetryLater);
  EXPECT_NE(waiting.error().message.find("could not be made"), std::string::npos)
      << waiting.error().message;
  ASSERT_EQ(ForeignConnection(database_path()).execute(kNotesDdl), SQLITE_OK);
  EXPECT_EQ(apply_all().set_aside, 0u);
  EXPECT_EQ(query("SELECT rule FROM rules"), "r\n");
  EXPECT_EQ(query("SELECT title FROM notes"), "a\n");
}

// What another attempt would decide otherwise must not be seen before it is on the disk.
TEST_F(ApplierTest, WhatWasDecidedIsDurableBeforeItIsActedUpon) {
  open_applier();
  append(note("makes the table"), 1);
  apply_all();
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("INSERT INTO notes VALUES(2, 'theirs', 'elsewhere', 'now')"),
            SQLITE_OK);
  append(note("gets another id"), 2);
  bool acted = false;
  *hook = [&](std::string_view operation, const std::string& path) -> Status {
    if (operation != "create" || path.find("notes/") == std::string::npos) return {};
    acted = true;
    EXPECT_EQ(journal->durable().position, journal->end().position) << path;
    return {};
  };
  apply_all();
  *hook = nullptr;
  EXPECT_TRUE(acted);
  EXPECT_EQ(count_frames(Operation::kRebind), 1u);
}

// ---- Sections that wait for the person's git state ----

TEST_F(ApplierTest, SectionsWaitAndKeepTheirOrder) {
  open_applier();
  append(rule("one"), 1);
  apply_all();
  const std::string before = file("memory/testing.md");
  must_wait = true;
  append(rule("two"), 2);
  append(note("created all the same"), 1);
  append(rule("new file", "fresh"), 3);
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), before);
  EXPECT_FALSE(std::filesystem::exists(work() / "memory/fresh.md")) << "nor is one begun";
  EXPECT_EQ(file(note_path(1)), note_text("created all the same", 1));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 2u);
  EXPECT_EQ(must(applier->write_waiting_files(kAll, 0)), 0u);
  must_wait = false;
  append(rule("three"), 4);
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), before) << "behind one that waits";
  EXPECT_EQ(must(applier->write_waiting_files(kAll, 0)), 3u);
  EXPECT_EQ(file("memory/testing.md"), before + rule_text("two", 2) + rule_text("three", 4));
  EXPECT_EQ(file("memory/fresh.md"), "# fresh\n" + rule_text("new file", 3));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 0u);
}

// What lies in the work tree then is another branch's, at the records' own paths too.
TEST_F(ApplierTest, WhileTheBranchIsAwayNothingIsWrittenAndNothingIsLookedAt) {
  open_applier();
  branch_is_away = true;
  write_text(work() / note_path(1), "of the other branch");
  std::filesystem::create_directories(work() / "memory/testing.md");
  const uint64_t first = append(note("one"), 1);
  append(note("two"), 2);
  append(rule("three"), 1);
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.records, 3u);
  EXPECT_EQ(report.set_aside, 0u);
  EXPECT_EQ(file(note_path(1)), "of the other branch");
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(2)));
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "2\n");
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 3u);
  must(applier->write_waiting_created(0));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 3u) << "still away";

  // The checkout back takes the other branch's files with it.
  std::filesystem::remove(work() / note_path(1));
  std::filesystem::remove(work() / "memory/testing.md");
  branch_is_away = false;
  must(applier->write_waiting_created(0));
  EXPECT_EQ(file(note_path(first)), note_text("one", 1));
  EXPECT_EQ(file(note_path(2)), note_text("two", 2));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 1u) << "the section";
  EXPECT_EQ(must(applier->write_waiting_files(kAll, 0)), 1u);
  EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("three", 1));
}

TEST_F(ApplierTest, AFileThatWentWithItsBranchIsNotWrittenByTheRecheck) {
  open_applier();
  append(note("one"), 1);
  append(note("two"), 2);
  apply_all();
  for (const uint64_t id : {1, 2}) std::filesystem::remove(work() / note_path(id));
  branch_is_away = true;
  must(applier->recheck_files());
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(1)));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 2u);
  // The first is published: git brings it back, unless a person has removed it.
  branch_is_away = false;
  must(applier->write_waiting_created(1));
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(1)));
  EXPECT_EQ(file(note_path(2)), note_text("two", 2));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 0u);
}

TEST_F(ApplierTest, AFileThatAPersonRemovedIsNotWrittenAgain) {
  open_applier();
  const uint64_t first = append(note("one"), 1);
  append(note("two"), 2);
  apply_all();
  for (const uint64_t id : {1, 2}) std::filesystem::remove(work() / note_path(id));
  removed = {first};
  must(applier->recheck_files());
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(1)));
  EXPECT_EQ(file(note_path(2)), note_text("two", 2));
  // Nor where the whole database is built anew: what was folded was applied before.
  ObjectId some;
  some.bytes[0] = std::byte{1};
  append_control(Operation::kBatch,
                 encode(BatchFrame{.first_seq = 1, .last_seq = 2, .tree = some, .commit = some}));
  std::filesystem::remove(work() / note_path(2));
  reopen_without_database();
  apply_all();
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(1)));
  EXPECT_EQ(file(note_path(2)), note_text("two", 2));
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "2\n");
}

TEST_F(ApplierTest, WaitingSectionsAreWrittenOnceWhenAsked) {
  open_applier();
  append(rule("one"), 1);
  apply_all();
  must_wait = true;
  append(rule("two"), 2);
  append(rule("three"), 3);
  apply_all();
  ASSERT_OK(applier->checkpoint());
  must_wait = false;
  EXPECT_EQ(must(applier->write_waiting_files(kAll, 0)), 2u);
  EXPECT_EQ(must(applier->write_waiting_files(kAll, 0)), 0u);
  const std::string all =
      "# testing\n" + rule_text("one", 1) + rule_text("two", 2) + rule_text("three", 3);
  EXPECT_EQ(file("memory/testing.md"), all);
  reopen();
  ASSERT_OK(applier->recheck_files());
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), all);
}

TEST_F(ApplierTest, AWaitingSectionIsNotTakenForAPublishedOneOfTheSameText) {
  open_applier();
  Intent same = rule("same");
  same.text = Template::literal("\nthe same text\n");
  append(same, 1);
  apply_all();
  must_wait = true;
  append(same, 2);
  apply_all();
  must_wait = false;
  EXPECT_EQ(must(applier->write_waiting_files(kAll, 1)), 1u);
  EXPECT_EQ(file("memory/testing.md"), "# testing\n\nthe same text\n\nthe same text\n");
}

TEST_F(ApplierTest, WaitingSectionsKeepWaitingWhenTheyCannotBeSynced) {
  open_applier();
  append(rule("one"), 1);
  apply_all();
  must_wait = true;
  append(rule("two"), 2);
  apply_all();
  must_wait = false;
  *hook = [](std::string_view operation, const std::string&) -> Status {
    return operation == "sync-file-system" ? Status(errno_error(EIO, "syncfs")) : Status();
  };
  EXPECT_FALSE(applier->write_waiting_files(kAll, 0));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 1u);
  *hook = nullptr;
  EXPECT_EQ(must(applier->write_waiting_files(kAll, 0)), 1u);
  EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("one", 1) + rule_text("two", 2));
}

// ---- Checkpoints ----

TEST_F(ApplierTest, CheckpointIsDueByUnsyncedRecordsAndRaisesFilesSynced) {
  options.checkpoint_records_max = 3;
  open_applier();
  append(note("a"), 1);
  append(note("b"), 2);
  apply_all();
  EXPECT_FALSE(applier->checkpoint_due());
  append(note("c"), 3);
  apply_all();
  EXPECT_TRUE(applier->checkpoint_due());
  ASSERT_OK(applier->checkpoint());
  EXPECT_FALSE(applier->checkpoint_due());
  EXPECT_EQ(must(read_applied_state(applier->database())).files_synced, 3u);
}

TEST_F(ApplierTest, FailedSyncRaisesNothingAndTheFilesAreWrittenAgain) {
  open_applier();
  append(note("a"), 1);
  append(rule("r"), 1);
  apply_all();
  *hook = [](std::string_view operation, const std::string&) -> Status {
    return operation == "sync-file-system" ? Status(errno_error(EIO, "syncfs")) : Status();
  };
  EXPECT_FALSE(applier->checkpoint());
  EXPECT_EQ(must(read_applied_state(applier->database())).files_synced, 0u);

  reopen();
  std::vector<std::string> written;
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    if (operation == "open-write") written.push_back(name);
    return {};
  };
  ASSERT_OK(applier->checkpoint());
  EXPECT_EQ(written, (std::vector<std::string>{note_path(1), "memory/testing.md"}));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_synced, 2u);
  EXPECT_EQ(file(note_path(1)), note_text("a", 1));
  EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("r", 1));

  written.clear();
  ASSERT_OK(applier->checkpoint());
  EXPECT_TRUE(written.empty());
}

}  // namespace
}  // namespace syncline
