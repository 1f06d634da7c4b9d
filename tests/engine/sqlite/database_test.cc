#include "engine/sqlite/database.h"

#include <sys/stat.h>

#include "engine/sqlite/database_vfs.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  std::string path() const { return (directory / "user.db").string(); }
  std::unique_ptr<Database> open(Database::Access access = Database::Access::kWrite) {
    return must(Database::open(path(), access, 50));
  }
  static std::string one(Database& database, const std::string& sql) {
    Statement statement = must(database.prepare(sql));
    return must(statement.step()) ? std::string(statement.text(0)) : "nothing";
  }
  TemporaryDirectory directory;
};

TEST_F(DatabaseTest, NewOneHasTheSettingsReliedOn) {
  const auto database = open();
  EXPECT_EQ(one(*database, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(one(*database, "PRAGMA synchronous"), "1");
  EXPECT_EQ(one(*database, "PRAGMA page_size"), "16384");
  EXPECT_EQ(one(*database, "PRAGMA wal_autocheckpoint"), "0");
}

TEST_F(DatabaseTest, EachTryBehindAnothersLockIsToldUntilTheTimeIsUp) {
  int tries = 0;
  const auto database =
      must(Database::open(path(), Database::Access::kWrite, 50, [&tries] { ++tries; }));
  ASSERT_TRUE(database->execute("CREATE TABLE t(a); INSERT INTO t VALUES(1)"));
  EXPECT_EQ(tries, 0);
  ForeignConnection user(path());
  ASSERT_EQ(user.execute("BEGIN IMMEDIATE"), 0);
  const auto fails_after_tries = [&] {
    tries = 0;
    const Status begun = database->execute("BEGIN IMMEDIATE");
    EXPECT_TRUE(!begun && begun.error().code == Code::kBusy);
    EXPECT_GT(tries, 1);
    EXPECT_LE(tries, 50) << "a millisecond each, at least";
  };
  fails_after_tries();
  ASSERT_TRUE(database->checkpoint()) << "it waits for nobody";
  fails_after_tries();
  database->set_busy_timeout(0);
  tries = 0;
  EXPECT_FALSE(database->execute("BEGIN IMMEDIATE"));
  EXPECT_EQ(tries, 0);
  ASSERT_EQ(user.execute("COMMIT"), 0);
  EXPECT_TRUE(database->execute("BEGIN IMMEDIATE; COMMIT"));
}

TEST_F(DatabaseTest, UsersOwnIsTakenAsItIsAndSwitchedToWal) {
  {
    ForeignConnection user(path());
    ASSERT_EQ(user.execute("PRAGMA page_size=1024; CREATE TABLE t(a); INSERT INTO t VALUES(7)"), 0);
    ASSERT_EQ(user.query("PRAGMA journal_mode"), "delete\n");
  }
  const auto database = open();
  EXPECT_EQ(one(*database, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(one(*database, "PRAGMA page_size"), "1024");
  EXPECT_EQ(one(*database, "SELECT a FROM t"), "7");
}

TEST_F(DatabaseTest, GarbageIsCorrupt) {
  write_text(path(), std::string(8192, 'x'));
  const auto database = Database::open(path(), Database::Access::kWrite);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().code, Code::kCorrupt);
  EXPECT_EQ(read_text(path()), std::string(8192, 'x'));
}

TEST_F(DatabaseTest, MissingOneIsNotMadeForReading) {
  const auto database = Database::open(path(), Database::Access::kRead);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().code, Code::kNotFound) << database.error().message;
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(DatabaseTest, ForeignWritersLockIsBusyAndThenSuccess) {
  const auto database = open();
  ASSERT_OK(database->execute("CREATE TABLE t(a)"));
  ForeignConnection other(path());
  ASSERT_EQ(other.execute("BEGIN IMMEDIATE"), 0);
  const auto refused = Transaction::begin(*database);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBusy);
  ASSERT_EQ(other.execute("COMMIT"), 0);
  auto transaction = must(Transaction::begin(*database));
  ASSERT_OK(database->execute("INSERT INTO t VALUES(1)"));
  ASSERT_OK(transaction.commit());
  EXPECT_EQ(one(*database, "SELECT count(*) FROM t"), "1");
}

TEST_F(DatabaseTest, TransactionRollsBackUnlessCommitted) {
  const auto database = open();
  ASSERT_OK(database->execute("CREATE TABLE t(a)"));
  {
    auto transaction = must(Transaction::begin(*database));
    ASSERT_OK(database->execute("INSERT INTO t VALUES(1)"));
  }
  EXPECT_FALSE(database->in_transaction());
  EXPECT_EQ(one(*database, "SELECT count(*) FROM t"), "0");
}

TEST_F(DatabaseTest, ClosingDoesNotCheckpoint) {
  {
    const auto database = open();
    ASSERT_OK(database->execute("CREATE TABLE t(a)"));
    EXPECT_GT(database->wal_bytes(), 0u);
  }
  EXPECT_GT(std::filesystem::file_size(path() + "-wal"), 0u);
  EXPECT_EQ(one(*open(), "SELECT count(*) FROM t"), "0");
}

TEST_F(DatabaseTest, CheckpointEmptiesTheWal) {
  const auto database = open();
  ASSERT_OK(database->execute("CREATE TABLE t(a)"));
  ASSERT_OK(database->checkpoint());
  EXPECT_EQ(std::filesystem::file_size(path() + "-wal"), 0u);
}

TEST_F(DatabaseTest, ReaderInTheWayDoesNotFailACheckpoint) {
  const auto database = open();
  ASSERT_OK(database->execute("CREATE TABLE t(a); INSERT INTO t VALUES(1)"));
  const auto reader = open(Database::Access::kRead);
  ASSERT_OK(reader->execute("BEGIN"));
  EXPECT_EQ(one(*reader, "SELECT count(*) FROM t"), "1");
  ASSERT_OK(database->execute("INSERT INTO t VALUES(2)"));
  ASSERT_OK(database->checkpoint());
  EXPECT_EQ(one(*reader, "SELECT count(*) FROM t"), "1");
  ASSERT_OK(reader->execute("COMMIT"));
  EXPECT_EQ(one(*reader, "SELECT count(*) FROM t"), "2");
}

TEST_F(DatabaseTest, ReplacedFileIsNoticed) {
  const auto database = open();
  EXPECT_FALSE(database->has_moved());
  std::filesystem::rename(path(), path() + ".old");
  EXPECT_TRUE(database->has_moved());
  write_text(path(), "");
  EXPECT_TRUE(database->has_moved());
}

TEST_F(DatabaseTest, ValuesComeBackAsTheyWent) {
  const auto database = open();
  ASSERT_OK(database->execute("CREATE TABLE t(a, b, c, d, e)"));
  const std::string text = std::string("nul\0inside", 10);
  const Value values[] = {int64_t{-5}, 2.5, text, std::monostate{}, std::string()};
  Statement insert = must(database->prepare("INSERT INTO t VALUES(?1, ?2, ?3, ?4, ?5)"));
  for (int i = 0; i < 5; ++i) insert.bind(i + 1, values[i]);
  ASSERT_OK(insert.run());
  Statement read = must(database->prepare("SELECT * FROM t"));
  ASSERT_TRUE(must(read.step()));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(read.value(i), values[i]) << i;
}

TEST_F(DatabaseTest, ConstraintTellsItsExtendedCode) {
  const auto database = open();
  ASSERT_OK(database->execute("CREATE TABLE t(a CHECK(a > 0))"));
  Statement insert = must(database->prepare("INSERT INTO t VALUES(0)"));
  const auto refused = insert.run();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().code, Code::kInvalid);  // of a record, only who writes its row says so
  EXPECT_EQ(insert.last_code(), SQLITE_CONSTRAINT_CHECK);
}

TEST_F(DatabaseTest, ATableThatIsNotThereIsNoFaultOfARecord) {
  const auto database = open();
  const auto missing = database->prepare("SELECT * FROM syncline_keys");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kBusy) << missing.error().message;
  EXPECT_EQ(missing.error().hint, kDatabaseExchangedHint);
}

