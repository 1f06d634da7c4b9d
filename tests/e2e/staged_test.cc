// A person takes a record's file away with git, `git rm` or `git mv`, and commits later: until then
// too it is theirs to decide.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Staged : public ::testing::Test {
 protected:
  Staged() : store_("elf", directory_ / "store") {
    for (const char* title : {"removed", "moved", "lost"}) {
      paths_.push_back(
          store_.json({"record", "failure", "--title", title, "--domain", "d"})["path"]);
    }
    store_.json({"record", "heuristic", "--domain", "git", "--rule", "r"});
    store_.json({"sync"});
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
  std::vector<std::string> paths_;
};

TEST_F(Staged, RemovalsAndMovesAreNoFaultsAndNotUndone) {
  store_.git({"rm", "-q", paths_[0]});
  store_.git({"mv", paths_[1], "elsewhere.md"});
  fs::remove(store_.root() / paths_[2]);  // nobody told git of this one
  const std::string staged = store_.git({"diff", "--cached", "--name-status"});
  const Json found = store_.json({"verify"}, 12);
  ASSERT_EQ(found["findings"].size(), 1U) << found.dump();
  EXPECT_EQ(found["findings"][0]["path"], paths_[2]);
  EXPECT_EQ(found["notes"].size(), 2U) << found.dump();
  EXPECT_NE(found["notes"].dump().find("removed by a person, staged"), std::string::npos);

  store_.json({"repair"});
  EXPECT_TRUE(fs::exists(store_.root() / paths_[2]));
  // A database that is made anew writes what is missing of its records' files.
  store_.remove_database();
  store_.json({"record", "failure", "--title", "more", "--domain", "d"});
  store_.json({"sync"});
  EXPECT_EQ(store_.git({"diff", "--cached", "--name-status"}), staged);
  EXPECT_EQ(store_.git({"ls-files", "--others", "--exclude-standard"}), "");

  store_.git({"rm", "-q", kRules});
  EXPECT_EQ(store_.json({"verify"})["notes"].size(), 3U);
  store_.json({"repair"});
  store_.git({"commit", "-qm", "a person's"});
  store_.json({"sync"});
  store_.json({"repair"});
  EXPECT_EQ(store_.git({"status", "--porcelain"}), "");
  for (const std::string& gone : {paths_[0], paths_[1], std::string(kRules)}) {
    EXPECT_FALSE(fs::exists(store_.root() / gone)) << gone;
  }
}

TEST_F(Staged, WithoutAnIndexTheLossOfAFileIsAFault) {
  fs::remove(store_.root() / paths_[0]);
  fs::remove(store_.root() / ".git/index");
  EXPECT_EQ(store_.json({"verify"}, 12)["findings"].size(), 1U);
}

}  // namespace
}  // namespace syncline
