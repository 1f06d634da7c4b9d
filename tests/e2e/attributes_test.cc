// Attributes and settings that change files on their way into git and out of it: a record's file is
// in the work tree, in git and in a fresh checkout byte for byte what was recorded.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

struct Changing {
  const char* name;
  const char* attributes;                          // of .gitattributes; none: nothing
  std::vector<std::vector<std::string>> settings;  // `git config …`
};

class Attributes : public ::testing::TestWithParam<Changing> {};

TEST_P(Attributes, LeaveOurFilesAsTheyWereRecorded) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  for (std::vector<std::string> setting : GetParam().settings) {
    setting.insert(setting.begin(), "config");
    store.git(setting);
  }
  if (GetParam().attributes != nullptr) {
    write_whole(store.root() / ".gitattributes", GetParam().attributes);
    store.git({"add", ".gitattributes"});
    store.git({"commit", "-qm", "attributes"});
  }
  const std::string path = store.json({"record", "failure", "--title", "one", "--domain", "d",
                                       "--summary", "line one\nof $Id$ here\n"})["path"];
  store.json({"record", "heuristic", "--domain", "d", "--rule", "rule $Id$"});
  store.json({"sync"});
  const std::vector<std::string> paths = {path, "memory/heuristics/d.md", "syncline.toml"};
  std::vector<std::string> recorded;
  for (const std::string& each : paths) {
    recorded.push_back(read_whole(store.root() / each));
    // Git looks at the bytes again.
    fs::last_write_time(store.root() / each, fs::file_time_type::clock::now());
  }
  EXPECT_EQ(store.git({"status", "--porcelain"}), "");
  const std::string before = store.git({"rev-parse", "HEAD"});
  EXPECT_FALSE(store.try_git({"commit", "-qam", "nothing"}).ok()) << "nothing is changed";
  EXPECT_EQ(store.git({"rev-parse", "HEAD"}), before);
  for (size_t i = 0; i < paths.size(); ++i) {
    EXPECT_EQ(store.git({"show", "HEAD:" + paths[i]}) + "\n", recorded[i]);
    fs::remove(store.root() / paths[i]);
    store.git({"checkout", "--", paths[i]});
    EXPECT_EQ(read_whole(store.root() / paths[i]), recorded[i]);
  }
  EXPECT_EQ(store.json({"verify", "--strict"})["findings"], Json::array());
  const Json off = store.json({"status"})["attributes_off"];
  EXPECT_NE(off.dump().find("/memory/failures/**"), std::string::npos) << off.dump();
  expect_agreement(store, 2);
}

INSTANTIATE_TEST_SUITE_P(
    Each, Attributes,
    ::testing::Values(Changing{"filter",
                               "*.md filter=up\n*.toml filter=up\n",
                               {{"filter.up.clean", "tr a-z A-Z"},
                                {"filter.up.smudge", "tr A-Z a-z"},
                                {"filter.up.required", "true"}}},
                      Changing{"encoding",
                               "* working-tree-encoding=UTF-16LE-BOM\n.gitattributes "
                               "!working-tree-encoding\n",
                               {}},
                      Changing{"ident", "* ident\n", {}},
                      Changing{"eol", "* text=auto eol=crlf\n", {}},
                      Changing{"autocrlf", nullptr, {{"core.autocrlf", "true"}}}),
    [](const auto& each) { return each.param.name; });

TEST(AttributesFile, KeepsAPersonsLinesAndGetsOursBack) {
  TemporaryDirectory directory;
  fs::create_directories(directory / "store");
  const ProcessOptions options{.directory = (directory / "store").string(),
                               .environment = plain_git_environment()};
  ASSERT_TRUE(run_process({"git", "init", "-q", "-b", "main"}, options).ok());
  const fs::path file = directory / "store/.git/info/attributes";
  fs::create_directories(file.parent_path());
  const std::string theirs = "*.txt -diff";  // and no line end
  write_whole(file, theirs);
  const StoreUnderTest store("notes", directory / "store");
  const std::string whole = read_whole(file);
  EXPECT_TRUE(whole.starts_with(theirs + "\n")) << whole;
  EXPECT_NE(whole.find("\n/notes/** -text"), std::string::npos) << whole;

  store.json({"record", "note", "--title", "one"});
  EXPECT_EQ(read_whole(file), whole) << "each line once";
  write_whole(file, theirs + "\n");
  store.json({"sync"});
  store.json({"record", "note", "--title", "two"});
  store.json({"sync"});
  EXPECT_EQ(read_whole(file), whole);
  fs::remove(file);
  store.json({"repair"});
  EXPECT_EQ(theirs + "\n" + read_whole(file), whole);
}

// The database and what SQLite keeps beside it, whoever writes info/exclude anew.
TEST(ExcludeFile, KeepsAPersonsLinesAndGetsOursBack) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  const fs::path file = store.root() / ".git/info/exclude";
  const std::vector<std::vector<std::string>> verbs = {
      {"init", store.root().string()}, {"repair"}, {"sync"}};
  for (const std::vector<std::string>& verb : verbs) {
    store.json({"record", "failure", "--title", verb.front(), "--domain", "d"});
    write_whole(file, "*.tmp");  // and no line end
    if (verb.front() == "sync") {
      store.json({"record", "failure", "--title", "to be published", "--domain", "d"});
    }
    store.json(verb);
    const std::string whole = read_whole(file);
    EXPECT_TRUE(whole.starts_with("*.tmp\n/memory/index.db\n")) << verb.front() << "\n" << whole;
    store.json({"sync"});
    EXPECT_EQ(read_whole(file), whole) << "each line once";
    EXPECT_EQ(store.git({"status", "--porcelain"}), "") << verb.front();
  }
  store.git({"add", "-A"});
  EXPECT_EQ(store.git({"ls-files", "memory/index.db*"}), "");
  expect_agreement(store, verbs.size() + 1);
}

TEST(ExcludeFile, ADatabaseThatAPersonTracksIsSaidWithTheCommandsThatUntrackIt) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(1);
  store.json({"sync"});
  store.git({"add", "-f", "syncline.db"});
  store.git({"commit", "-qm", "all of it"});
  const std::string untrack =
      "git rm --cached syncline.db, then git commit -m \"untrack syncline.db\"";
  const std::vector<std::vector<std::string>> verbs = {
      {"status"}, {"verify"}, {"init", store.root().string()}};
  for (const std::vector<std::string>& verb : verbs) {
    const ProcessResult said = store.syncline(verb);
    EXPECT_TRUE(said.ok()) << said.describe();
    EXPECT_NE(said.out.find(untrack), std::string::npos) << said.describe();
  }
  store.git({"rm", "-q", "--cached", "syncline.db"});
  store.git({"commit", "-qm", "untrack syncline.db"});
  for (const std::vector<std::string>& verb : verbs) {
    EXPECT_EQ(store.syncline(verb).out.find("tracked"), std::string::npos) << verb.front();
  }
  expect_agreement(store, 1);
}

}  // namespace
}  // namespace syncline
