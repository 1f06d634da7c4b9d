// A damaged database's rows, tables and edits, in the one made again in its place.
#include "engine/projection/carried_rows.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

const std::string kNotes =
    "CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, body TEXT);";

class CarriedRowsTest : public testing::Test {
 protected:
  std::unique_ptr<Database> open(const char* name) const {
    auto database = Database::open((directory_ / name).string(), Database::Access::kWrite);
    EXPECT_TRUE(database) << database.error().message;
    return std::move(*database);
  }
  static void run(Database& database, const std::string& sql) {
    const Status done = database.execute(sql);
    EXPECT_TRUE(done) << sql << ": " << done.error().message;
  }
  static std::string only(Database& database, const std::string& query) {
    auto statement = database.prepare(query);
    EXPECT_TRUE(statement && statement->step()) << query;
    return std::string(statement->text(0));
  }
  CarriedRows carry(Database& old, Database& fresh) {
    auto carried = Result<CarriedRows>(CarriedRows{});
    auto transaction = Transaction::begin(fresh);
    EXPECT_TRUE(transaction);
    carried = carry_rows(old, fresh, {{"notes", "id"}});
    EXPECT_TRUE(carried) << carried.error().message;
    EXPECT_TRUE(transaction->commit());
    return carried ? *carried : CarriedRows{};
  }
  TemporaryDirectory directory_;
};

TEST_F(CarriedRowsTest, WhatPeopleHaveIsThereAgain) {
  const auto old = open("old"), fresh = open("fresh");
  run(*old, kNotes +
                "ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 2;"
                "CREATE TABLE syncline_meta(name, value); INSERT INTO syncline_meta VALUES('a', 1);"
                "INSERT INTO notes VALUES(1, 'one', 'b', 5), (2, 'changed', NULL, 2),"
                " (9, 'theirs', 'x', 2), (20, 'gone', '', 2); DELETE FROM notes WHERE id = 20;"
                "CREATE TABLE metrics(name TEXT, value REAL); CREATE TABLE pairs(a, b, PRIMARY KEY"
                "(a, b)); INSERT INTO metrics VALUES('m', 1.5), ('n', NULL);"
                "CREATE INDEX by_title ON notes(title); CREATE VIEW titles AS SELECT title FROM"
                " notes; CREATE TRIGGER seen AFTER INSERT ON notes BEGIN INSERT INTO metrics"
                " VALUES('seen', 1); END;");
  run(*fresh, kNotes + "INSERT INTO notes VALUES(1, 'one', 'b'), (2, 'two', 'b'), (3, 'new', '');");
  const CarriedRows carried = carry(*old, *fresh);
  EXPECT_EQ(carried.left_out, std::vector<std::string>{});
  EXPECT_EQ(carried.changed, 2u) << "the column of theirs, and the title";
  EXPECT_EQ(carried.inserted, 3u);
  EXPECT_EQ(carried.tables, 2u);
  EXPECT_EQ(only(*fresh,
                 "SELECT group_concat(id || title || coalesce(body, '-') || stars) FROM "
                 "(SELECT * FROM notes ORDER BY id)"),
            "1oneb5,2changed-2,3new2,9theirsx2");
  EXPECT_EQ(only(*fresh, "SELECT count(*) || total(value) FROM metrics"), "21.5");
  EXPECT_EQ(only(*fresh,
                 "SELECT count(*) FROM sqlite_schema WHERE name IN ('by_title', 'titles',"
                 " 'seen', 'pairs', 'syncline_meta')"),
            "4");
  EXPECT_EQ(only(*fresh, "SELECT seq FROM sqlite_sequence WHERE name = 'notes'"), "20")
      << "no id is given out twice";
  EXPECT_EQ(carried.text(),
            "carried over: 2 rows that were changed by hand, 3 rows of no record, 2 other tables");
  EXPECT_EQ(carry(*old, *fresh).changed, 0u) << "again";
}

TEST_F(CarriedRowsTest, WhatTheNewOneRefusesIsTold) {
  const auto old = open("old"), fresh = open("fresh");
  run(*old,
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT, kept TEXT NOT NULL);"
      "INSERT INTO notes VALUES(1, NULL, 'x'), (7, NULL, 'y'), (8, 'sound', 'z');"
      "CREATE VIRTUAL TABLE words USING fts5(text);");
  run(*fresh,
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT NOT NULL);"
      "INSERT INTO notes VALUES(1, 'one');");
  const CarriedRows carried = carry(*old, *fresh);
  const std::string told = carried.text();
  for (const char* said : {"the column kept of notes", "row 1 of notes", "row 7 of notes",
                           "the virtual table words"}) {
    EXPECT_NE(told.find(said), std::string::npos) << said << " in " << told;
  }
  EXPECT_EQ(carried.inserted, 1u);
  EXPECT_EQ(only(*fresh, "SELECT title FROM notes WHERE id = 1"), "one");
}

// A page in the middle of the table is lost: what lies before and behind it is read.
TEST_F(CarriedRowsTest, RowsOnBothSidesOfTheDamageAreRead) {
  uint64_t page_bytes = 0, pages = 0;
  {
    const auto made = open("old");
    run(*made, kNotes +
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                   "INSERT INTO notes SELECT i, 'title ' || i, hex(zeroblob(500)) FROM n;");
    page_bytes = std::stoull(only(*made, "PRAGMA page_size"));
    pages = std::stoull(only(*made, "PRAGMA page_count"));
    ASSERT_TRUE(made->checkpoint());
  }
  ASSERT_GT(pages, 10u);
  {
    std::fstream file(directory_ / "old", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(page_bytes * (pages / 2)));
    file << std::string(page_bytes, '\xff');
  }
  const auto old = open("old"), fresh = open("fresh");
  run(*fresh, kNotes);
  const CarriedRows carried = carry(*old, *fresh);
  EXPECT_GT(carried.inserted, 300u);
  EXPECT_LT(carried.inserted, 500u);
  EXPECT_EQ(only(*fresh, "SELECT count(*) FROM notes WHERE id IN (1, 500)"), "2");
  EXPECT_NE(carried.text().find("rows of notes that cannot be read"), std::string::npos)
      << carried.text();
}

}  // namespace
}  // namespace syncline
