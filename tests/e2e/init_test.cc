// Making a store: many at once, within another repository, over what a person has there already.
// What is refused leaves everything as it was.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

ProcessResult init(const std::vector<std::string>& arguments, const ProcessOptions& options = {}) {
  std::vector<std::string> command{syncline_binary(), "init"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_process(command, options);
}

ProcessResult git_at(const fs::path& directory, const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"git"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  ProcessOptions options{.directory = directory.string()};
  options.environment = plain_git_environment();
  ProcessResult result = run_process(command, options);
  EXPECT_TRUE(result.ok()) << result.describe();
  return result;
}

void make_repository(const fs::path& top) {
  fs::create_directories(top);
  git_at(top, {"init", "-q", "-b", "main"});
  write_whole(top / "theirs.txt", "a person's\n");
  git_at(top, {"add", "theirs.txt"});
  git_at(top, {"commit", "-q", "-m", "theirs"});
}

void run_sql(const fs::path& database, const std::string& statements) {
  const ProcessResult result =
      run_process({"sqlite3", "-batch", database.string()}, {.input = statements});
  EXPECT_TRUE(result.ok() && result.err.empty()) << result.describe();
}

// Every file below, with its bytes.
std::map<std::string, std::string> all_files(const fs::path& top) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    const std::string name = fs::relative(entry.path(), top).string();
    files[name] = entry.is_regular_file() ? read_whole(entry.path()) : "";
  }
  return files;
}

void expect_refused_untouched(const fs::path& top, int exit_code,
                              const std::vector<std::string>& words) {
  const auto before = all_files(top);
  const ProcessResult refused = init({top.string()});
  EXPECT_EQ(refused.exit_code, exit_code) << refused.describe();
  for (const std::string& word : words) {
    EXPECT_NE(refused.err.find(word), std::string::npos) << word << "\n" << refused.describe();
  }
  EXPECT_TRUE(all_files(top) == before) << "something was touched\n" << refused.describe();
}

void twenty_at_once(const fs::path& top) {
  const std::vector<std::string> command{syncline_binary(), "init", top.string(), "--json"};
  const auto results = run_together({20, {command, ProcessOptions{}}});
  std::set<std::string> ids;
  int made = 0;
  for (const ProcessResult& result : results) {
    ASSERT_EQ(result.exit_code, 0) << result.describe();
    // On a busy machine they may have to wait for each other longer than is passed over.
    std::istringstream said(result.err);
    for (std::string line; std::getline(said, line);) {
      EXPECT_TRUE(line.starts_with("syncline: waiting: ")) << result.describe();
    }
    const Json answer = Json::parse(result.out, nullptr, false);
    ASSERT_TRUE(answer.is_object()) << result.describe();
    ids.insert(answer["store"].get<std::string>());
    if (!answer["existed"].get<bool>()) ++made;
  }
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(made, 1);
  const StoreUnderTest store = StoreUnderTest::existing("notes", top);
  EXPECT_EQ(store.git({"log", "--format=%s", "--", "syncline.toml"}),
            "syncline: a store of records");
  store.record_notes(1);
  store.json({"sync"});
  expect_agreement(store, 1);
  for (const auto& entry : fs::directory_iterator(top)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with(".syncline-tmp")) << entry.path();
  }
}

TEST(Init, TwentyAtOnceMakeOneStoreWhereNothingIs) {
  for (uint64_t round = 0; round < 3 * test_scale() && !testing::Test::HasFailure(); ++round) {
    const TemporaryDirectory directory;
    twenty_at_once(directory / "deep/store");
  }
}

TEST(Init, TwentyAtOnceMakeOneStoreInAnEmptyDirectory) {
  for (uint64_t round = 0; round < 3 * test_scale() && !testing::Test::HasFailure(); ++round) {
    const TemporaryDirectory directory;
    fs::create_directory(directory / "store");
    twenty_at_once(directory / "store");
  }
}

TEST(Init, TwentyAtOnceMakeOneStoreInARepositoryWithCommits) {
  for (uint64_t round = 0; round < 2 * test_scale() && !testing::Test::HasFailure(); ++round) {
    const TemporaryDirectory directory;
    make_repository(directory / "store");
    twenty_at_once(directory / "store");
  }
}

