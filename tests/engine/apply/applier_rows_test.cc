// Rows: ids, foreign rows, and what the user's own table refuses.

#include "engine/config/make_retraction.h"
#include "engine/projection/projection.h"
#include "journal/record/control_frame.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

class ApplierRowsTest : public ApplyTest {
 protected:
  // A user's own table, made before ours would be.
  void user_table(const std::string& ddl) {
    ForeignConnection user(database_path());
    ASSERT_EQ(user.execute(ddl), SQLITE_OK);
  }
  void append_batch(uint64_t last_seq) {
    BatchFrame frame{.first_seq = 1, .last_seq = last_seq};
    frame.tree.bytes.fill(std::byte{1});
    frame.commit.bytes.fill(std::byte{2});
    append_control(Operation::kBatch, encode(frame));
  }
  void retract(uint64_t seq, const Intent& target, uint64_t id) {
    append(make_retraction(target, render_effects(target, seq, id, 0), id), id);
  }
  std::string outcome(uint64_t seq) {
    return query(
        fmt::format("SELECT kind, new_id, reason FROM syncline_outcomes WHERE seq={}", seq));
  }
};

TEST_F(ApplierRowsTest, ForeignRowOnOurIdStaysAndOursIsReboundToTheNextFreeId) {
  open_applier();
  append(note("first"), 1);
  append(note("second"), 2);
  append(note("third"), 3);
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("INSERT INTO notes VALUES(2, 'foreign', 'elsewhere', 'now')"),
            SQLITE_OK);
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.records, 3u);
  EXPECT_EQ(report.rebound, 1u);
  EXPECT_EQ(query("SELECT id, title, path FROM notes ORDER BY id"),
            "1|first|notes/0000/n-1.md\n2|foreign|elsewhere\n3|third|notes/0000/n-3.md\n"
            "4|second|notes/0000/n-4.md\n");
  EXPECT_EQ(file(note_path(4)), note_text("second", 4));
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(2)));
  EXPECT_EQ(outcome(2), "1|4|NULL\n");
  EXPECT_EQ(count_frames(Operation::kRebind), 1u);
  EXPECT_EQ(must(highest_id(applier->database(), "notes", "id")), 4u);
}

TEST_F(ApplierRowsTest, RebindAvoidsIdsThatTheLogHasGivenOut) {
  options.batch_records_max = 1;
  open_applier();
  append(note("a"), 1);
  append(note("b"), 2);
  append(note("c"), 3);
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("INSERT INTO notes(id, title) VALUES(1, 'foreign')"),
            SQLITE_OK);
  apply_all();
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|foreign\n2|b\n3|c\n4|a\n");
  EXPECT_EQ(count_frames(Operation::kRebind), 1u);
}

TEST_F(ApplierRowsTest, ARetractedRowGoesAndAnotherOfItsIdStays) {
  open_applier();
  for (uint64_t id = 1; id <= 4; ++id) append(note(fmt::format("note {}", id)), id);
  append(rule("a rule"), 1);
  append_batch(5);
  apply_all();
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("UPDATE notes SET title = 'edited' WHERE id = 2;"
                         "UPDATE notes SET path = 'theirs' WHERE id = 3"),
            SQLITE_OK);
  retract(1, note("note 1"), 1);
  retract(2, note("note 2"), 2);
  retract(3, note("note 3"), 3);
  retract(5, rule("a rule"), 1);
  apply_all();
  EXPECT_EQ(query("SELECT id, title, path FROM notes ORDER BY id"),
            "3|note 3|theirs\n4|note 4|notes/0000/n-4.md\n");
  EXPECT_EQ(query("SELECT count(*) FROM rules"), "0\n");
  EXPECT_EQ(outcome(1), "3|6|NULL\n");
  EXPECT_EQ(must(highest_id(applier->database(), "notes", "id")), 4u) << "ids are not given again";
  // A database that is lost is built without them, beside whatever row has their ids by then.
  close();
  remove_database();
  open_journal();
  user_table(std::string(kNotesDdl) + "; INSERT INTO notes VALUES(1, 'foreign', 'x', 'now')");
  open_applier();
  apply_all();
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|foreign\n4|note 4\n");
}

