// Store::adopt and move_orphans: rows, files and sections that no record has made, and what happens
// when they change, or the database goes back, between their adoption and later.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/sqlite/database.h"
#include "syncline/store.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

class StoreAdoptTest : public StoreTest {
 protected:
  static AdoptReport must_adopt(Store& store, bool dry_run = false) {
    const auto report = store.adopt({.dry_run = dry_run});
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : AdoptReport{};
  }
  void row(int id, const std::string& title, const std::string& path) const {
    sql(
        fmt::format("INSERT INTO notes(id, title, path, created_at) "
                    "VALUES({}, '{}', '{}', '2025-12-01T00:00:00.000Z')",
                    id, title, path));
  }
  void file(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root() + "/" + path).parent_path());
    std::ofstream(root() + "/" + path) << text;
  }
  std::string text(const std::string& path) const { return read_text(root() + "/" + path); }
  std::vector<std::string> query(const std::string& select) const {
    const auto opened = Database::open({database()}, Database::Access::kRead);
    EXPECT_TRUE(opened);
    auto statement = (*opened)->prepare(select);
    EXPECT_TRUE(statement);
    std::vector<std::string> rows;
    while (*statement->step()) rows.emplace_back(statement->text(0));
    return rows;
  }
  static constexpr auto kPath = "notes/0000/mine.md";
};

TEST_F(StoreAdoptTest, ARowKeepsItsIdAndTheFileThatItNamesItsBytes) {
  row(40, "mine", kPath);
  file(kPath, "no heading\n");
  const auto store = open();
  const AdoptReport planned = must_adopt(*store, /*dry_run=*/true);
  EXPECT_EQ(planned.taken.size(), 1U);
  EXPECT_EQ(store->status()->journaled, 0U);
  const AdoptReport report = must_adopt(*store);
  ASSERT_EQ(report.taken.size(), 1U);
  EXPECT_EQ(report.taken[0].what, "row and file");
  EXPECT_EQ(report.taken[0].id, 40U);
  must_sync(*store);
  EXPECT_EQ(text(kPath), "no heading\n");
  EXPECT_EQ(query("SELECT title || id || path || created_at FROM notes"),
            (std::vector<std::string>{"mine40notes/0000/mine.md2025-12-01T00:00:00.000Z"}));
  EXPECT_TRUE(must_adopt(*store).taken.empty());
  EXPECT_TRUE(expect_sound(*store).notes.empty());
  EXPECT_EQ(must_record(*store, note("next")).id, 41U);
}

TEST_F(StoreAdoptTest, OfTwoRowsThatNameOneFileTheFirstHasIt) {
  row(3, "one", kPath);
  row(4, "two", kPath);
  row(5, "three", "auto-failures/none.md");
  file(kPath, "text\n");
  const auto store = open();
  const AdoptReport report = must_adopt(*store);
  ASSERT_EQ(report.taken.size(), 3U);
  EXPECT_EQ(report.taken[0].path, kPath);
  EXPECT_EQ(report.taken[1].path, "");
  EXPECT_EQ(report.taken[2].path, "");
  must_sync(*store);  // records without a file are in a commit too
  EXPECT_TRUE(expect_sound(*store).notes.empty());
  EXPECT_EQ(notes(), 3);
}

TEST_F(StoreAdoptTest, ARowThatWasEditedBeforeItsRecordIsAppliedIsTheSameRow) {
  row(40, "mine", "gone.md");
  copy_database(root() + "/.git/copy");
  must_adopt(*open());
  put_database_back(root() + "/.git/copy");
  sql("UPDATE notes SET title = 'edited' WHERE id = 40");
  const auto store = open();
  must_record(*store, note("next"));
  EXPECT_EQ(query("SELECT title FROM notes ORDER BY id"),
            (std::vector<std::string>{"edited", "next"}));
  const VerifyReport verified = expect_sound(*store);
  ASSERT_EQ(verified.notes.size(), 1U);
  EXPECT_EQ(verified.notes[0].cls, FindingClass::kRowDiffers);
}