// Where the only other records are sections, no file's name tells their numbers.
TEST(Init, ACloneGoesOnAboveTheNumbersOfSections) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  for (const char* rule : {"first", "second"}) {
    store.json({"record", "heuristic", "--domain", "git", "--rule", rule});
  }
  store.json({"sync"});
  const fs::path clone = directory / "clone";
  store.git({"clone", "-q", store.root().string(), clone.string()});
  const StoreUnderTest other = StoreUnderTest::existing("elf", clone);
  other.json({"init", "--new-identity", clone.string()});
  const Json third = other.json({"record", "heuristic", "--domain", "git", "--rule", "third"});
  EXPECT_EQ(third["id"], 3) << third.dump(1);
  other.json({"sync"});
  const std::string text = read_whole(clone / kRules);
  EXPECT_NE(text.find("## H-3: third"), std::string::npos) << text;
  EXPECT_EQ(other.json({"adopt"})["left"].size(), 0u);
  EXPECT_EQ(other.count("SELECT count(*) FROM heuristics WHERE rule = 'first' AND id = 1"), 1);
  EXPECT_EQ(other.json({"verify"})["ok"], true);
}

TEST(Init, WithinAnotherRepositoryItAsks) {
  const TemporaryDirectory directory;
  const fs::path outer = directory / "outer";
  make_repository(outer);
  for (const char* name : {"sub/dir", "new"}) {
    const auto before = all_files(outer);
    const ProcessResult refused = init({(outer / name).string()});
    EXPECT_EQ(refused.exit_code, 64) << refused.describe();
    EXPECT_NE(refused.err.find("inside the git repository " + outer.string()), std::string::npos)
        << refused.describe();
    EXPECT_NE(refused.err.find("init " + outer.string() + "`"), std::string::npos);
    EXPECT_NE(refused.err.find("--nested"), std::string::npos) << refused.describe();
    EXPECT_TRUE(all_files(outer) == before) << name;
  }
  // From within, by a relative name, and through a link.
  fs::create_directory(outer / "here");
  fs::create_directory_symlink(outer / "here", directory / "link");
  EXPECT_EQ(init({}, {.directory = (outer / "here").string()}).exit_code, 64);
  EXPECT_EQ(init({(directory / "link").string()}).exit_code, 64);
  EXPECT_TRUE(fs::is_empty(outer / "here"));

  const ProcessResult nested = init({"--nested", (outer / "here").string()});
  ASSERT_TRUE(nested.ok()) << nested.describe();
  const StoreUnderTest store = StoreUnderTest::existing("notes", outer / "here");
  store.record_notes(1);
  store.json({"sync"});
  expect_agreement(store, 1);
  EXPECT_EQ(git_at(outer, {"log", "--format=%s"}).out, "theirs\n");
  // It is one now: asked for once.
  EXPECT_TRUE(init({(outer / "here").string()}).ok());
  EXPECT_TRUE(init({outer.string()}).ok());
  EXPECT_EQ(init({(outer / "below").string()}).exit_code, 64) << "below a store too";
}

TEST(Init, ATrackedDatabaseIsRefusedWithTheCommandsThatUntrackIt) {
  const TemporaryDirectory directory;
  const fs::path top = directory / "store";
  make_repository(top);
  run_sql(top / "syncline.db", "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1), (2);");
  git_at(top, {"add", "syncline.db"});
  git_at(top, {"commit", "-q", "-m", "a database"});
  expect_refused_untouched(top, 6,
                           {"syncline.db is tracked by git", "git rm --cached syncline.db",
                            "git commit -m \"untrack syncline.db\""});
  git_at(top, {"rm", "-q", "--cached", "syncline.db"});
  git_at(top, {"commit", "-q", "-m", "untrack syncline.db"});
  ASSERT_TRUE(init({top.string()}).ok());
  const StoreUnderTest store = StoreUnderTest::existing("notes", top);
  store.record_notes(1);
  EXPECT_EQ(store.count("SELECT count(*) FROM theirs"), 2);
  EXPECT_EQ(store.git({"status", "--porcelain", "syncline.db"}), "");
}

TEST(Init, ADatabaseThatCannotBeReadIsRefusedAndLeftAsItIs) {
  struct Damage {
    const char* name;
    void (*make)(const fs::path& database);
  };
  constexpr Damage kDamages[] = {
      {"cut", [](const fs::path& database) { fs::resize_file(database, 9000); }},
      {"head alone", [](const fs::path& database) { fs::resize_file(database, 100); }},
      {"rot in a page",
       [](const fs::path& database) {
         std::string bytes = read_whole(database);
         std::fill_n(bytes.begin() + 4096, 4096, '\x5a');
         write_whole(database, bytes);
       }},
      {"rot in the schema",
       [](const fs::path& database) {
         std::string bytes = read_whole(database);
         std::fill_n(bytes.begin() + 100, 3000, '\x5a');
         write_whole(database, bytes);
       }},
      {"no database", [](const fs::path& database) { write_whole(database, "a person's text"); }}};
  for (const Damage& damage : kDamages) {
    SCOPED_TRACE(damage.name);
    for (const bool in_repository : {false, true}) {
      const TemporaryDirectory directory;
      const fs::path top = directory / "store";
      fs::create_directory(top);
      if (in_repository) make_repository(top);
      run_sql(top / "syncline.db",
              "CREATE TABLE one(a); CREATE TABLE two(a);"
              "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) "
              "INSERT INTO one SELECT printf('%050d', x) FROM n;");
      damage.make(top / "syncline.db");
      expect_refused_untouched(top, 6, {"syncline.db", "left as it is"});
    }
  }
}

