// A database that is lost, damaged or not this store's, and one that is made elsewhere by a replay.

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/profiles.h"
#include "engine/projection/projection.h"
#include "journal/record/control_frame.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

TEST_F(ApplierTest, DeletedDatabaseIsRebuiltFromTheJournal) {
  options.batch_records_max = 3;
  open_applier();
  for (uint64_t id = 1; id <= 8; ++id)
    append(note("n" + std::to_string(id), std::to_string(id)), id);
  append(rule("r"), 1);
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("INSERT INTO notes(id, title) VALUES(4, 'foreign')"),
            SQLITE_OK);
  apply_all();
  const std::string rows = query("SELECT * FROM notes WHERE title <> 'foreign' ORDER BY id");
  const std::string keys = query("SELECT key, seq, hex(content_hash) FROM syncline_keys");
  const std::string section = file("memory/testing.md");
  write_text(work() / note_path(2), "edited");
  const size_t control_frames =
      count_frames(Operation::kRebind) + count_frames(Operation::kAppendOffsets);
  reopen_without_database();
  EXPECT_EQ(applier->applied().seq, 0u);
  EXPECT_EQ(apply_all().records, 9u);
  EXPECT_EQ(query("SELECT * FROM notes ORDER BY id"), rows);
  EXPECT_EQ(query("SELECT key, seq, hex(content_hash) FROM syncline_keys"), keys);
  EXPECT_EQ(file("memory/testing.md"), section);
  EXPECT_EQ(file(note_path(2)), "edited");
  EXPECT_EQ(count_frames(Operation::kRebind) + count_frames(Operation::kAppendOffsets),
            control_frames);
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
}

TEST_F(ApplierTest, RebuildLeavesSectionsThatWereSyncedAndEditedSince) {
  open_applier();
  append(rule("one"), 1);
  append(rule("two"), 2);
  apply_all();
  append_control(Operation::kCheckpoint,
                 encode(CheckpointFrame{.files_synced = 2, .applied = 2, .committed = 0}));
  apply_all();
  const std::string edited = "# testing\n\n## R-1: one, in better words\n" + rule_text("two", 2);
  write_text(work() / "memory/testing.md", edited);
  fs::create_directories(work() / "elsewhere");
  reopen_without_database();
  EXPECT_EQ(apply_all().records, 2u);
  EXPECT_EQ(file("memory/testing.md"), edited);
}

TEST_F(ApplierTest, RebuildDoesNotSetAsideWhatACheckpointSaysWasApplied) {
  open_applier();
  append(note("a"), 1);
  append(rule("r"), 1);
  apply_all();
  append_control(Operation::kCheckpoint,
                 encode(CheckpointFrame{.files_synced = 2, .applied = 2, .committed = 0}));
  apply_all();
  fs::remove_all(work() / "notes");
  write_text(work() / "notes", "a person's file now");
  fs::remove_all(work() / "memory");
  fs::create_directory_symlink(directory.path(), work() / "memory");
  reopen_without_database();
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.records, 2u);
  EXPECT_EQ(report.set_aside, 0u);
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "1\n");
  EXPECT_EQ(file("notes"), "a person's file now");
}

TEST_F(ApplierTest, DatabaseDeletedUnderALivingApplierIsRebuiltByTheNextStep) {
  open_applier();
  append(note("a"), 1);
  append(note("b"), 2);
  apply_all();
  remove_database();
  append(note("c"), 3);
  apply_all();
  EXPECT_EQ(query("SELECT id, title FROM notes"), "1|a\n2|b\n3|c\n");
  EXPECT_EQ(journal->watermark(Watermark::kApplied), 3u);
}