TEST_F(ApplierRowsTest, ARowThatATriggerKeepsIsAPersonsFromThenOn) {
  user_table(std::string(kNotesDdl) +
             "; CREATE TRIGGER keep BEFORE DELETE ON notes WHEN old.title = 'kept' BEGIN "
             "SELECT RAISE(ABORT, 'no'); END; CREATE TRIGGER undo BEFORE DELETE ON notes WHEN "
             "old.title = 'undone' BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
  open_applier();
  append(note("kept"), 1);
  append(note("undone"), 2);
  append(note("goes"), 3);
  append_batch(3);
  apply_all();
  retract(1, note("kept"), 1);
  retract(2, note("undone"), 2);
  retract(3, note("goes"), 3);
  append(note("behind"), 4);
  apply_all();
  EXPECT_EQ(query("SELECT title FROM notes ORDER BY id"), "kept\nundone\nbehind\n");
  EXPECT_EQ(must(read_applied_state(applier->database())).set_aside, 0u);
}

TEST_F(ApplierRowsTest, IdsAreContinuedAboveRowsThatAreGone) {
  open_applier();
  append(note("a"), 7);
  apply_all();
  ASSERT_EQ(ForeignConnection(database_path()).execute("DELETE FROM notes"), SQLITE_OK);
  EXPECT_EQ(must(highest_id(applier->database(), "notes", "id")), 7u);
  EXPECT_EQ(must(highest_id(applier->database(), "absent", "id")), 0u);
}

TEST_F(ApplierRowsTest, HighestIdSeesAutoincrementAndPassesOverText) {
  user_table(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, title, path, created_at);"
      "INSERT INTO notes(id) VALUES(40); DELETE FROM notes;"
      "CREATE TABLE loose(id); INSERT INTO loose VALUES('zzz'), (12), (NULL)");
  open_applier();
  EXPECT_EQ(must(highest_id(applier->database(), "notes", "id")), 40u);
  EXPECT_EQ(must(highest_id(applier->database(), "loose", "id")), 12u);
}

TEST_F(ApplierRowsTest, CheckConstraintSetsAsideAndThoseBehindGoOn) {
  user_table(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT CHECK(title <> 'bad'), path, "
      "created_at)");
  open_applier();
  append(note("good"), 1);
  append(note("bad", "the-key"), 2);
  append(note("better"), 3);
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.set_aside, 1u);
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|good\n3|better\n");
  EXPECT_NE(outcome(2).find("CHECK constraint failed"), std::string::npos) << outcome(2);
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(2)));
  EXPECT_EQ(must(read_applied_state(applier->database())).set_aside, 1u);
  // Its key answers all the same.
  EXPECT_EQ(must(find_key(applier->database(), "the-key"))->seq, 2u);
  EXPECT_EQ(count_frames(Operation::kSetAside), 1u);
}

TEST_F(ApplierRowsTest, UniqueColumnOfTheUserSetsAside) {
  user_table("CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT UNIQUE, path, created_at)");
  open_applier();
  append(note("same"), 1);
  append(note("same"), 2);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_EQ(query("SELECT id FROM notes"), "1\n");
}

TEST_F(ApplierRowsTest, TakenIdAndRefusedRowEndSetAside) {
  user_table(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT UNIQUE, path, created_at);"
      "INSERT INTO notes(id, title) VALUES(1, 'same')");
  open_applier();
  append(note("same"), 1);
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.set_aside, 1u);
  EXPECT_EQ(report.rebound, 0u);
  EXPECT_EQ(query("SELECT id, title, path FROM notes"), "1|same|NULL\n");
  EXPECT_EQ(outcome(1).substr(0, 1), "2");
}

TEST_F(ApplierRowsTest, ConflictClauseOfTheTableDoesNotReplaceAForeignRow) {
  user_table(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, title, path, "
      "created_at); INSERT INTO notes(id, title) VALUES(1, 'foreign')");
  open_applier();
  append(note("ours"), 1);
  apply_all();
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|foreign\n2|ours\n");
}

TEST_F(ApplierRowsTest, RollbackClauseOfTheTableLosesNothing) {
  user_table(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, title NOT NULL ON CONFLICT ROLLBACK, path,"
      " created_at UNIQUE ON CONFLICT ROLLBACK)");
  open_applier();
  const int64_t now = clock.now_ms();
  append(note("a"), 1, now);
  append(note("b"), 2, now);
  append(note("c"), 3, now + 1);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_EQ(query("SELECT title FROM notes ORDER BY id"), "a\nc\n");
}

TEST_F(ApplierRowsTest, TriggerThatRollsBackSetsOnlyItsRecordsAside) {
  user_table(std::string(kNotesDdl) +
             "; CREATE TRIGGER no BEFORE INSERT ON notes WHEN new.title = 'bad' BEGIN "
             "SELECT RAISE(ROLLBACK, 'never'); END");
  open_applier();
  append(note("a"), 1);
  append(note("bad"), 2);
  append(note("c"), 3);
  append(note("bad"), 4);
  append(note("e"), 5);
  EXPECT_EQ(apply_all().set_aside, 2u);
  EXPECT_EQ(query("SELECT title FROM notes ORDER BY id"), "a\nc\ne\n");
  EXPECT_NE(outcome(4).find("never"), std::string::npos);
  EXPECT_EQ(count_frames(Operation::kSetAside), 2u);
}

TEST_F(ApplierRowsTest, TriggerThatAbortsOrIgnoresSetsAside) {
  user_table(std::string(kNotesDdl) +
             "; CREATE TRIGGER no BEFORE INSERT ON notes WHEN new.title = 'bad' BEGIN "
             "SELECT RAISE(ABORT, 'never'); END;"
             "CREATE TRIGGER hush BEFORE INSERT ON notes WHEN new.title = 'hush' BEGIN "
             "SELECT RAISE(IGNORE); END");
  open_applier();
  append(note("bad"), 1);
  append(note("hush"), 2);
  append(note("fine"), 3);
  EXPECT_EQ(apply_all().set_aside, 2u);
  EXPECT_EQ(query("SELECT title FROM notes"), "fine\n");
}

