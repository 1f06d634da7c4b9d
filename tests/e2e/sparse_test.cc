// A sparse checkout that leaves our folders out of the work tree: records are rows and are in git,
// nothing of ours is written, and `git sparse-checkout disable` brings all of it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

class Sparse : public ::testing::TestWithParam<Words> {
 protected:
  Sparse() : store_("elf", directory_ / "store") {
    for (const char* name : {"work/mine.txt", "other/mine.txt"}) {
      fs::create_directories((store_.root() / name).parent_path());
      write_whole(store_.root() / name, "one\n");
    }
    store_.git({"add", "work", "other"});
    store_.git({"commit", "-qm", "mine"});
    record();
    store_.json({"sync"});
    // Git looks at the files: what it has not looked at it leaves.
    store_.git({"update-index", "-q", "--refresh"});
    Words set = {"sparse-checkout", "set"};
    set.insert(set.end(), GetParam().begin(), GetParam().end());
    store_.git(set);
  }

  // A file of its own, and a section for a file that is there and for one that is not.
  void record() {
    const std::string number = std::to_string(records_);
    store_.json({"record", "failure", "--title", "f " + number, "--domain", "d"});
    store_.json({"record", "heuristic", "--rule", "r " + number, "--domain", "d"});
    store_.json({"record", "heuristic", "--rule", "r " + number, "--domain", "d" + number});
    records_ += 3;
  }
  bool ours_in_work_tree() const {
    return fs::exists(store_.root() / "memory/failures") ||
           fs::exists(store_.root() / "memory/heuristics");
  }
  std::string status() const { return store_.git({"status", "--porcelain", "-uall"}); }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
  uint64_t records_ = 0;
};

TEST_P(Sparse, KeepsOurFilesOutOfTheWorkTreeAndBringsThemBack) {
  EXPECT_FALSE(ours_in_work_tree());
  for (int turn = 0; turn < 2; ++turn) {
    record();
    store_.json({"sync"});
    EXPECT_FALSE(ours_in_work_tree());
    EXPECT_EQ(status(), "");
    EXPECT_EQ(store_.json({"status"})["files_waiting"], 0);
    EXPECT_EQ(store_.json({"status"})["published"], records_);
  }
  store_.remove_database();
  fs::remove(store_.root() / ".git/syncline/cache.token");
  record();
  store_.json({"repair"});
  store_.json({"sync"});
  EXPECT_FALSE(ours_in_work_tree());
  EXPECT_EQ(status(), "");
  EXPECT_EQ(store_.row_count(), records_);

  // A person's commit of everything takes nothing of ours away.
  write_whole(store_.root() / "work/mine.txt", "two\n");
  store_.git({"commit", "-qam", "theirs"});
  EXPECT_EQ(store_.git({"show", "--format=", "--name-only", "HEAD"}), "work/mine.txt");

  const Json verified = store_.json({"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump();
  EXPECT_NE(verified.dump().find("the sparse checkout leaves"), std::string::npos)
      << verified.dump();
  EXPECT_TRUE(store_.try_git({"fsck", "--strict", "--no-dangling"}).ok());

  record();  // not published before the next sync
  store_.git({"sparse-checkout", "disable"});
  store_.json({"sync"});
  expect_agreement(store_, records_);
}

// They had edited it when they set it: git leaves that.
TEST_P(Sparse, GoesOnWithAFileThatIsThereAllTheSame) {
  const char* const file = "memory/heuristics/new.md";
  store_.git({"sparse-checkout", "disable"});
  store_.json({"record", "heuristic", "--rule", "one", "--domain", "new"});
  store_.json({"sync"});
  write_whole(store_.root() / file, read_whole(store_.root() / file) + "\nmy own line\n");
  Words set = {"sparse-checkout", "set"};
  set.insert(set.end(), GetParam().begin(), GetParam().end());
  store_.git(set);
  ASSERT_TRUE(fs::exists(store_.root() / file));
  store_.json({"record", "heuristic", "--rule", "two", "--domain", "new"});
  records_ += 2;
  store_.json({"sync"});
  const std::string text = read_whole(store_.root() / file);
  for (const char* each : {": one", "my own line", ": two"}) {
    EXPECT_NE(text.find(each), std::string::npos) << text;
  }
  const std::string on_branch = store_.git({"show", std::string("HEAD:") + file});
  EXPECT_NE(on_branch.find(": two"), std::string::npos);
  EXPECT_EQ(on_branch.find("my own line"), std::string::npos);
  EXPECT_EQ(status(), std::string(" M ") + file);
  EXPECT_EQ(store_.json({"verify"})["findings"], Json::array());
  store_.git({"sparse-checkout", "disable"});
  EXPECT_EQ(read_whole(store_.root() / file), text);
}

INSTANTIATE_TEST_SUITE_P(Each, Sparse,
                         ::testing::Values(Words{"--cone", "work"},
                                           Words{"--no-cone", "/*", "!/memory/"},
                                           Words{"--no-cone", "/work/", "/syncline.toml"}));

}  // namespace
}  // namespace syncline
