// Where init makes a store, what it refuses before it touches anything, and which work tree a store
// is in.
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

class StoreInitTest : public StoreTest {
 protected:
  static void query(const fs::path& database, const std::string& statement) {
    run("sqlite3 '" + database.string() + "' \"" + statement + "\"");
  }
};

TEST_F(StoreInitTest, WithinAnotherRepositoryIsRefusedUntilItIsAskedFor) {
  const std::string inner = root() + "/inner/most";
  const auto refused = Store::init(inner, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid) << refused.error().message;
  EXPECT_NE(refused.error().message.find(root()), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().hint.find("--nested"), std::string::npos);
  EXPECT_FALSE(fs::exists(root() + "/inner"));
  ASSERT_TRUE(Store::init(inner, {.nested = true}));
  EXPECT_TRUE(Store::init(inner, {})) << "it is a repository now";
}

TEST_F(StoreInitTest, ADatabaseThatCannotBeReadIsLeftAsItIs) {
  const fs::path top = directory_ / "other";
  fs::create_directories(top);
  query(top / "syncline.db", "CREATE TABLE one(a); CREATE TABLE two(a);");
  fs::resize_file(top / "syncline.db", 5000);
  const std::string before = read_text(top / "syncline.db");
  const auto refused = Store::init(top.string(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnsafePath) << refused.error().message;
  EXPECT_NE(refused.error().hint.find(".recover"), std::string::npos) << refused.error().hint;
  EXPECT_EQ(read_text(top / "syncline.db"), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(top), fs::directory_iterator()), 1);
}

TEST_F(StoreInitTest, ATableIsMadeWithTheIndexesOfItsProfile) {
  const std::string top = directory_ / "other";
  const auto made = Store::init(top, {.profile = "elf"});
  ASSERT_TRUE(made) << made.error().message;
  for (const std::string& note : made->notes) {
    EXPECT_EQ(note.find("index"), std::string::npos) << "nothing was there to add to: " << note;
  }
  const auto database = Database::open({top + "/memory/index.db"}, Database::Access::kRead);
  ASSERT_TRUE(database) << database.error().message;
  auto count = (*database)->prepare("SELECT count(*) FROM pragma_index_list('learnings')");
  ASSERT_TRUE(count && count->step());
  EXPECT_EQ(count->integer(0), 5);
}

TEST_F(StoreInitTest, TellsWhatTablesLack) {
  const fs::path top = directory_ / "other";
  fs::create_directories(top);
  query(top / "syncline.db", "CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT)");
  const auto made = Store::init(top.string(), {});
  ASSERT_TRUE(made) << made.error().message;
  std::string notes;
  for (const std::string& note : made->notes) notes += note + "\n";
  EXPECT_NE(notes.find("added"), std::string::npos) << notes;
  EXPECT_NE(notes.find("notes lacks the column path"), std::string::npos) << notes;
  EXPECT_EQ(notes.find("lacks the column body"), std::string::npos) << notes;
}

TEST_F(StoreInitTest, AnotherProfileIsTakenUntilThereAreRecords) {
  const auto changed = Store::init(root(), {.profile = "packages"});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->profile, "packages");
  EXPECT_FALSE(changed->existed);
  const auto back = Store::init(root(), {.profile = "notes"});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->profile, "notes");
  EXPECT_EQ(back->store_id, changed->store_id);
  must_record(root(), note("one"));
  const auto stays = Store::init(root(), {.profile = "packages"});
  ASSERT_TRUE(stays) << stays.error().message;
  EXPECT_EQ(stays->profile, "notes");
  EXPECT_TRUE(stays->existed);
  ASSERT_EQ(stays->notes.size(), 1u);
  expect_sound(*open());
}

TEST_F(StoreInitTest, AStoreThatIsOpenKeepsItsProfile) {
  const auto store = open();
  const auto refused = Store::init(root(), {.profile = "packages"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBusy) << refused.error().message;
  EXPECT_EQ(Store::init(root(), {})->profile, "notes");
  must_record(*store, note("one"));
}

TEST_F(StoreInitTest, EveryWorkTreeOfTheRepositoryHasTheOneDatabase) {
  must_record(root(), note("one"));
  const std::string aside = (directory_ / "aside").string();
  git("worktree add -q -b other '" + aside + "'");
  must_record(aside, note("two"));
  EXPECT_EQ(notes(), 2);
  EXPECT_FALSE(fs::exists(aside + "/syncline.db"));
  EXPECT_FALSE(fs::exists(aside + "/notes"));
  const auto init = Store::init(aside, {});
  ASSERT_TRUE(init) << init.error().message;
  EXPECT_TRUE(init->existed);
  EXPECT_EQ(init->root, root());
  expect_sound(*open());
}

TEST_F(StoreInitTest, AReaderBesideWritersTakesNothingAndReadsWhatIsDurable) {
  const auto writer = open();
  must_record(*writer, note("one"), Stage::kCommitted);
  const auto reader = open({.read_only = true, .beside_writers = true});
  ASSERT_TRUE(reader);
  EXPECT_FALSE(reader->record(note("two")));
  const auto status = reader->status();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->journaled, 1u);
  EXPECT_EQ(status->committed, 1u);
  expect_sound(*reader);
  must_record(*writer, note("three"));
  EXPECT_EQ(reader->status()->journaled, 1u) << "as of the moment when it was opened";
}

}  // namespace
}  // namespace syncline
