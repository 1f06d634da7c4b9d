// Processes that are killed in the middle of a step, at every operation on the work tree, at every
// append to the journal, and right before COMMIT; and then again in the middle of the recovery.

#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

class ApplierCrashTest : public ApplyTest {
 protected:
  // Records of all sorts: plain, one whose id is taken, one that is refused, sections.
  void fill() {
    open_applier();
    append(note("one", "k1"), 1);
    append(rule("first"), 1);
    append(note("taken", "k2"), 2);
    append(note("refused", "k3"), 3);
    append(rule("second"), 2);
    append(note("last", "k4"), 4);
    ForeignConnection user(database_path());
    ASSERT_EQ(user.execute("CREATE TRIGGER no BEFORE INSERT ON notes WHEN new.title = 'refused' "
                           "BEGIN SELECT RAISE(ABORT, 'never'); END;"
                           "INSERT INTO notes(id, title) VALUES(2, 'foreign')"),
              SQLITE_OK);
  }
  // The same whatever happened on the way.
  void expect_applied_once() {
    EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"),
              "1|one\n2|foreign\n4|last\n5|taken\n");
    EXPECT_EQ(query("SELECT id, rule FROM rules ORDER BY id"), "1|first\n2|second\n");
    EXPECT_EQ(query("SELECT key, seq FROM syncline_keys"), "k1|1\nk2|3\nk3|4\nk4|6\n");
    EXPECT_EQ(file("memory/testing.md"),
              "# testing\n" + rule_text("first", 1) + rule_text("second", 2));
    EXPECT_EQ(file(note_path(1)), note_text("one", 1));
    EXPECT_EQ(file(note_path(4)), note_text("last", 4));
    EXPECT_EQ(file(note_path(5)), note_text("taken", 5));
    EXPECT_FALSE(std::filesystem::exists(work() / note_path(2)));
    EXPECT_FALSE(std::filesystem::exists(work() / note_path(3)));
    EXPECT_EQ(query("SELECT seq, kind, new_id FROM syncline_outcomes ORDER BY seq"),
              "3|1|5\n4|2|NULL\n");
    EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
    EXPECT_EQ(applier->applied().seq, 6u);
    EXPECT_EQ(query("SELECT count(*) FROM syncline_waiting"), "0\n");
  }
  void kill_at_operation(int number) {
    auto left = std::make_shared<int>(number);
    *hook = [left](std::string_view, const std::string&) -> Status {
      if ((*left)-- == 0) _exit(kKilled);
      return {};
    };
  }
};

// More than the step has operations on the work tree; StepHasFewerOperations holds it to that.
constexpr int kOperationsMax = 20;

TEST_F(ApplierCrashTest, StepHasFewerOperations) {
  fill();
  int operations = 0;
  *hook = [&](std::string_view, const std::string&) -> Status {
    ++operations;
    return {};
  };
  apply_all();
  expect_applied_once();
  EXPECT_GT(operations, 10);
  EXPECT_LT(operations, kOperationsMax);
}

class KilledAtOperation : public ApplierCrashTest, public ::testing::WithParamInterface<int> {};

TEST_P(KilledAtOperation, EverythingIsThereOnceAfterwards) {
  fill();
  const int killed = in_killed_process([&] {
    kill_at_operation(GetParam());
    apply_all();
  });
  ASSERT_TRUE(killed == 0 || killed == kKilled) << killed;
  // A second process dies in the middle of doing it again.
  const int again = in_killed_process([&] {
    kill_at_operation(GetParam() / 2);
    apply_all();
  });
  ASSERT_TRUE(again == 0 || again == kKilled) << again;
  open_applier();
  apply_all();
  ASSERT_OK(applier->recheck_files());
  expect_applied_once();
}
INSTANTIATE_TEST_SUITE_P(Each, KilledAtOperation, ::testing::Range(0, kOperationsMax));

TEST_F(ApplierCrashTest, KilledRightBeforeCommitTwice) {
  fill();
  for (int time = 0; time < 2; ++time) {
    const int killed = in_killed_process([&] {
      sqlite3_commit_hook(
          applier->database().handle(), [](void*) -> int { _exit(kKilled); }, nullptr);
      apply_all();
    });
    ASSERT_EQ(killed, kKilled);
    EXPECT_EQ(query("SELECT value FROM syncline_meta WHERE name='applied_seq'"), "0\n");
  }
  open_applier();
  apply_all();
  expect_applied_once();
  EXPECT_EQ(count_frames(Operation::kRebind), 1u);
  EXPECT_EQ(count_frames(Operation::kSetAside), 1u);
  EXPECT_EQ(count_frames(Operation::kAppendOffsets), 1u);
}

// The clock is asked right before each append of control frames: dies with outcomes decided and
// none, or some, of them in the log.
class KilledAtAppend : public ApplierCrashTest, public ::testing::WithParamInterface<int> {};

TEST_P(KilledAtAppend, EverythingIsThereOnceAfterwards) {
  fill();
  for (int time = 0; time < 2; ++time) {
    const int killed = in_killed_process([&] {
      int left = GetParam();
      clock.on_now = [&] {
        if (left-- == 0) _exit(kKilled);
      };
      apply_all();
    });
    ASSERT_TRUE(killed == 0 || killed == kKilled) << killed;
  }
  open_applier();
  apply_all();
  expect_applied_once();
}
INSTANTIATE_TEST_SUITE_P(Each, KilledAtAppend, ::testing::Range(0, 6));

// Power goes after the step's COMMIT, and SQLite, which syncs only at checkpoints, loses it, while
// files and outcomes stay; a person edits meanwhile.
TEST_F(ApplierCrashTest, CommitsThatAPowerCutTookAreDoneAgain) {
  fill();
  close();
  const std::string database = read_text(database_path());
  const std::string wal = read_text(database_path() + "-wal");
  open_journal();
  open_applier();
  apply_all();
  write_text(work() / note_path(4), "edited");
  close();
  write_text(database_path(), database);
  write_text(database_path() + "-wal", wal);
  std::filesystem::remove(database_path() + "-shm");
  open_journal();
  open_applier();
  EXPECT_EQ(applier->applied().seq, 0u);
  apply_all();
  EXPECT_EQ(file(note_path(4)), "edited");
  write_text(work() / note_path(4), note_text("last", 4));
  expect_applied_once();
  EXPECT_EQ(count_frames(Operation::kRebind), 1u);
  EXPECT_EQ(count_frames(Operation::kAppendOffsets), 1u);
}

TEST_F(ApplierCrashTest, AppliedThreeTimesIsAppliedOnce) {
  fill();
  for (int time = 0; time < 3; ++time) {
    apply_all();
    ASSERT_OK(applier->recheck_files());
    reopen();
  }
  expect_applied_once();
}

// Killed between any two records' batches as well: partly applied, then again.
TEST_F(ApplierCrashTest, PartlyThenAgain) {
  options.batch_records_max = 1;
  fill();
  for (uint64_t seq = 1; seq <= 6; ++seq) {
    const int killed = in_killed_process([&] {
      must(applier->step(seq));
      sqlite3_commit_hook(
          applier->database().handle(), [](void*) -> int { _exit(kKilled); }, nullptr);
      must(applier->step(seq + 1));
      must(applier->step(seq + 1));
    });
    ASSERT_TRUE(killed == kKilled) << killed;
  }
  open_applier();
  apply_all();
  expect_applied_once();
}

}  // namespace
}  // namespace syncline