TEST_F(ApplierTest, GarbageForADatabaseIsCorruptAndLeftAlone) {
  write_text(database_path(), std::string(100'000, 'g'));
  const auto opened = try_open_applier();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  EXPECT_EQ(read_text(database_path()), std::string(100'000, 'g'));
}

TEST_F(ApplierTest, DamagedPagesAreCorruptAndNothingIsAppliedOverThem) {
  open_applier();
  for (uint64_t id = 1; id <= 50; ++id) append(note("n"), id);
  apply_all();
  ASSERT_OK(applier->checkpoint());
  close();
  {
    std::fstream damage(database_path(), std::ios::in | std::ios::out | std::ios::binary);
    for (int64_t at = 16384; at < static_cast<int64_t>(fs::file_size(database_path()));
         at += 16384) {
      damage.seekp(at);
      damage << std::string(64, '\xee');
    }
  }
  open_journal();
  append(note("one more"), 51);
  open_applier();
  const auto report = applier->step();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kCorrupt) << report.error().message;
  EXPECT_EQ(applier->applied().seq, 50u);
}

TEST_F(ApplierTest, DatabaseOfAnotherStoreIsRefusedUnlessTakenOver) {
  ASSERT_NO_FATAL_FAILURE(
      expect_refused_after("UPDATE syncline_meta SET value='00ff' WHERE name='store'"));
  // The rows of the other store become foreign ones, and keep their ids.
  ASSERT_EQ(ForeignConnection(database_path()).execute("UPDATE notes SET title='theirs', path=''"),
            SQLITE_OK);
  options.take_over_database = true;
  open_applier();
  EXPECT_EQ(apply_all().rebound, 1u);
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|theirs\n2|a\n");
}

TEST_F(ApplierTest, DatabaseAheadOfTheJournalIsRefused) {
  ASSERT_NO_FATAL_FAILURE(
      expect_refused_after("UPDATE syncline_meta SET value=99 WHERE name='applied_seq'"));
}

TEST_F(ApplierTest, HintAboveALostDatabaseIsSetBack) {
  open_applier();
  journal->set_watermark(Watermark::kApplied, 40);
  append(note("a"), 1);
  apply_all();
  EXPECT_EQ(journal->watermark(Watermark::kApplied), 1u);
}

TEST_F(ApplierTest, EngineTablesDroppedUnderALivingApplierAreBegunAnew) {
  open_applier();
  append(note("a"), 1);
  apply_all();
  ASSERT_EQ(ForeignConnection(database_path()).execute("DROP TABLE syncline_meta"), SQLITE_OK);
  append(note("b"), 2);
  EXPECT_EQ(apply_all().rebound, 0u);
  EXPECT_EQ(query("SELECT id, title FROM notes"), "1|a\n2|b\n");
}

TEST_F(ApplierTest, AnyEngineTableThatWasDroppedIsBegunAnewWithTheOthers) {
  open_applier();
  append(note("a", "the key"), 1);
  apply_all();
  ASSERT_EQ(ForeignConnection(database_path()).execute("DROP TABLE syncline_keys"), SQLITE_OK);
  // Until then it knows nothing: neither that the key is new, nor how far it has come.
  EXPECT_EQ(must(open_to_read(database_path())), nullptr);
  apply_all();
  EXPECT_EQ(query("SELECT key, seq FROM syncline_keys"), "the key|1\n");
  EXPECT_EQ(query("SELECT id, title FROM notes"), "1|a\n");
}

TEST_F(ApplierTest, ADatabaseDirectoryThatIsGoneIsMadeAgain) {
  options.database_path = (work() / "memory/index.db").string();
  open_applier();
  append(note("a"), 1);
  apply_all();
  fs::remove_all(work() / "memory");
  apply_all();
  EXPECT_EQ(ForeignConnection(options.database_path).query("SELECT id, title FROM notes"), "1|a\n");
}

TEST_F(ApplierTest, TrimmedJournalTellsFromWhereADatabaseCouldBeRebuilt) {
  close();
  journal_options.segment_bytes_max = 1u << 20;
  open_journal();
  open_applier();
  for (uint64_t id = 1; id <= 700; ++id) append(note(std::string(3'000, 'x')), id);
  apply_all();
  ASSERT_OK(applier->checkpoint());
  ASSERT_GT(must(journal->trim(applier->applied())), 0u);
  const uint64_t begin = must(journal->begin()).seq;
  ASSERT_GT(begin, 0u);
  reopen_without_database();
  apply_all();
  const AppliedState state = must(read_applied_state(applier->database()));
  EXPECT_EQ(state.applied.seq, 700u);
  EXPECT_EQ(query("SELECT min(id), max(id) FROM notes"), fmt::format("{}|700\n", begin + 1));
}

TEST_F(ApplierTest, DatabaseWhoseSyncFailedIsNotOpenedAgainUntilMovedAside) {
  open_applier();
  append(note("a"), 1);
  apply_all();
  applier.reset();
  write_text(fs::path(store_path()) / "database.suspect", "a sync failed");
  const auto refused = try_open_applier();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  remove_database();
  open_applier();
  apply_all();
  EXPECT_EQ(query("SELECT title FROM notes"), "a\n");
  open_applier();
}

// ---- Replay: outcomes come from the journal alone ----

TEST_F(ApplierTest, ReplayElsewhereGivesTheSameRowsAndFiles) {
  open_applier();
  for (uint64_t id = 1; id <= 4; ++id) append(note("n"), id);
  append(rule("r"), 1);
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("INSERT INTO notes(id, title) VALUES(2, 'foreign')"),
            SQLITE_OK);
  apply_all();
  const std::string rows = query("SELECT * FROM notes WHERE title='n' ORDER BY id");
  const Mark end = journal->end();

  fs::create_directories(directory / "replay");
  options.database_path = (directory / "replay/copy.db").string();
  options.journal_outcomes = false;
  auto replay =
      must(Applier::open(*store_directory, *journal, clock,
                         must(open_posix_directory((directory / "replay").string())), options));
  while (must(replay->step()).more) {
  }
  EXPECT_EQ(ForeignConnection(options.database_path).query("SELECT * FROM notes ORDER BY id"),
            rows);
  EXPECT_EQ(read_text(directory / "replay" / note_path(5)), note_text("n", 5));
  EXPECT_EQ(read_text(directory / "replay/memory/testing.md"), "# testing\n" + rule_text("r", 1));
  EXPECT_EQ(journal->end(), end) << "a replay journals nothing";
}

TEST_F(ApplierTest, ReplayWritesSectionsThatStoodBehindAPersonsText) {
  open_applier();
  write_text(work() / "memory/testing.md", "a person's text, long before\n");
  options.batch_records_max = 1;
  append(rule("one"), 1);
  append(rule("two"), 2);
  append(rule("three"), 3);
  apply_all();
  append_control(Operation::kCheckpoint,
                 encode(CheckpointFrame{.files_synced = 3, .applied = 3, .committed = 0}));
  fs::create_directories(directory / "replay");
  options.database_path = (directory / "replay/copy.db").string();
  options.journal_outcomes = false;
  auto replay =
      must(Applier::open(*store_directory, *journal, clock,
                         must(open_posix_directory((directory / "replay").string())), options));
  while (must(replay->step()).more) {
  }
  EXPECT_EQ(read_text(directory / "replay/memory/testing.md"),
            "# testing\n" + rule_text("one", 1) + rule_text("two", 2) + rule_text("three", 3));
}

TEST_F(ApplierTest, ReplayThatWouldHaveToDecideIsRefused) {
  append(note("a"), 1);
  ASSERT_EQ(ForeignConnection(database_path())
                .execute(std::string(kNotesDdl) + "; INSERT INTO notes(id, title) VALUES(1, 'x')"),
            SQLITE_OK);
  options.journal_outcomes = false;
  open_applier();
  const auto report = applier->step();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kDisagree);
}

}  // namespace
}  // namespace syncline
