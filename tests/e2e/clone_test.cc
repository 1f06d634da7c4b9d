// Clones of a store's repository, each made a store of its own: whatever the repository told of the
// first store when it was cloned, the two never write one path.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Clone : public ::testing::Test {
 protected:
  static ProcessResult try_run(const std::vector<std::string>& command) {
    return run_process(command, {.environment = plain_git_environment()});
  }
  static void run(const std::vector<std::string>& command) {
    const ProcessResult result = try_run(command);
    ASSERT_TRUE(result.ok()) << result.describe();
  }
  void make_bare() const { run({"git", "init", "-q", "--bare", "-b", "main", bare().string()}); }
  // A store without records, whose branch the bare repository has.
  StoreUnderTest first(const std::string& profile) const {
    make_bare();
    StoreUnderTest store(profile, directory_ / "a");
    store.git({"remote", "add", "origin", bare().string()});
    store.git({"push", "-qu", "origin", "main"});
    return store;
  }
  fs::path clone(const std::string& name, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> command{"git", "clone", "-q"};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {"file://" + bare().string(), (directory_ / name).string()});
    run(command);
    return directory_ / name;
  }
  static void init(const fs::path& root, const std::vector<std::string>& options = {}) {
    std::vector<std::string> command{syncline_binary(), "init", root.string()};
    command.insert(command.end(), options.begin(), options.end());
    run(command);
  }
  fs::path bare() const { return directory_ / "bare.git"; }

  static void push(const StoreUnderTest& store) {
    const ProcessResult pushed = store.syncline({"sync", "--push", "--timeout", "60"},
                                                {.environment = plain_git_environment()});
    EXPECT_TRUE(pushed.ok()) << pushed.describe();
  }
  // Both have every file of both, and nothing is left to say.
  static void expect_convergence(const StoreUnderTest& a, const StoreUnderTest& b,
                                 const std::vector<std::string>& texts) {
    for (const StoreUnderTest* store : {&a, &b, &a}) push(*store);
    EXPECT_EQ(a.git({"rev-parse", "HEAD"}), b.git({"rev-parse", "HEAD"}));
    for (const std::string& text : texts) {
      EXPECT_EQ(a.git({"grep", "-he", "^" + text + "$", "HEAD"}), text) << text;
    }
    for (const StoreUnderTest* store : {&a, &b}) {
      EXPECT_EQ(store->git({"status", "--porcelain"}), "");
      store->json({"verify"});
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(Clone, OfAStoreWithoutRecordsAsksAndConverges) {
  const StoreUnderTest a = first("notes");
  const fs::path root = clone("b");
  const ProcessResult refused = try_run({syncline_binary(), "init", root.string()});
  EXPECT_EQ(refused.exit_code, 12) << refused.describe();
  EXPECT_NE(refused.err.find("init --new-identity"), std::string::npos) << refused.describe();
  init(root, {"--new-identity"});
  const StoreUnderTest b = StoreUnderTest::existing("notes", root);
  EXPECT_NE(a.json({"record", "note", "--title", "t", "--body", "of a"})["path"],
            b.json({"record", "note", "--title", "t", "--body", "of b"})["path"]);
  expect_convergence(a, b, {"of a", "of b"});
}

TEST_F(Clone, OfAStoreWithoutRecordsConvergesInItsSections) {
  const StoreUnderTest a = first("elf");
  const fs::path root = clone("b");
  init(root, {"--new-identity"});
  const StoreUnderTest b = StoreUnderTest::existing("elf", root);
  for (const auto& [store, text] : {std::pair(&a, "of a"), std::pair(&b, "of b")}) {
    store->json({"record", "heuristic", "--domain", "git", "--rule", "r", "--explanation", text});
  }
  expect_convergence(a, b, {"of a", "of b"});
}

// The branch tells of no store: its history was squashed, or cut off, or a person wrote the
// configuration.
TEST_F(Clone, OfAConfigurationThatNamesNoStoreConverges) {
  make_bare();
  fs::create_directory(directory_ / "person");
  const StoreUnderTest person = StoreUnderTest::existing("notes", directory_ / "person");
  const StoreUnderTest other("notes", directory_ / "other");
  person.git({"init", "-q", "-b", "main"});
  write_whole(person.root() / "syncline.toml", read_whole(other.root() / "syncline.toml"));
  person.git({"add", "-A"});
  person.git({"commit", "-qm", "a store, squashed"});
  person.git({"push", "-q", bare().string(), "main"});
  const fs::path roots[] = {clone("a"), clone("b")};
  for (const fs::path& root : roots) init(root);
  const StoreUnderTest a = StoreUnderTest::existing("notes", roots[0]);
  const StoreUnderTest b = StoreUnderTest::existing("notes", roots[1]);
  a.json({"record", "note", "--title", "t", "--body", "of a"});
  b.json({"record", "note", "--title", "t", "--body", "of b"});
  expect_convergence(a, b, {"of a", "of b"});

  // Cut off: nothing but a person's commit is there.
  write_whole(a.root() / "README.txt", "a person's\n");
  a.git({"add", "README.txt"});
  a.git({"commit", "-qm", "a person's"});
  push(a);
  const fs::path shallow = clone("c", {"--depth", "1"});
  init(shallow);
  const StoreUnderTest c = StoreUnderTest::existing("notes", shallow);
  EXPECT_EQ(c.json({"record", "note", "--title", "t"})["id"], 2);
}

// What a clone's git has converted on checkout; our paths are without conversions from init on.
struct Conversion {
  const char* name;
  const char* attributes;
  std::vector<std::string> settings;
};

class CloneConversion : public Clone, public ::testing::WithParamInterface<Conversion> {};

TEST_P(CloneConversion, IsTakenBackAndEditsStay) {
  const StoreUnderTest a = first("elf");
  for (const char* domain : {"git", "edited"}) {
    a.json({"record", "heuristic", "--domain", domain, "--rule", "of a", "--explanation", "$Id$"});
  }
  if (GetParam().attributes != nullptr) {
    write_whole(a.root() / ".gitattributes", GetParam().attributes);
    a.git({"add", ".gitattributes"});
    a.git({"commit", "-qm", "attributes"});
  }
  push(a);
  std::vector<std::string> options;
  for (const std::string& setting : GetParam().settings) {
    options.insert(options.end(), {"-c", setting});
  }
  const fs::path root = clone("b", options);
  const StoreUnderTest b = StoreUnderTest::existing("elf", root);
  ASSERT_NE(read_whole(root / kRules), read_whole(a.root() / kRules)) << "it was converted";
  const std::string edited = read_whole(root / "memory/heuristics/edited.md") + "edited\n";
  write_whole(root / "memory/heuristics/edited.md", edited);

  init(root, {"--new-identity"});
  EXPECT_EQ(b.git({"status", "--porcelain"}), " M memory/heuristics/edited.md");
  EXPECT_EQ(read_whole(root / kRules), read_whole(a.root() / kRules));
  EXPECT_EQ(read_whole(root / "syncline.toml"), read_whole(a.root() / "syncline.toml"));
  EXPECT_EQ(read_whole(root / "memory/heuristics/edited.md"), edited);
  b.json({"record", "heuristic", "--domain", "git", "--rule", "of b"});
  b.json({"sync"});
  EXPECT_EQ(b.git({"show", "HEAD:" + std::string(kRules)}) + "\n", read_whole(root / kRules));
  EXPECT_EQ(read_whole(root / kRules).find('\r'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Each, CloneConversion,
                         ::testing::Values(Conversion{"autocrlf", nullptr, {"core.autocrlf=true"}},
                                           Conversion{"eol", "* text=auto eol=crlf\n", {}},
                                           Conversion{"ident", "*.md ident\n", {}},
                                           Conversion{
                                               "filter",
                                               "*.md filter=turn\n",
                                               {"filter.turn.clean=tr a-zA-Z n-za-mN-ZA-M",
                                                "filter.turn.smudge=tr a-zA-Z n-za-mN-ZA-M"}}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace syncline