TEST(Init, ADatabaseThatThisUserMayNotReadIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  if (!program_exists("setpriv")) GTEST_SKIP() << "setpriv is not installed";
  const TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::all);
  const fs::path program = directory / "syncline";
  fs::copy_file(syncline_binary(), program);
  const fs::path top = directory / "store";
  fs::create_directory(top);
  ASSERT_EQ(chown(top.c_str(), 65534, 65534), 0);
  run_sql(top / "syncline.db", "CREATE TABLE theirs(a);");
  fs::permissions(top / "syncline.db", fs::perms::owner_read | fs::perms::owner_write);
  const auto before = all_files(top);
  const ProcessResult refused =
      run_process({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env",
                   "HOME=" + top.string(), program.string(), "init", top.string()});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("syncline.db: Permission denied"), std::string::npos)
      << refused.describe();
  EXPECT_TRUE(all_files(top) == before);
}

TEST(Init, SaysWhatTablesLackAndAddsWhatIsSafe) {
  const TemporaryDirectory directory;
  const fs::path top = directory / "store";
  fs::create_directory(top);
  run_sql(top / "syncline.db",
          "CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT, body TEXT, owner TEXT NOT NULL);"
          "INSERT INTO notes(title, owner) VALUES('old', 'me');");
  const ProcessResult made = init({top.string(), "--json"});
  ASSERT_TRUE(made.ok()) << made.describe();
  const std::string notes = Json::parse(made.out)["notes"].dump();
  EXPECT_NE(notes.find("table notes: added what its configuration has gained: tags"),
            std::string::npos)
      << notes;
  for (const char* said : {"notes lacks the column path", "notes lacks the column created_at",
                           "the column owner of notes must have a value"}) {
    EXPECT_NE(notes.find(said), std::string::npos) << said << "\n" << notes;
  }
  EXPECT_EQ(notes.find("lacks the column title"), std::string::npos) << notes;
  // What it names is all that is missing.
  const StoreUnderTest store = StoreUnderTest::existing("notes", top);
  store.sql(
      "ALTER TABLE notes ADD COLUMN path TEXT; ALTER TABLE notes ADD COLUMN created_at TEXT;"
      "ALTER TABLE notes DROP COLUMN owner");
  EXPECT_EQ(store.json({"record", "note", "--title", "new"})["stage"], "applied");
  EXPECT_EQ(store.row_count(), 2U);

  const fs::path plain = directory / "plain";
  const ProcessResult none = init({plain.string()});
  EXPECT_EQ(none.out.find("note:"), std::string::npos) << none.describe();
  const fs::path viewed = directory / "view";
  fs::create_directory(viewed);
  run_sql(viewed / "syncline.db",
          "CREATE TABLE t(id INTEGER PRIMARY KEY);"
          "CREATE VIEW notes AS SELECT * FROM t;");
  EXPECT_NE(init({viewed.string()}).out.find("notes is a view"), std::string::npos);
}

// The indexes of a table that the database has, as "a,b desc".
std::set<std::string> indexes_of(const StoreUnderTest& store, const std::string& table) {
  std::set<std::string> found;
  for (const Json& row :
       store.sql("SELECT group_concat(x.name || iif(x.desc, ' desc', ''), ', ') AS columns FROM "
                 "pragma_index_list('" +
                 table + "') AS i, pragma_index_xinfo(i.name) AS x WHERE x.key GROUP BY i.seq")) {
    found.insert(row["columns"].get<std::string>());
  }
  return found;
}

const std::set<std::string> kLearningIndexes = {"domain", "type", "tags", "created_at desc",
                                                "domain, created_at desc"};

TEST(Init, TablesHaveTheIndexesOfTheProfileAfterARebuildAndInAReplayToo) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  EXPECT_EQ(indexes_of(store, "learnings"), kLearningIndexes);
  EXPECT_EQ(indexes_of(store, "heuristics").size(), 5U);
  store.json({"record", "failure", "--title", "t", "--domain", "d"});
  store.remove_database();
  store.json({"record", "failure", "--title", "u", "--domain", "d"});
  EXPECT_EQ(indexes_of(store, "learnings"), kLearningIndexes);
  const fs::path copy = directory / "copy";
  store.json({"replay", "--into", copy.string()});
  EXPECT_EQ(indexes_of(StoreUnderTest::existing("elf", copy), "learnings"), kLearningIndexes);
  EXPECT_EQ(store.json({"config", "check"})["differences"], Json::array());
  store.json({"sync"});
  expect_agreement(store, 2);
}

