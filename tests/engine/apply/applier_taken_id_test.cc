// A person's insert between an apply that crashed and its replay: the foreign row has our id, and
// files with that id are there already, or even committed.

#include "engine/projection/projection.h"
#include "journal/record/control_frame.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

class TakenIdTest : public ApplyTest {
 protected:
  // Files and sections of all records are written, their rows are not.
  void apply_until_commit() {
    const int killed = in_killed_process([&] {
      sqlite3_commit_hook(
          applier->database().handle(), [](void*) -> int { _exit(kKilled); }, nullptr);
      apply_all();
    });
    ASSERT_EQ(killed, kKilled);
  }
  void foreign(const std::string& sql) {
    ASSERT_EQ(ForeignConnection(database_path()).execute(sql), SQLITE_OK);
  }
  void fill() {
    open_applier();
    append(note("one"), 1);
    append(rule("first"), 1);
    append(note("taken"), 2);
    append(rule("second"), 2);
    append(rule("third"), 3);
    append(note("last"), 3);
    apply_until_commit();
    ASSERT_EQ(file(note_path(2)), note_text("taken", 2));
    ASSERT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("first", 1) +
                                             rule_text("second", 2) + rule_text("third", 3));
    foreign(
        "INSERT INTO notes(id, title) VALUES(2, 'foreign');"
        "INSERT INTO rules(id, rule) VALUES(2, 'foreign')");
  }
  void expect_no_orphans() {
    EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"),
              "1|one\n2|foreign\n3|last\n4|taken\n");
    EXPECT_EQ(query("SELECT id, rule FROM rules ORDER BY id"),
              "1|first\n2|foreign\n3|third\n4|second\n");
    EXPECT_FALSE(std::filesystem::exists(work() / note_path(2)));
    EXPECT_EQ(file(note_path(1)), note_text("one", 1));
    EXPECT_EQ(file(note_path(3)), note_text("last", 3));
    EXPECT_EQ(file(note_path(4)), note_text("taken", 4));
    EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("first", 1) +
                                             rule_text("second", 4) + rule_text("third", 3));
    EXPECT_EQ(applier->applied().seq, 6u);
  }
};

TEST_F(TakenIdTest, WhatWasWrittenWithTheTakenIdIsTakenBack) {
  fill();
  open_applier();
  apply_all();
  expect_no_orphans();
  ASSERT_OK(applier->recheck_files());
  expect_no_orphans();
  EXPECT_EQ(count_frames(Operation::kRebind), 2u);
}

// More than a redo has operations on the work tree, and appends.
constexpr int kMomentsMax = 24;

class TakenIdKilled : public TakenIdTest, public ::testing::WithParamInterface<int> {};

TEST_P(TakenIdKilled, AndAgainWhenTheReplayDiesTooTwice) {
  fill();
  for (int moment : {GetParam(), GetParam() / 2}) {
    const int killed = in_killed_process([&] {
      auto left = std::make_shared<int>(moment);
      const auto one_more = [left] {
        if ((*left)-- == 0) _exit(kKilled);
      };
      *hook = [one_more](std::string_view, const std::string&) -> Status {
        one_more();
        return {};
      };
      clock.on_now = one_more;  // asked right before each append
      apply_all();
    });
    ASSERT_TRUE(killed == 0 || killed == kKilled) << killed;
  }
  open_applier();
  apply_all();
  expect_no_orphans();
}
INSTANTIATE_TEST_SUITE_P(Each, TakenIdKilled, ::testing::Range(0, kMomentsMax));

TEST_F(TakenIdTest, TheSecondIdIsTakenToo) {
  fill();
  for (const char* id : {"4", "5"}) {
    apply_until_commit();
    foreign(fmt::format("INSERT INTO notes(id, title) VALUES({}, 'foreign')", id));
  }
  open_applier();
  apply_all();
  EXPECT_EQ(query("SELECT id FROM notes WHERE title='taken'"), "6\n");
  for (uint64_t id : {2, 4, 5}) EXPECT_FALSE(std::filesystem::exists(work() / note_path(id))) << id;
  EXPECT_EQ(file(note_path(6)), note_text("taken", 6));
}

TEST_F(TakenIdTest, WhatIsEditedMeanwhileIsAPersonsAndStays) {
  fill();
  write_text(work() / note_path(2), "edited");
  open_applier();
  apply_all();
  EXPECT_EQ(file(note_path(2)), "edited");
  EXPECT_EQ(file(note_path(4)), note_text("taken", 4));
}

TEST_F(TakenIdTest, ASectionThatTakesMoreRoomGoesToTheEndAndNothingMoves) {
  fill();
  write_text(work() / "memory/testing.md", file("memory/testing.md") + "a person's line\n");
  foreign("INSERT INTO rules(id, rule) VALUES(9, 'foreign')");
  open_applier();
  apply_all();
  ASSERT_OK(applier->recheck_files());
  EXPECT_EQ(query("SELECT id FROM rules WHERE rule='second'"), "10\n");
  EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("first", 1) +
                                           std::string(rule_text("second", 2).size(), '\n') +
                                           rule_text("third", 3) + "a person's line\n" +
                                           rule_text("second", 10));
}

