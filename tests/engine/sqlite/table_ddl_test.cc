// Columns that a table's configuration has gained. What a statement may do at all is
// tests/engine/config/config_test.cc.
#include "engine/sqlite/table_ddl.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

using Names = std::vector<std::string>;

class MissingColumns : public testing::Test {
 protected:
  MissingColumns() : database_(std::move(*Database::open_in_memory())) {
    EXPECT_TRUE(
        database_->execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT);"
                           "INSERT INTO t VALUES(1, 'one')"));
  }
  Names add(const std::string& columns) {
    const auto added = add_missing_columns(
        *database_, "t", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, " + columns + ")");
    EXPECT_TRUE(added) << added.error().message;
    return added ? *added : Names{};
  }
  std::string only(const std::string& query) {
    auto statement = database_->prepare(query);
    EXPECT_TRUE(statement && statement->step()) << query;
    return std::string(statement->text(0));
  }
  std::unique_ptr<Database> database_;
};

TEST_F(MissingColumns, ThoseThatOldRowsCanDoWithoutAreAdded) {
  EXPECT_EQ(add("b TEXT, \"c d\" INTEGER NOT NULL DEFAULT 3, e VARCHAR(10) DEFAULT 'it''s', "
                "f REAL DEFAULT -1.5e3, g DEFAULT NULL"),
            (Names{"b", "c d", "e", "f", "g"}));
  EXPECT_EQ(only("SELECT \"c d\" || e || f FROM t WHERE b IS NULL AND g IS NULL"), "3it's-1500.0");
  EXPECT_EQ(add("B TEXT, \"c d\" INTEGER NOT NULL DEFAULT 3, e, f, g"), Names{}) << "once";
}

TEST_F(MissingColumns, ThoseThatEveryRowNeedsAreNot) {
  EXPECT_EQ(add("b TEXT NOT NULL, c TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, "
                "d INTEGER NOT NULL DEFAULT (1 + 1), e TEXT AS (a || 'x'), "
                "f TEXT NOT NULL DEFAULT NULL"),
            Names{});
  EXPECT_EQ(only("SELECT count(*) FROM pragma_table_info('t')"), "2");
}

TEST_F(MissingColumns, AComputedDefaultIsLeftOut) {
  EXPECT_EQ(add("c DATETIME DEFAULT CURRENT_TIMESTAMP, d INTEGER DEFAULT (1 + 1)"),
            (Names{"c", "d"}));
  EXPECT_EQ(only("SELECT count(*) FROM t WHERE c IS NULL AND d IS NULL"), "1");
}

// The statement is made of what SQLite tells of the configuration's.
TEST_F(MissingColumns, NoTextOfAStatementIsTakenOverThatCouldBeMore) {
  EXPECT_EQ(add("b \"TEXT; DROP TABLE t\", c TEXT NOT NULL DEFAULT \"x'; DROP TABLE t; --\""),
            Names{});
  EXPECT_EQ(only("SELECT a FROM t"), "one");
  const auto refused = add_missing_columns(*database_, "t", "DROP TABLE t");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace syncline