TEST_F(ApplierRowsTest, TableWithoutOurColumnMakesItsRecordsWait) {
  user_table("CREATE TABLE notes(id INTEGER PRIMARY KEY, title, created_at)");
  open_applier();
  append(note("a"), 1);
  const auto waiting = applier->step();
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, Code::kRetryLater);
  EXPECT_NE(waiting.error().message.find("no column named path"), std::string::npos);
  ASSERT_EQ(ForeignConnection(database_path()).execute("ALTER TABLE notes ADD path"), SQLITE_OK);
  EXPECT_EQ(apply_all().set_aside, 0u);
  EXPECT_EQ(query("SELECT id, title, path FROM notes"), "1|a|" + note_path(1) + "\n");
}

TEST_F(ApplierRowsTest, MissingTableMakesItsRecordsWait) {
  options.ddl.clear();
  open_applier();
  append(note("a"), 1);
  const auto waiting = applier->step();
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, Code::kRetryLater);
  EXPECT_NE(waiting.error().message.find("no such table"), std::string::npos);
  options.ddl = default_options().ddl;
  open_applier();
  EXPECT_EQ(apply_all().set_aside, 0u);
}

TEST_F(ApplierRowsTest, IdsStayUniqueWhereTheTableDoesNotSeeToIt) {
  user_table(
      "CREATE TABLE notes(id INTEGER, title, path, created_at);"
      "INSERT INTO notes(id, title) VALUES(1, 'foreign')");
  open_applier();
  append(note("ours"), 1);
  EXPECT_EQ(apply_all().rebound, 1u);
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|foreign\n2|ours\n");
}

TEST_F(ApplierRowsTest, UniqueIndexOverTheIdIsSeen) {
  user_table(
      "CREATE TABLE notes(id INTEGER, title, path, created_at);"
      "CREATE UNIQUE INDEX one ON notes(ID);"
      "INSERT INTO notes(id, title) VALUES(1, 'foreign')");
  open_applier();
  append(note("ours"), 1);
  EXPECT_EQ(apply_all().rebound, 1u);
}

TEST_F(ApplierRowsTest, WhereTheTopIdIsTakenTheNextFreeOneIsGivenAndWithoutOneItIsSetAside) {
  user_table(std::string(kNotesDdl) +
             "; INSERT INTO notes(id, title) VALUES(9223372036854775807, 'last'), (1, 'first')");
  open_applier();
  append(note("ours"), 1);
  EXPECT_EQ(apply_all().rebound, 1u);
  EXPECT_EQ(query("SELECT id FROM notes WHERE title = 'ours'"), "2\n");
  // What was given out is not given again: above the last one there is only the row at the end.
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("UPDATE syncline_ids SET last_id = 9223372036854775806"),
            SQLITE_OK);
  append(note("no room"), 1);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_NE(outcome(2).find("no free id"), std::string::npos);
}

TEST_F(ApplierRowsTest, EngineTablesDroppedByAUserAreRebuiltAroundTheRows) {
  open_applier();
  append(note("a"), 1);
  append(note("b"), 2);
  append(rule("r"), 1);
  apply_all();
  applier.reset();
  {
    ForeignConnection user(database_path());
    for (const char* table : {"meta", "keys", "outcomes", "offsets", "positions", "ids"}) {
      ASSERT_EQ(user.execute(fmt::format("DROP TABLE syncline_{}", table)), SQLITE_OK);
    }
    // A person's own change to a row that is ours stays.
    ASSERT_EQ(user.execute("UPDATE notes SET title = 'edited' WHERE id = 2"), SQLITE_OK);
  }
  open_applier();
  const ApplyReport report = apply_all();
  EXPECT_EQ(report.records, 3u);
  EXPECT_EQ(report.rebound + report.set_aside, 0u);
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|a\n2|edited\n");
  EXPECT_EQ(query("SELECT id, rule FROM rules"), "1|r\n");
  EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("r", 1));
}

TEST_F(ApplierRowsTest, RestoreRowsPutsBackWhatIsMissingAndNothingElse) {
  open_applier();
  for (uint64_t id = 1; id <= 4; ++id) append(note("n" + std::to_string(id)), id);
  apply_all();
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("DELETE FROM notes WHERE id IN (2, 3);"
                         "INSERT INTO notes(id, title) VALUES(3, 'foreign');"
                         "UPDATE notes SET title = 'edited' WHERE id = 4"),
            SQLITE_OK);
  ASSERT_OK(applier->restore_rows({4, 2, 3}));
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|n1\n2|n2\n3|foreign\n4|edited\n");
}

}  // namespace
}  // namespace syncline
