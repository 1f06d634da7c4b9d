// What came with a pull, or lies in the way, reaches nothing that is not the store's: neither
// another's file, nor another's database, nor what a person has under git.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Trust : public testing::Test {
 protected:
  // A limit of its own, far above what anything here takes: what hangs is a failure.
  ProcessResult run(const StoreUnderTest& store, const std::vector<std::string>& arguments) const {
    return store.syncline(arguments, {.time_limit = 60s});
  }
  void replace_in_config(const StoreUnderTest& store, const std::string& old_text,
                         const std::string& new_text) const {
    std::string text = read_whole(store.root() / "syncline.toml");
    const size_t at = text.find(old_text);
    ASSERT_NE(at, std::string::npos);
    write_whole(store.root() / "syncline.toml", text.replace(at, old_text.size(), new_text));
  }
  TemporaryDirectory directory;
};

std::string hostile_kind(const std::string& create_table) {
  return "\n[kind.evil]\ntable = \"evil\"\ncreate_table = '''" + create_table +
         "'''\nsubject = \"x\"\n[[kind.evil.field]]\nname = \"a\"\n[kind.evil.columns]\n"
         "a = \"{a}\"\n[kind.evil.file]\nmode = \"create\"\npath = \"evil/{id}.md\"\ntext = "
         "\"x\"\n";
}

TEST_F(Trust, TheStatementsOfAPulledConfigurationMakeTheirTableAndNothingElse) {
  const fs::path stolen = directory / "stolen.db";
  const std::string make = "CREATE TABLE IF NOT EXISTS evil(id INTEGER PRIMARY KEY, a TEXT)";
  const std::string endless =
      "CREATE TABLE IF NOT EXISTS evil AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x "
      "FROM c) SELECT x AS id FROM c";
  for (const std::string& ddl :
       {make + "; ATTACH '" + stolen.string() + "' AS p; CREATE TABLE IF NOT EXISTS p.x(a)",
        endless}) {
    const StoreUnderTest store("notes", directory / ("store" + std::to_string(ddl.size())));
    const std::string sound = read_whole(store.root() / "syncline.toml");
    write_whole(store.root() / "syncline.toml", sound + hostile_kind(ddl));
    EXPECT_EQ(run(store, {"config", "check"}).exit_code, 64);
    // The configuration that the store was made with holds.
    const ProcessResult kept = run(store, {"record", "note", "--title", "b"});
    EXPECT_EQ(kept.exit_code, 0) << kept.describe();
    EXPECT_NE(kept.err.find("create_table"), std::string::npos) << kept.err;
    EXPECT_EQ(run(store, {"record", "evil", "--a", "x"}).exit_code, 64);
    EXPECT_FALSE(fs::exists(stolen));
  }
}

TEST_F(Trust, ADatabaseThatIsALinkOrInAnExchangedDirectoryIsRefused) {
  const StoreUnderTest store("elf", directory / "store");
  const std::vector<std::string> failure = {"record",   "failure", "--title",   "a",
                                            "--domain", "d",       "--summary", "s"};
  ASSERT_EQ(run(store, failure).exit_code, 0);
  fs::create_directory(directory / "elsewhere");
  fs::rename(store.root() / "memory", directory / "memory");
  fs::create_directory_symlink(directory / "elsewhere", store.root() / "memory");
  EXPECT_EQ(run(store, failure).exit_code, 6);
  EXPECT_TRUE(fs::is_empty(directory / "elsewhere"));

  fs::remove(store.root() / "memory");
  fs::rename(directory / "memory", store.root() / "memory");
  for (const std::string suffix : {"-wal", "-shm", ""}) {
    const fs::path victim = directory / ("victim" + suffix);
    const fs::path at = store.database().string() + suffix;
    write_whole(victim, "mine");
    fs::remove(at);
    fs::create_hard_link(victim, at);
    const ProcessResult refused = run(store, failure);
    EXPECT_EQ(refused.exit_code, 6) << suffix << refused.describe();
    EXPECT_EQ(read_whole(victim), "mine") << suffix;
    fs::remove(at);
  }
  // What is in nobody's way any more is made anew.
  EXPECT_EQ(run(store, failure).exit_code, 0);
  EXPECT_EQ(store.count("SELECT count(*) FROM learnings"), 2);
}

TEST_F(Trust, AFifoInTheWayIsNotWaitedFor) {
  const StoreUnderTest store("notes", directory / "store");
  ASSERT_EQ(run(store, {"record", "note", "--title", "a"}).exit_code, 0);
  for (const fs::path& at :
       {fs::path(store.database().string() + "-journal"),
        store.root() / ".git/objects/info/alternates", store.root() / "syncline.toml",
        store.root() / ".git/syncline/identity", store.root() / ".git/syncline/config.toml",
        store.root() / ".git/config"}) {
    const fs::path aside = directory / "aside";
    const bool was_there = fs::exists(at);
    if (was_there) fs::rename(at, aside);
    fs::create_directories(at.parent_path());
    ASSERT_EQ(mkfifo(at.c_str(), 0600), 0) << at;
    for (const std::vector<std::string>& call :
         {std::vector<std::string>{"record", "note", "--title", "b", "--wait", "committed",
                                   "--timeout", "5"},
          {"status"},
          {"verify"}}) {
      EXPECT_FALSE(run(store, call).timed_out) << at << " " << call[0];
    }
    fs::remove(at);
    if (was_there) fs::rename(aside, at);
  }
  EXPECT_EQ(run(store, {"sync"}).exit_code, 0);
}

