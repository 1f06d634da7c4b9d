// The journal alone gives the same rows and the same commit ids.
#include <gtest/gtest.h>

#include "tests/e2e/store_under_test.h"
#include "tests/support/corpus.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// As sqlite3 prints them, so that the types and the order of columns count too.
std::string rows_of(const StoreUnderTest& store, const std::string& table) {
  const ProcessResult result = run_process({"sqlite3", "-batch", "-json", store.database().string(),
                                            "SELECT * FROM " + table + " ORDER BY id"});
  EXPECT_TRUE(result.ok()) << result.describe();
  return result.out;
}

std::string own_history(const StoreUnderTest& store) {
  return store.git({"log", "--format=%H %T", "--glob=refs/syncline/*"});
}

// Replays the whole journal into `directory`.
StoreUnderTest replayed(const StoreUnderTest& store, const fs::path& directory) {
  store.json({"replay", "--into", directory.string()});
  return StoreUnderTest::existing(store.profile(), directory);
}

void expect_same(const StoreUnderTest& copy, const StoreUnderTest& store) {
  for (const TableInfo& info : tables_of(store.profile())) {
    EXPECT_EQ(rows_of(copy, info.table), rows_of(store, info.table));
  }
  EXPECT_EQ(own_history(copy), own_history(store));
  for (const auto& [path, blob] : store.tree(store.own_ref())) {
    ASSERT_EQ(read_whole(copy.root() / path), read_whole(store.root() / path)) << path;
  }
}

TEST(Replay, IntoAnEmptyDirectoryGivesTheSameRowsFilesAndCommitIds) {
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "store");
  const std::string file = (directory / "packages.ndjson").string();
  write_whole(file, package_corpus(2500, 4));
  store.json({"ingest", file});
  for (int call = 0; call < 5; ++call) {
    store.json({"record", "package", "--name", "single-" + std::to_string(call)});
  }
  store.json({"sync"});

  const StoreUnderTest copy = replayed(store, directory / "copy");
  expect_same(copy, store);
  EXPECT_EQ(copy.git({"fsck", "--strict", "--no-dangling"}), "");
  EXPECT_EQ(copy.git({"status", "--porcelain"}), "");
}

TEST(Replay, OfSectionsAndDecisionsGivesTheSameFiles) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  for (int call = 0; call < 6; ++call) {
    const std::string number = std::to_string(call);
    store.json({"record", "heuristic", "--domain", call % 2 == 0 ? "even" : "odd", "--rule",
                "Rule " + number, "--explanation", "Because.\n\n## Not a section"});
    store.json({"record", "decision", "--title", "Choice " + number, "--context", "c", "--decision",
                "d", "--rationale", "r"});
  }
  store.json({"sync"});
  expect_same(replayed(store, directory / "copy"), store);
}

TEST(Replay, ToASequenceGivesTheStateAsOfThen) {
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "store");
  const std::string file = (directory / "first.ndjson").string();
  write_whole(file, package_corpus(700, 5));
  const Json first = store.json({"ingest", file});
  const std::string rows_then = rows_of(store, "packages");
  const std::string history_then = own_history(store);
  write_whole(file, package_corpus(700, 6));
  store.json({"ingest", file});

  const fs::path copy = directory / "copy";
  const std::string to = std::to_string(first["last_seq"].get<uint64_t>());
  store.json({"replay", "--into", copy.string(), "--to", to});
  const StoreUnderTest then = StoreUnderTest::existing("packages", copy);
  EXPECT_EQ(rows_of(then, "packages"), rows_then);
  EXPECT_EQ(own_history(then), history_then);
}

TEST(Replay, MakesAStoreThatTakesNoRecords) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "one"});
  store.json({"sync"});
  const StoreUnderTest copy = replayed(store, directory / "copy");
  const ProcessResult refused = copy.syncline({"record", "note", "--title", "two"});
  EXPECT_NE(refused.exit_code, 0) << refused.describe();
  const ProcessResult status = copy.syncline({"status", "--json"});
  EXPECT_EQ(status.exit_code, 0) << status.describe();
}

TEST(Replay, IntoADirectoryWithContentIsRefusedAndLeavesItAlone) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "one"});
  fs::create_directory(directory / "full");
  write_whole(directory / "full" / "mine.txt", "mine");
  const ProcessResult refused = store.syncline({"replay", "--into", (directory / "full").string()});
  EXPECT_NE(refused.exit_code, 0) << refused.describe();
  EXPECT_EQ(read_whole(directory / "full" / "mine.txt"), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory / "full"), fs::directory_iterator{}), 1);
}

TEST(Replay, ADeletedDatabaseIsRebuiltAndSaidAloud) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(5);
  store.json({"sync"});
  const std::string before = rows_of(store, "notes");
  store.remove_database();
  const ProcessResult status = store.syncline({"status"});
  EXPECT_EQ(status.exit_code, 0) << status.describe();
  store.json({"sync"});
  EXPECT_EQ(rows_of(store, "notes"), before);
  expect_agreement(store, 5);
}

}  // namespace
}  // namespace syncline
