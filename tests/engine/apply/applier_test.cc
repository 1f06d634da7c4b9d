// The step as a whole: watermark, projection, look-ahead, rebuild, waiting files, checkpoints.

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/profiles.h"
#include "engine/projection/projection.h"
#include "journal/record/control_frame.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class ApplierTest : public ApplyTest {};

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
  close();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(database_path() + suffix);
  open_journal();
  open_applier();
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
  close();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(database_path() + suffix);
  open_journal();
  open_applier();
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
  close();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(database_path() + suffix);
  open_journal();
  open_applier();
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
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(database_path() + suffix);
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
  open_applier();
  append(note("a"), 1);
  apply_all();
  applier.reset();
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("UPDATE syncline_meta SET value='00ff' WHERE name='store'"),
            SQLITE_OK);
  const auto refused = try_open_applier();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDisagree);
  // The rows of the other store become foreign ones, and keep their ids.
  ASSERT_EQ(ForeignConnection(database_path()).execute("UPDATE notes SET title='theirs', path=''"),
            SQLITE_OK);
  options.take_over_database = true;
  open_applier();
  EXPECT_EQ(apply_all().rebound, 1u);
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|theirs\n2|a\n");
}

TEST_F(ApplierTest, DatabaseAheadOfTheJournalIsRefused) {
  open_applier();
  append(note("a"), 1);
  apply_all();
  applier.reset();
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("UPDATE syncline_meta SET value=99 WHERE name='applied_seq'"),
            SQLITE_OK);
  const auto refused = try_open_applier();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDisagree);
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

TEST_F(ApplierTest, HintAboveALostDatabaseIsSetBack) {
  open_applier();
  journal->set_watermark(Watermark::kApplied, 40);
  append(note("a"), 1);
  apply_all();
  EXPECT_EQ(journal->watermark(Watermark::kApplied), 1u);
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

TEST_F(ApplierTest, ADatabaseFolderThatIsGoneIsMadeAgain) {
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
  close();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(database_path() + suffix);
  open_journal();
  open_applier();
  apply_all();
  const AppliedState state = must(read_applied_state(applier->database()));
  EXPECT_EQ(state.applied.seq, 700u);
  EXPECT_EQ(query("SELECT min(id), max(id) FROM notes"), fmt::format("{}|700\n", begin + 1));
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

// ---- Sections that wait for the person's git state ----

TEST_F(ApplierTest, SectionsOfExistingFilesWaitAndKeepTheirOrder) {
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
  EXPECT_EQ(file("memory/fresh.md"), "# fresh\n" + rule_text("new file", 3));
  EXPECT_EQ(file(note_path(1)), note_text("created all the same", 1));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 1u);
  EXPECT_EQ(must(applier->write_waiting_files()), 0u);
  must_wait = false;
  append(rule("three"), 4);
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), before + rule_text("two", 2) + rule_text("three", 4));
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 0u);
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
  EXPECT_EQ(must(applier->write_waiting_files()), 2u);
  EXPECT_EQ(must(applier->write_waiting_files()), 0u);
  const std::string all =
      "# testing\n" + rule_text("one", 1) + rule_text("two", 2) + rule_text("three", 3);
  EXPECT_EQ(file("memory/testing.md"), all);
  reopen();
  ASSERT_OK(applier->recheck_files());
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), all);
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
  EXPECT_FALSE(applier->write_waiting_files());
  EXPECT_EQ(must(read_applied_state(applier->database())).files_waiting, 1u);
  *hook = nullptr;
  EXPECT_EQ(must(applier->write_waiting_files()), 1u);
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

TEST_F(ApplierTest, DatabaseWhoseSyncFailedIsNotOpenedAgainUntilMovedAside) {
  open_applier();
  append(note("a"), 1);
  apply_all();
  applier.reset();
  write_text(fs::path(store_path()) / "database.suspect", "a sync failed");
  const auto refused = try_open_applier();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(database_path() + suffix);
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