TEST_F(StoreAdoptTest, AnAdoptedFileStaysWhereTheIdOfItsRowIsTaken) {
  file(kPath, "# mine\n\ntext\n");
  copy_database(root() + "/.git/copy");
  const AdoptReport report = must_adopt(*open());
  ASSERT_EQ(report.taken.size(), 1U);
  ASSERT_EQ(report.taken[0].id, 1U);
  put_database_back(root() + "/.git/copy");
  row(1, "somebody", "elsewhere.md");
  const auto store = open();
  must_record(*store, note("next"));
  EXPECT_EQ(text(kPath), "# mine\n\ntext\n");
  EXPECT_EQ(query("SELECT path FROM notes WHERE title = 'mine'"),
            (std::vector<std::string>{kPath}));
  must_sync(*store);
  EXPECT_EQ(expect_sound(*store).notes.size(), 1U);
}

TEST_F(StoreAdoptTest, FilesThatARowNamesAreNotMovedAside) {
  row(40, "mine", kPath);
  file(kPath, "text\n");
  file("notes/0000/alone.md", "alone\n");
  const auto store = open();
  const auto moved = store->move_orphans(/*dry_run=*/false);
  ASSERT_TRUE(moved) << moved.error().message;
  ASSERT_EQ(moved->healed.size(), 1U);
  EXPECT_EQ(moved->healed[0].path, "notes/0000/alone.md");
  ASSERT_EQ(moved->left.size(), 1U);
  EXPECT_EQ(moved->left[0].path, kPath);
  EXPECT_TRUE(fs::exists(root() + "/" + kPath));
  EXPECT_EQ(read_text(moved->kept_in + "/notes/0000/alone.md"), "alone\n");
}

class ElfAdoptTest : public StoreAdoptTest {
 protected:
  void SetUp() override {
    const auto made = Store::init(root(), {.profile = "elf"});
    ASSERT_TRUE(made) << made.error().message;
  }
  static Record rule(const std::string& text) {
    return {.kind = "heuristic", .fields = {{"domain", std::string("ci")}, {"rule", text}}};
  }
  static constexpr auto kFile = "memory/heuristics/ci.md";
};

TEST_F(ElfAdoptTest, SectionsStandWhereTheyStood) {
  const std::string theirs = "# ci\n\nAn intro.\n\n## H-0: one\n\nText.\n\n## H-7: two\n";
  file(kFile, theirs);
  const auto store = open();
  const AdoptReport report = must_adopt(*store);
  ASSERT_EQ(report.taken.size(), 2U);
  EXPECT_EQ(report.taken[0].id, 1U);
  EXPECT_EQ(report.taken[1].id, 7U);  // so no later record gets its number
  EXPECT_EQ(text(kFile), theirs);
  must_sync(*store);
  EXPECT_EQ(text(kFile), theirs);
  git("diff --exit-code HEAD");
  EXPECT_TRUE(expect_sound(*store).notes.empty());
  EXPECT_TRUE(must_adopt(*store).taken.empty());
}

TEST_F(ElfAdoptTest, ASectionThatThePersonHasCommittedIsNotPublishedAgain) {
  const auto store = open();
  must_record(*store, rule("ours"));
  must_sync(*store);
  std::ofstream(root() + "/" + kFile, std::ios::app) << "\n## H-0: theirs\n\nText.\n";
  git("commit -qam theirs");
  must_record(*store, rule("ours too"));
  must_sync(*store);
  const std::string before = text(kFile);
  EXPECT_EQ(must_adopt(*store).taken.size(), 1U);
  must_sync(*store);
  EXPECT_EQ(text(kFile), before);
  git("diff --exit-code HEAD");
  EXPECT_TRUE(expect_sound(*store).notes.empty());
}

}  // namespace
}  // namespace syncline
