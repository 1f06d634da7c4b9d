// Sections of files that are there: they come into the work tree with their publish, once each.
#include <fstream>

#include "engine/place/store_platform.h"
#include "journal/base/clock.h"
#include "tests/engine/store/store_fixture.h"
#include "tests/support/opening_platform.h"

namespace syncline {
namespace {

class StoreSectionsTest : public StoreTest {
 protected:
  void SetUp() override {
    const auto made = Store::init(root(), {.profile = "elf"});
    ASSERT_TRUE(made) << made.error().message;
    store_ = open();
    record("one");
    must_sync(*store_);
  }
  void record(const std::string& rule) {
    must_record(*store_, {.kind = "heuristic",
                          .fields = {{"domain", std::string("git")}, {"rule", rule}},
                          .key = {}});
  }
  std::string file() const { return read_text(root() + "/memory/heuristics/git.md"); }
  uint64_t waiting() { return store_->status()->files_waiting; }
  size_t times(const std::string& rule) const {
    size_t count = 0;
    const std::string text = file(), heading = ": " + rule + "\n";
    for (size_t at = text.find(heading); at != std::string::npos; at = text.find(heading, at + 1)) {
      ++count;
    }
    return count;
  }

  std::unique_ptr<Store> store_;
};

TEST_F(StoreSectionsTest, OneWaitsForItsPublish) {
  const std::string before = file();
  record("two");
  record("three");
  EXPECT_EQ(file(), before);
  EXPECT_EQ(waiting(), 2u);
  EXPECT_EQ(store_->status()->applied, 3u);
  must_sync(*store_);
  for (const char* rule : {"one", "two", "three"}) EXPECT_EQ(times(rule), 1u) << rule;
  EXPECT_TRUE(file().starts_with(before));
  EXPECT_EQ(waiting(), 0u);
  expect_sound(*store_);
  must_sync(*store_);
  for (const char* rule : {"one", "two", "three"}) EXPECT_EQ(times(rule), 1u) << rule;
}

TEST_F(StoreSectionsTest, TheFirstOfAFileMakesItWithItsPublish) {
  must_record(*store_, {.kind = "heuristic",
                        .fields = {{"domain", std::string("new")}, {"rule", std::string("r")}},
                        .key = {}});
  EXPECT_FALSE(fs::exists(root() + "/memory/heuristics/new.md"));
  EXPECT_EQ(waiting(), 1u);
  must_sync(*store_);
  EXPECT_NE(read_text(root() + "/memory/heuristics/new.md").find(": r\n"), std::string::npos);
  EXPECT_EQ(waiting(), 0u);
  expect_sound(*store_);
}

// A git command that begins while they are in the work tree, and the branch has not moved yet,
// finds neither: it would take them for changes of a person's.
TEST_F(StoreSectionsTest, OneThatIsWrittenAsAGitCommandBeginsIsTakenBack) {
  const std::string before = file();
  std::ofstream(root() + "/memory/heuristics/git.md", std::ios::app) << "of a person's\n";
  store_.reset();
  OpeningPlatform<StorePlatform> platform(root() + "/.git/HEAD", 2);
  platform.program = "git commit (process 7)";
  store_ = open({.platform = &platform});
  must_record(*store_,
              {.kind = "heuristic",
               .fields = {{"domain", std::string("new")}, {"rule", std::string("r")}},
               .key = {}},
              Stage::kJournaled);
  record("two");
  const auto waited = store_->sync(false, system_clock().after_ms(100));
  ASSERT_TRUE(waited) << waited.error().message;
  EXPECT_NE(waited->waiting.find("git commit (process 7)"), std::string::npos) << waited->waiting;
  EXPECT_EQ(file(), before + "of a person's\n");
  EXPECT_FALSE(fs::exists(root() + "/memory/heuristics/new.md"));
  EXPECT_EQ(waiting(), 2u);

  store_.reset();
  store_ = open();
  must_sync(*store_);
  EXPECT_EQ(times("two"), 1u);
  EXPECT_NE(file().find("of a person's\n"), std::string::npos);
  EXPECT_NE(read_text(root() + "/memory/heuristics/new.md").find(": r\n"), std::string::npos);
  EXPECT_EQ(waiting(), 0u);
  expect_sound(*store_);
}

// The database is lost while a section waits: nothing else than the journal knows of it.
TEST_F(StoreSectionsTest, OneWaitsOnWhenTheDatabaseIsBuiltAnew) {
  const std::string before = file();
  record("two");
  store_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/memory/index.db" + suffix);
  store_ = open();
  record("three");
  EXPECT_EQ(file(), before);
  EXPECT_EQ(waiting(), 2u);
  must_sync(*store_);
  for (const char* rule : {"one", "two", "three"}) EXPECT_EQ(times(rule), 1u) << rule;
  expect_sound(*store_);
}

// Two records with the same text, told apart by their numbers alone.
TEST_F(StoreSectionsTest, ThoseOfTheSameTextAreAllThere) {
  record("one");
  record("one");
  must_sync(*store_);
  EXPECT_EQ(times("one"), 3u);
  expect_sound(*store_);
}

}  // namespace
}  // namespace syncline