// ---- by the rules of record files ----

class BeneathTest : public DatabaseTest {
 protected:
  BeneathTest() {
    std::filesystem::create_directories(directory / "root/memory");
    std::filesystem::create_directories(directory / "elsewhere");
  }
  DatabaseFile place() const {
    return {(directory / "root/memory/index.db").string(), beneath_vfs(),
            (directory / "root").string()};
  }
  void expect_refused(const std::string& what) {
    const auto opened = Database::open(place(), Database::Access::kWrite);
    ASSERT_FALSE(opened) << what;
    EXPECT_EQ(opened.error().code, Code::kUnsafePath) << what << opened.error().message;
  }
};

TEST_F(BeneathTest, AnOrdinaryDatabaseIsOpenedAndItsLogLiesBesideIt) {
  const auto database = must(Database::open(place(), Database::Access::kWrite));
  ASSERT_OK(database->execute("CREATE TABLE t(a); INSERT INTO t VALUES(7)"));
  EXPECT_TRUE(std::filesystem::exists(place().path + "-wal"));
  EXPECT_FALSE(database->has_moved());
  EXPECT_EQ(ForeignConnection(place().path).query("SELECT a FROM t"), "7\n");
  EXPECT_EQ(one(*must(Database::open(place(), Database::Access::kRead)), "SELECT a FROM t"), "7");
}

