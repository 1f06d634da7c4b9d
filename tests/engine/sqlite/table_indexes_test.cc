// The indexes that a configuration names, on tables that lack them, have them, or cannot have them.
#include "engine/sqlite/table_indexes.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

using Names = std::vector<std::string>;

class TableIndexes : public testing::Test {
 protected:
  TableIndexes() : database_(std::move(*Database::open_in_memory())) {
    run("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT); INSERT INTO t(a) "
        "VALUES('x'), ('x')");
  }
  void run(const std::string& sql) { EXPECT_TRUE(database_->execute(sql)) << sql; }
  Names add(const Names& indexes, std::string_view table = "t") {
    const auto added = add_missing_indexes(*database_, table, indexes);
    EXPECT_TRUE(added) << added.error().message;
    return added ? *added : Names{};
  }
  Names missing(const Names& indexes, std::string_view table = "t") {
    const auto found = missing_indexes(*database_, table, indexes);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Names{};
  }
  int64_t count(const std::string& query) {
    auto statement = database_->prepare(query);
    EXPECT_TRUE(statement && statement->step()) << query;
    return statement->integer(0);
  }
  std::unique_ptr<Database> database_;
};

TEST_F(TableIndexes, AreAddedOnce) {
  const Names wanted = {"a", "b desc", "a, b DESC", "A,c"};
  EXPECT_EQ(add(wanted), wanted);
  EXPECT_EQ(add(wanted), Names{});
  EXPECT_EQ(missing(wanted), Names{});
  EXPECT_EQ(count("SELECT count(*) FROM pragma_index_list('t')"), 4);
  EXPECT_EQ(missing({"b", "b, a", "a, b"}), (Names{"b", "b, a", "a, b"})) << "others than these";
}

TEST_F(TableIndexes, OneOfTheSameColumnsDoesWhateverItsName) {
  run("CREATE INDEX theirs ON t(B DESC, a)");
  EXPECT_EQ(add({"b desc, a"}), Names{});
  run("CREATE INDEX partial ON t(c) WHERE c IS NOT NULL; CREATE INDEX computed ON t(a || b)");
  EXPECT_EQ(missing({"c", "a"}), (Names{"c", "a"}));
}

TEST_F(TableIndexes, WhatATableCannotHaveIsLeftOut) {
  EXPECT_EQ(add({"nothing_of_the_name", "a"}), Names{"a"});
  run("CREATE TABLE idx_t_b(x)");
  EXPECT_EQ(add({"b"}), Names{}) << "a name that somebody has used";
  run("CREATE VIEW v AS SELECT a FROM t");
  EXPECT_EQ(missing({"a"}, "v"), Names{});
  EXPECT_EQ(missing({"a"}, "no_such_table"), Names{});
}

TEST_F(TableIndexes, TakeRowsThatAreAlike) {
  EXPECT_EQ(add({"a"}), Names{"a"});
  run("INSERT INTO t(a) VALUES('x')");
  EXPECT_EQ(count("SELECT count(*) FROM t WHERE a = 'x'"), 3);
}

TEST(ParseIndex, TakesNamesAndTheirOrder) {
  const auto columns = parse_index(" domain , created_at\tDESC,x asc");
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->size(), 3u);
  EXPECT_EQ((*columns)[1].name, "created_at");
  EXPECT_TRUE((*columns)[1].descending);
  EXPECT_FALSE((*columns)[0].descending || (*columns)[2].descending);
  for (const char* text : {"", ",", "a,", "a b", "a desc desc", "a, A", "1a", "a;b", "lower(a)",
                           "a COLLATE x", "a) WHERE (1", "\"a\""}) {
    EXPECT_FALSE(parse_index(text)) << text;
  }
}

TEST(CheckTableIndexes, RefusesColumnsThatTheTableLacks) {
  const std::string ddl = "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, a TEXT)";
  const Names sound = {"a", "id desc, a"}, unsound = {"a", "b"};
  EXPECT_TRUE(check_table_indexes("t", ddl, sound));
  const Status refused = check_table_indexes("t", ddl, unsound);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("(b)"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace syncline
