// The journal alone gives the same rows and the same commit ids.
#include <gtest/gtest.h>

#include "tests/e2e/store_under_test.h"
#include "tests/support/corpus.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

std::string dump_rows(const fs::path& database, const std::string& table) {
  const ProcessResult result = run_process(
      {"sqlite3", "-batch", "-json", database.string(), "SELECT * FROM " + table + " ORDER BY id"});
  EXPECT_TRUE(result.ok()) << result.describe();
  return result.out;
}

std::string git_in(const fs::path& directory, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "git");
  ProcessOptions options{.directory = directory.string()};
  options.environment = plain_git_environment();
  const ProcessResult result = run_process(arguments, options);
  EXPECT_TRUE(result.ok()) << result.describe();
  return result.out;
}

std::string own_history(const fs::path& directory) {
  return git_in(directory, {"log", "--format=%H %T", "--glob=refs/syncline/*"});
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

  const fs::path copy = directory / "copy";
  store.json({"replay", "--into", copy.string()});
  EXPECT_EQ(dump_rows(copy / "syncline.db", "packages"), dump_rows(store.database(), "packages"));
  EXPECT_EQ(own_history(copy), own_history(store.root()));
  EXPECT_EQ(git_in(copy, {"fsck", "--strict", "--no-dangling"}), "");
  EXPECT_EQ(git_in(copy, {"status", "--porcelain"}), "");
  for (const auto& [path, blob] : store.tree(store.own_ref())) {
    ASSERT_EQ(read_whole(copy / path), read_whole(store.root() / path)) << path;
  }
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
  const fs::path copy = directory / "copy";
  store.json({"replay", "--into", copy.string()});
  for (const char* table : {"heuristics", "decisions", "learnings"}) {
    EXPECT_EQ(dump_rows(copy / "memory/index.db", table), dump_rows(store.database(), table));
  }
  EXPECT_EQ(own_history(copy), own_history(store.root()));
  for (const auto& [path, blob] : store.tree(store.own_ref())) {
    ASSERT_EQ(read_whole(copy / path), read_whole(store.root() / path)) << path;
  }
}

TEST(Replay, ToASequenceGivesTheStateAsOfThen) {
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "store");
  const std::string file = (directory / "first.ndjson").string();
  write_whole(file, package_corpus(700, 5));
  const Json first = store.json({"ingest", file});
  const std::string rows_then = dump_rows(store.database(), "packages");
  const std::string history_then = own_history(store.root());
  write_whole(file, package_corpus(700, 6));
  store.json({"ingest", file});

  const fs::path copy = directory / "copy";
  const std::string to = std::to_string(first["last_seq"].get<uint64_t>());
  store.json({"replay", "--into", copy.string(), "--to", to});
  EXPECT_EQ(dump_rows(copy / "syncline.db", "packages"), rows_then);
  EXPECT_EQ(own_history(copy), history_then);
}

TEST(Replay, MakesAStoreThatTakesNoRecords) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "one"});
  store.json({"sync"});
  const fs::path copy = directory / "copy";
  store.json({"replay", "--into", copy.string()});
  const ProcessResult refused = run_process(
      {syncline_binary(), "--store", copy.string(), "record", "note", "--title", "two"});
  EXPECT_NE(refused.exit_code, 0) << refused.describe();
  const ProcessResult status =
      run_process({syncline_binary(), "--store", copy.string(), "status", "--json"});
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
  for (int call = 0; call < 5; ++call) {
    store.json({"record", "note", "--title", "note " + std::to_string(call)});
  }
  store.json({"sync"});
  const std::string before = dump_rows(store.database(), "notes");
  for (const char* suffix : {"", "-wal", "-shm"}) {
    fs::remove(store.database().string() + suffix);
  }
  const ProcessResult status = store.syncline({"status"});
  EXPECT_EQ(status.exit_code, 0) << status.describe();
  store.json({"sync"});
  EXPECT_EQ(dump_rows(store.database(), "notes"), before);
  expect_agreement(store, 5);
}

}  // namespace
}  // namespace syncline