TEST_F(Trust, ASettingThatNamesAnotherDatabaseIsRefusedAndInitMovedTakesItThere) {
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "a"});
  write_whole(store.root() / "README.md", "mine\n");
  store.git({"add", "README.md"});
  const std::string own = "database = \"syncline.db\"";

  replace_in_config(store, own, "database = \"README.md\"");
  const ProcessResult refused = run(store, {"record", "note", "--title", "b"});
  EXPECT_EQ(refused.exit_code, 12) << refused.describe();
  EXPECT_NE(refused.err.find("init --moved"), std::string::npos) << refused.err;
  EXPECT_EQ(run(store, {"init", store.root().string(), "--moved"}).exit_code, 6);
  EXPECT_EQ(read_whole(store.root() / "README.md"), "mine\n");

  replace_in_config(store, "database = \"README.md\"", "database = \"data/rows.db\"");
  EXPECT_EQ(run(store, {"record", "note", "--title", "b"}).exit_code, 12);
  const ProcessResult moved = run(store, {"init", store.root().string(), "--moved"});
  EXPECT_EQ(moved.exit_code, 0) << moved.describe();
  EXPECT_FALSE(fs::exists(store.database()));
  const ProcessResult next = run(store, {"record", "note", "--title", "b"});
  EXPECT_EQ(next.exit_code, 0) << next.describe();
  const ProcessResult rows =
      run_process({"sqlite3", (store.root() / "data/rows.db").string(), "SELECT title FROM notes"});
  EXPECT_EQ(rows.out, "a\nb\n");
}

TEST_F(Trust, ANewStoreTakesNoFileOfAPersonForItsDatabase) {
  for (const bool tracked : {false, true}) {
    const fs::path root = directory / (tracked ? "tracked" : "untracked");
    fs::create_directories(root);
    write_whole(root / "syncline.db", "mine\n");
    ASSERT_TRUE(run_process({"git", "init", "-q", "-b", "main", root.string()}).ok());
    if (tracked) {
      ASSERT_TRUE(run_process({"git", "-C", root.string(), "add", "syncline.db"}).ok());
    }
    const ProcessResult refused = run_process({syncline_binary(), "init", root.string()});
    EXPECT_EQ(refused.exit_code, 6) << refused.describe();
    EXPECT_EQ(read_whole(root / "syncline.db"), "mine\n");
    EXPECT_EQ(refused.err.find("git rm --cached") != std::string::npos, tracked) << refused.err;
  }
}

TEST_F(Trust, AnotherUsersStoreIsUsedByNobodyWhomGitWouldNotLetIn) {
  ASSERT_EQ(geteuid(), 0U) << "needs root to be two users";
  fs::permissions(directory.path(), fs::perms::all);
  fs::copy_file(syncline_binary(), directory / "syncline");
  const fs::path home = directory / "home";
  fs::create_directory(home);
  fs::permissions(home, fs::perms::all);
  const auto as = [&](const std::string& user) {
    return std::vector<std::string>{
        "setpriv", "--reuid=" + user,       "--regid=" + user,      "--clear-groups",
        "env",     "HOME=" + home.string(), "GIT_CONFIG_NOSYSTEM=1"};
  };
  const auto call = [&](std::vector<std::string> who, const std::vector<std::string>& arguments) {
    who.push_back((directory / "syncline").string());
    who.insert(who.end(), {"--store", (home / "store").string()});
    who.insert(who.end(), arguments.begin(), arguments.end());
    return run_process(who);
  };
  std::vector<std::string> make = as("65534");
  make.insert(make.end(), {(directory / "syncline").string(), "init", (home / "store").string()});
  ASSERT_TRUE(run_process(make).ok());
  ASSERT_TRUE(run_process({"chmod", "-R", "a+rwX", (home / "store").string()}).ok());

  const std::vector<std::string> as_root = {"env", "-u", "SUDO_UID", "HOME=" + home.string(),
                                            "GIT_CONFIG_NOSYSTEM=1"};
  for (const auto& who : {as("12345"), as_root}) {
    for (const std::vector<std::string>& verb :
         {std::vector<std::string>{"record", "note", "--title", "theirs"},
          {"status"},
          {"log"},
          {"verify"}}) {
      const ProcessResult refused = call(who, verb);
      EXPECT_EQ(refused.exit_code, 6) << verb[0] << refused.describe();
      EXPECT_NE(refused.err.find("safe.directory"), std::string::npos) << refused.err;
    }
  }
  // As git has it: root by sudo is who called it, and a person may say whom they trust.
  std::vector<std::string> by_sudo = as_root;
  by_sudo.erase(by_sudo.begin() + 1, by_sudo.begin() + 3);
  by_sudo.push_back("SUDO_UID=65534");
  EXPECT_EQ(call(by_sudo, {"status"}).exit_code, 0);
  write_whole(home / ".gitconfig", "[safe]\n\tdirectory = " + (home / "store").string() + "\n");
  fs::permissions(home / ".gitconfig", fs::perms::all);
  EXPECT_EQ(call(as_root, {"record", "note", "--title", "let in"}).exit_code, 0);
  write_whole(home / ".gitconfig", "[safe]\n\tdirectory = *\n");
  EXPECT_EQ(call(as_root, {"status"}).exit_code, 0);
  // Never by what the repository itself says.
  write_whole(home / ".gitconfig", "");
  ASSERT_TRUE(run_process({"git", "config", "-f", (home / "store/.git/config").string(),
                           "safe.directory", "*"})
                  .ok());
  EXPECT_EQ(call(as_root, {"status"}).exit_code, 6);
}

}  // namespace
}  // namespace syncline