TEST_F(TakenIdTest, ASectionThatPeopleMovedIsTakenBackWhereItIs) {
  fill();
  write_text(work() / "memory/testing.md", "in front\n" + file("memory/testing.md"));
  open_applier();
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), "in front\n# testing\n" + rule_text("first", 1) +
                                           rule_text("second", 4) + rule_text("third", 3));
}

TEST_F(TakenIdTest, WhatIsSetAsideInsteadLeavesNoFileAndNoSection) {
  open_applier();
  append(note("refused"), 1);
  append(rule("refused"), 1);
  append(rule("next"), 2);
  apply_until_commit();
  foreign(
      "CREATE TRIGGER n BEFORE INSERT ON notes BEGIN SELECT RAISE(ABORT, 'never'); END;"
      "CREATE TRIGGER r BEFORE INSERT ON rules WHEN new.rule = 'refused' "
      "BEGIN SELECT RAISE(ABORT, 'never'); END;");
  open_applier();
  EXPECT_EQ(apply_all().set_aside, 2u);
  EXPECT_FALSE(std::filesystem::exists(work() / note_path(1)));
  EXPECT_EQ(
      file("memory/testing.md"),
      "# testing\n" + std::string(rule_text("refused", 1).size(), '\n') + rule_text("next", 2));
}

// The record is in a commit, which is what it is: only its row can still get another id.
TEST_F(TakenIdTest, ACommittedRecordKeepsItsFile) {
  open_applier();
  append(note("one"), 1);
  append(rule("first"), 1);
  append(note("two"), 2);
  append(note("not yet"), 3);
  apply_all();
  ObjectId object;
  object.bytes.fill(std::byte{1});
  append_control(Operation::kBatch, encode(BatchFrame{.first_seq = 1,
                                                      .last_seq = 3,
                                                      .parent = {},
                                                      .tree = object,
                                                      .commit = object,
                                                      .author_name = "a",
                                                      .author_email = "b"}));
  applier.reset();
  remove_database();
  foreign(
      fmt::format("{}; {}; INSERT INTO notes(id, title) VALUES(1, 'f'), (2, 'f'), (3, 'f');"
                  "INSERT INTO rules(id, rule) VALUES(1, 'f')",
                  kNotesDdl, kRulesDdl));
  for (int time = 0; time < 2; ++time) {
    open_applier();
    apply_all();
    EXPECT_EQ(query("SELECT id, title, path FROM notes ORDER BY id"),
              "1|f|NULL\n2|f|NULL\n3|f|NULL\n4|one|notes/0000/n-1.md\n5|two|notes/0000/n-2.md\n"
              "6|not yet|notes/0000/n-6.md\n");
    EXPECT_EQ(query("SELECT id, rule FROM rules ORDER BY id"), "1|f\n2|first\n");
    EXPECT_EQ(query("SELECT seq, new_id, file_id FROM syncline_outcomes ORDER BY seq"),
              "1|4|0\n2|2|0\n3|5|0\n4|6|NULL\n");
    EXPECT_EQ(file(note_path(1)), note_text("one", 1));
    EXPECT_EQ(file(note_path(2)), note_text("two", 2));
    EXPECT_FALSE(std::filesystem::exists(work() / note_path(4)));
    EXPECT_FALSE(std::filesystem::exists(work() / note_path(3)));
    EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("first", 1));
    ASSERT_OK(applier->recheck_files());
    // Once more from nothing, the outcomes being in the journal.
    applier.reset();
    for (const char* table : {"meta", "keys", "outcomes", "commits"}) {
      foreign(fmt::format("DROP TABLE syncline_{}", table));
    }
  }
  EXPECT_EQ(count_frames(Operation::kRebind), 4u);
}

// Programs before this one gave ids that no row can have; what they journalled so is mended.
TEST_F(TakenIdTest, AnIdThatNoRowCanHaveIsAsGoodAsTaken) {
  open_applier();
  append(note("one"), 1);
  append(note("beyond"), uint64_t{1} << 63);
  append(note("zero"), 0);
  append(note("last"), UINT64_MAX);
  EXPECT_EQ(apply_all().rebound, 3u);
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|one\n2|beyond\n3|zero\n4|last\n");
  EXPECT_EQ(file(note_path(2)), note_text("beyond", 2));
  EXPECT_EQ(must(highest_id(applier->database(), "notes", "id")), 4u);
}

TEST_F(TakenIdTest, WhereNoIdIsFreeTheRecordIsSetAside) {
  open_applier();
  foreign(
      "INSERT INTO notes(id, title) VALUES(9223372036854775806, 'a'), (9223372036854775807, 'b')");
  append(note("ours"), 9223372036854775806u);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_EQ(query("SELECT reason FROM syncline_outcomes"), "table notes has no free id\n");
}

TEST_F(TakenIdTest, WhatIsNoIdDoesNotHideThoseThatAre) {
  open_applier();
  foreign(
      "CREATE TABLE loose(id, a);"
      "INSERT INTO loose VALUES('text', 1), (1e300, 1), (-5, 1), (12, 1)");
  EXPECT_EQ(must(highest_id(applier->database(), "loose", "id")), 12u);
  EXPECT_EQ(must(next_free_id(applier->database(), "loose", "id", 11)), 13u);
  EXPECT_EQ(must(next_free_id(applier->database(), "loose", "id", 0)), 1u);
}

}  // namespace
}  // namespace syncline