TEST(Init, IndexesThatATableLacksAreAddedAndSaid) {
  const TemporaryDirectory directory;
  const fs::path top = directory / "store";
  fs::create_directories(top / "memory");
  run_sql(top / "memory/index.db",
          "CREATE TABLE learnings(id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT, filepath TEXT,"
          " title TEXT, summary TEXT, tags TEXT, severity TEXT, created_at DATETIME);"
          "CREATE INDEX theirs ON learnings(type);"
          "INSERT INTO learnings(type, filepath, title) VALUES('failure', 'x', 'old');");
  const ProcessResult made = init({top.string(), "--profile", "elf", "--json"});
  ASSERT_TRUE(made.ok()) << made.describe();
  const std::string notes = Json::parse(made.out)["notes"].dump();
  EXPECT_NE(notes.find("table learnings: added the indexes that its configuration names: (domain),"
                       " (tags), (created_at desc), (domain, created_at desc)"),
            std::string::npos)
      << notes;
  const StoreUnderTest store = StoreUnderTest::existing("elf", top);
  EXPECT_EQ(indexes_of(store, "learnings"), kLearningIndexes) << "their own does as well";
  // What a person takes away is theirs to put back; the check tells.
  store.sql("DROP INDEX theirs; ALTER TABLE learnings ADD COLUMN more TEXT");
  store.json({"record", "failure", "--title", "new", "--domain", "d"});
  EXPECT_EQ(indexes_of(store, "learnings").count("type"), 0U);
  const Json checked = store.json({"config", "check"});
  EXPECT_EQ(checked["differences"], Json{"table learnings lacks the index (type)"});
  store.sql("ALTER TABLE heuristics DROP COLUMN explanation");
  EXPECT_NE(store.json({"config", "check"})["differences"].dump().find("lacks the column"),
            std::string::npos);
}

TEST(Init, AProfileThatFitsIsNamedAndCanBeTakenWhileThereAreNoRecords) {
  const TemporaryDirectory directory;
  const fs::path top = directory / "store";
  fs::create_directories(top / "memory/failures");
  run_sql(top / "memory/index.db", "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1);");
  const ProcessResult made = init({top.string()});
  ASSERT_TRUE(made.ok()) << made.describe();
  EXPECT_NE(made.out.find("init --profile elf"), std::string::npos) << made.describe();
  EXPECT_EQ(read_whole(top / "syncline.toml").find("profile = \"elf\""), std::string::npos);

  const std::string id = Json::parse(init({top.string(), "--json"}).out)["store"];
  const ProcessResult changed = init({top.string(), "--profile", "elf", "--json"});
  ASSERT_TRUE(changed.ok()) << changed.describe();
  const Json answer = Json::parse(changed.out);
  EXPECT_EQ(answer["profile"], "elf");
  EXPECT_EQ(answer["existed"], false);
  EXPECT_EQ(answer["store"], id);
  EXPECT_FALSE(fs::exists(top / "syncline.db")) << "nothing was in it";
  const StoreUnderTest store = StoreUnderTest::existing("elf", top);
  EXPECT_EQ(store.count("SELECT count(*) FROM theirs"), 1);
  store.json({"record", "failure", "--title", "t", "--domain", "d"});
  store.json({"sync"});
  expect_agreement(store, 1);
  EXPECT_EQ(store.git({"show", "HEAD:syncline.toml"}) + "\n", read_whole(top / "syncline.toml"));

  // With a record in it the profile stays, and so it does where a person has changed it.
  const Json stays = Json::parse(init({top.string(), "--profile", "notes", "--json"}).out);
  EXPECT_EQ(stays["profile"], "elf");
  EXPECT_EQ(stays["existed"], true);
  EXPECT_NE(stays["notes"].dump().find("it holds records"), std::string::npos) << stays.dump();
  const StoreUnderTest edited("notes", directory / "edited");
  edited.set("publish_interval_ms", "3000");
  const Json kept = Json::parse(init({edited.root().string(), "--profile", "elf", "--json"}).out);
  EXPECT_EQ(kept["profile"], "notes");
  EXPECT_NE(kept["notes"].dump().find("has been changed"), std::string::npos) << kept.dump();
  edited.record_notes(1);
}

}  // namespace
}  // namespace syncline