TEST_F(BeneathTest, ALinkAtTheDatabaseOrBesideItIsRefusedAndNothingBehindItIsTouched) {
  const std::string victim = (directory / "elsewhere/victim").string();
  for (const std::string suffix : {"", "-wal", "-shm", "-journal"}) {
    const std::string at = place().path + suffix;
    write_text(victim, "mine");
    std::filesystem::create_symlink(victim, at);
    expect_refused("symbolic link " + suffix);
    std::filesystem::remove(at);
    std::filesystem::create_hard_link(victim, at);
    expect_refused("hard link " + suffix);
    std::filesystem::remove(at);
    ASSERT_EQ(mkfifo(at.c_str(), 0600), 0);
    expect_refused("FIFO " + suffix);
    std::filesystem::remove(at);
    EXPECT_EQ(read_text(victim), "mine") << suffix;
  }
}

TEST_F(BeneathTest, ADirectoryExchangedForALinkIsRefused) {
  std::filesystem::remove(directory / "root/memory");
  std::filesystem::create_directory_symlink(directory / "elsewhere", directory / "root/memory");
  expect_refused("directory");
  EXPECT_TRUE(std::filesystem::is_empty(directory / "elsewhere"));
}

TEST_F(BeneathTest, AnExchangedDirectoryOrADeletedLogIsSeenAsMoved) {
  const auto database = must(Database::open(place(), Database::Access::kWrite));
  ASSERT_OK(database->execute("CREATE TABLE t(a)"));
  std::filesystem::rename(directory / "root/memory", directory / "root/old");
  std::filesystem::create_directory(directory / "root/memory");
  EXPECT_TRUE(database->has_moved());
  std::filesystem::remove(directory / "root/memory");
  std::filesystem::rename(directory / "root/old", directory / "root/memory");
  EXPECT_FALSE(database->has_moved());
  std::filesystem::remove(place().path + "-wal");
  EXPECT_TRUE(database->has_moved());
}

TEST_F(DatabaseTest, FullDatabaseIsRetryLater) {
  const auto database = open();
  ASSERT_OK(database->execute("CREATE TABLE t(a)"));
  Statement most = must(database->prepare("PRAGMA max_page_count=3"));
  must(most.step());
  const auto refused = database->execute("INSERT INTO t VALUES(zeroblob(1000000))");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRetryLater);
}

TEST_F(DatabaseTest, IdentifiersAreQuoted) {
  EXPECT_EQ(quote_identifier("plain"), "\"plain\"");
  EXPECT_EQ(quote_identifier("a\"b; DROP"), "\"a\"\"b; DROP\"");
}

}  // namespace
}  // namespace syncline
