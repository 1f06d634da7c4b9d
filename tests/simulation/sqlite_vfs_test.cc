#include "tests/simulation/sqlite_vfs.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace syncline::simulation {
namespace {

class CountingRandom : public Random {
 public:
  uint64_t next_u64() override { return ++count_; }

 private:
  uint64_t count_ = 0;
};

// Two processes, each with its own VFS, over a directory of the real file system.
class SqliteVfsTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteVfs> make(const std::string& name, bool* dead = nullptr) {
    return std::make_unique<SqliteVfs>(
        name, SqliteSurroundings{.shared = shared_,
                                 .clock = system_clock(),
                                 .random = random_,
                                 .open_root = [] { return open_posix_directory("/"); },
                                 .pause = {},
                                 .dead = [dead] { return dead != nullptr && *dead; }});
  }
  sqlite3* open(const SqliteVfs& vfs) {
    sqlite3* handle = nullptr;
    const std::string path = (directory_ / "test.db").string();
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &handle,
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                              vfs.name()),
              SQLITE_OK);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return handle;
  }
  static int run(sqlite3* handle, const char* sql) {
    return sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
  }
  static int64_t number(sqlite3* handle, const char* sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sqlite3_errmsg(handle);
    const int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
  }

  TemporaryDirectory directory_;
  CountingRandom random_;
  SqliteShared shared_;
};

TEST_F(SqliteVfsTest, WalIsSharedBetweenProcesses) {
  const auto one = make("one"), other = make("other");
  sqlite3* writer = open(*one);
  ASSERT_EQ(run(writer, "PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(7)"),
            SQLITE_OK);
  sqlite3* reader = open(*other);
  EXPECT_EQ(number(reader, "SELECT x FROM t"), 7);
  ASSERT_EQ(run(writer, "BEGIN IMMEDIATE; INSERT INTO t VALUES(8)"), SQLITE_OK);
  EXPECT_EQ(number(reader, "SELECT count(*) FROM t"), 1);
  EXPECT_EQ(run(reader, "INSERT INTO t VALUES(9)"), SQLITE_BUSY);
  ASSERT_EQ(run(writer, "COMMIT"), SQLITE_OK);
  EXPECT_EQ(number(reader, "SELECT count(*) FROM t"), 2);
  EXPECT_EQ(run(writer, "PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
  EXPECT_EQ(number(reader, "SELECT count(*) FROM t"), 2);
  EXPECT_EQ(sqlite3_close(reader), SQLITE_OK);
  EXPECT_EQ(sqlite3_close(writer), SQLITE_OK);
}

TEST_F(SqliteVfsTest, TheLastToLeaveTakesTheIndexAndTheWalIsRecovered) {
  const auto vfs = make("one");
  sqlite3* writer = open(*vfs);
  ASSERT_EQ(run(writer, "PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(7)"),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_close(writer), SQLITE_OK);
  ASSERT_GT(std::filesystem::file_size(directory_ / "test.db-wal"), 0U);
  sqlite3* reader = open(*vfs);
  EXPECT_EQ(number(reader, "SELECT x FROM t"), 7);
  EXPECT_EQ(sqlite3_close(reader), SQLITE_OK);
}

TEST_F(SqliteVfsTest, ARollbackJournalWorksToo) {
  const auto vfs = make("one");
  sqlite3* writer = open(*vfs);
  ASSERT_EQ(run(writer,
                "PRAGMA journal_mode=DELETE; CREATE TABLE t(x); BEGIN;"
                "INSERT INTO t VALUES(7); ROLLBACK; INSERT INTO t VALUES(8)"),
            SQLITE_OK);
  EXPECT_EQ(number(writer, "SELECT x FROM t"), 8);
  EXPECT_EQ(sqlite3_close(writer), SQLITE_OK);
}

TEST_F(SqliteVfsTest, TheDeadHaveNoEffectAndHoldNothing) {
  bool dead = false;
  const auto one = make("one", &dead), other = make("other");
  sqlite3* writer = open(*one);
  ASSERT_EQ(run(writer,
                "PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(7);"
                "BEGIN IMMEDIATE; INSERT INTO t VALUES(8)"),
            SQLITE_OK);
  dead = true;
  EXPECT_NE(run(writer, "COMMIT"), SQLITE_OK);
  EXPECT_EQ(sqlite3_close(writer), SQLITE_OK);
  sqlite3* next = open(*other);
  EXPECT_EQ(number(next, "SELECT count(*) FROM t"), 1);
  EXPECT_EQ(run(next, "INSERT INTO t VALUES(9)"), SQLITE_OK);
  EXPECT_EQ(sqlite3_close(next), SQLITE_OK);
}

TEST_F(SqliteVfsTest, AMovedDatabaseIsNoticed) {
  const auto vfs = make("one");
  sqlite3* handle = open(*vfs);
  ASSERT_EQ(run(handle, "CREATE TABLE t(x)"), SQLITE_OK);
  int moved = 0;
  EXPECT_EQ(sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved), SQLITE_OK);
  EXPECT_EQ(moved, 0);
  std::filesystem::rename(directory_ / "test.db", directory_ / "elsewhere");
  EXPECT_EQ(sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved), SQLITE_OK);
  EXPECT_EQ(moved, 1);
  EXPECT_EQ(sqlite3_close(handle), SQLITE_OK);
}

}  // namespace
}  // namespace syncline::simulation
