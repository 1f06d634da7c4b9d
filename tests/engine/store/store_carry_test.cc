// What people have in the database, when it is damaged and made again.
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

class StoreCarryTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    must_record(root(), note("one"));
    must_record(root(), note("two"));
    sql("UPDATE notes SET title = 'by hand' WHERE id = 1;"
        "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(7);"
        "INSERT INTO notes(id, title, body, path, created_at) VALUES(9, 'of a hook', '', 'x', "
        "'y')");
  }
  std::string only(const std::string& query) const {
    const auto database = Database::open({root() + "/syncline.db"}, Database::Access::kRead);
    EXPECT_TRUE(database) << database.error().message;
    auto statement = (*database)->prepare(query);
    EXPECT_TRUE(statement && statement->step()) << query;
    return std::string(statement->text(0));
  }
  void expect_theirs() const {
    EXPECT_EQ(only("SELECT title FROM notes WHERE id = 1"), "by hand");
    EXPECT_EQ(only("SELECT title FROM notes WHERE id = 2"), "two");
    EXPECT_EQ(only("SELECT title FROM notes WHERE id = 9"), "of a hook");
    EXPECT_EQ(only("SELECT a FROM theirs"), "7");
  }
  // SQLite's check finds a fault, and every page that holds a row of people's can be read.
  void damage_database() const {
    const auto page =
        std::stoull(only("SELECT rootpage FROM sqlite_schema WHERE name = 'syncline_keys'"));
    const auto bytes = std::stoull(only("SELECT page_size FROM pragma_page_size"));
    sql("PRAGMA wal_checkpoint(TRUNCATE)");
    std::fstream file(root() + "/syncline.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>((page - 1) * bytes));
    file << std::string(512, '\xff');
  }
  std::string carry_file() const { return root() + "/.git/syncline/database.carry"; }
};

TEST_F(StoreCarryTest, ARepairHasItAgainAndSaysSo) {
  damage_database();
  const auto store = open();
  ASSERT_TRUE(store->repair(/*dry_run=*/false));
  expect_theirs();
  EXPECT_FALSE(fs::exists(carry_file()));
  std::string told;
  for (const std::string& note : store->take_notes()) told += note + "\n";
  EXPECT_NE(told.find("carried over: 1 row that was changed by hand, 2 rows of no record, 1 other "
                      "table"),
            std::string::npos)
      << told;
  expect_sound(*store);
  EXPECT_EQ(must_record(*store, note("three")).id, 10u) << "above people's rows";
}

// Each process that came after the damage died with the old database aside.
TEST_F(StoreCarryTest, WhoeverComesNextCarriesItOverOnce) {
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  fs::create_directories(root() + "/.git/syncline/kept/database-1");
  fs::rename(root() + "/syncline.db", root() + "/.git/syncline/kept/database-1/syncline.db");
  remove_database(root());
  std::ofstream(carry_file()) << "kept/database-1";
  EXPECT_EQ(must_record(root(), note("three")).id, 3u);
  expect_theirs();
  EXPECT_FALSE(fs::exists(carry_file()));
  // One that died before it removed the file: what people have changed since stands.
  sql("UPDATE notes SET title = 'anew' WHERE id = 1; DELETE FROM theirs");
  std::ofstream(carry_file()) << "kept/database-1";
  must_record(root(), note("four"));
  EXPECT_EQ(only("SELECT title FROM notes WHERE id = 1"), "anew");
  EXPECT_EQ(only("SELECT count(*) FROM theirs"), "0");
}

TEST_F(StoreCarryTest, ADatabaseDamagedBeforeItWasCarriedIsNotForgotten) {
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  fs::create_directories(root() + "/.git/syncline/kept/database-1");
  fs::copy(root() + "/syncline.db", root() + "/.git/syncline/kept/database-1/syncline.db");
  sql("DELETE FROM theirs; DELETE FROM notes WHERE id = 9;"
      "UPDATE notes SET title = 'one' WHERE id = 1");
  damage_database();
  std::ofstream(carry_file()) << "kept/database-1";
  must_record(root(), note("three"));
  expect_theirs();
}

TEST_F(StoreCarryTest, WhatCannotBeReadAtAllIsSaid) {
  remove_database(root());
  std::ofstream(root() + "/syncline.db") << std::string(20'000, 'x');
  const auto store = open();
  ASSERT_TRUE(store->repair(/*dry_run=*/false));
  EXPECT_EQ(notes(), 2);
  std::string told;
  for (const std::string& note : store->take_notes()) told += note + "\n";
  EXPECT_NE(told.find("not carried over: nothing of it could be read"), std::string::npos) << told;
  EXPECT_FALSE(fs::exists(carry_file()));
}

}  // namespace
}  // namespace syncline
