// A person merges, rebases and picks commits in which both sides have sections in one file: git
// asks our driver, and each section stands there once.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Merge : public ::testing::Test {
 protected:
  Merge() : store_("elf", directory_ / "store") { commit("begin"); }

  static std::string rule_text(int number) { return "of this store " + std::to_string(number); }
  void rule() {
    store_.json({"record", "heuristic", "--domain", "git", "--rule", rule_text(rules_++), "--wait",
                 "published"});
  }
  void commit(const std::string& name) {
    write_whole(store_.root() / (name + ".txt"), name + "\n");
    store_.git({"add", name + ".txt"});
    store_.git({"commit", "-qm", name});
  }
  // Another store of the same repository, whose rules the branch `theirs` has.
  void rules_of_a_clone(int count) {
    const fs::path clone = directory_ / "clone";
    const ProcessOptions plain{.environment = plain_git_environment()};
    ASSERT_TRUE(
        run_process({"git", "clone", "-q", store_.root().string(), clone.string()}, plain).ok());
    ASSERT_TRUE(run_process({syncline_binary(), "init", clone.string(), "--profile", "elf",
                             "--new-identity"},
                            plain)
                    .ok());
    const StoreUnderTest other = StoreUnderTest::existing("elf", clone);
    for (int i = 0; i < count; ++i) {
      other.json({"record", "heuristic", "--domain", "git", "--rule",
                  "of the clone " + std::to_string(i), "--wait", "published"});
    }
    store_.git({"fetch", "-q", clone.string(), "main:theirs"});
  }
  std::string rules() const { return read_whole(store_.root() / kRules); }
  static int times(const std::string& text, const std::string& what) {
    int count = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
      ++count;
    }
    return count;
  }
  // Rows, own ref, branch and work tree, of this store; what a clone's sections are is a note.
  void expect_nothing_lost() {
    store_.json({"sync"});
    EXPECT_EQ(store_.git({"status", "--porcelain"}), "");
    EXPECT_EQ(store_.row_count(), static_cast<uint64_t>(rules_));
    for (int i = 0; i < rules_; ++i) EXPECT_EQ(times(rules(), rule_text(i)), 1) << rules();
    store_.json({"verify"});
  }
  std::string driver() const { return store_.git({"config", "merge.syncline.driver"}); }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
  int rules_ = 0;
};

TEST_F(Merge, OfABranchWhoseBeginningWasRebased) {
  rule();
  commit("mine");
  rule();
  store_.git({"branch", "upstream", "HEAD~3"});
  store_.git({"checkout", "-qb", "topic"});
  commit("topic");
  store_.git({"checkout", "-q", "main"});
  rule();
  store_.git({"checkout", "-q", "upstream"});
  commit("upstream");
  store_.git({"checkout", "-q", "main"});
  store_.git({"rebase", "-q", "upstream"});
  rule();
  store_.git({"merge", "-q", "--no-edit", "topic"});
  EXPECT_EQ(store_.git({"status", "--porcelain"}), "");
  expect_nothing_lost();
  EXPECT_EQ(times(rules(), "\n## H-"), 4);
}

TEST_F(Merge, AndRebaseOverAnotherStoresSections) {
  rule();
  rules_of_a_clone(3);
  rule();
  commit("mine");
  rule();
  store_.git({"rebase", "-q", "theirs"});
  EXPECT_EQ(times(rules(), "\n## H-"), 6);
  EXPECT_EQ(times(rules(), "of the clone"), 3);
  store_.git({"branch", "rebased"});
  store_.git({"reset", "-q", "--hard", "ORIG_HEAD"});
  store_.git({"merge", "-q", "--no-edit", "theirs"});
  EXPECT_EQ(times(rules(), "\n## H-"), 6);
  const std::string last = store_.git({"rev-parse", "theirs"});
  store_.git({"reset", "-q", "--hard", "HEAD^"});
  EXPECT_EQ(times(rules(), "of the clone"), 0);
  store_.git({"cherry-pick", last + "~2", last + "~1", last});
  EXPECT_EQ(times(rules(), "of the clone"), 3);
  expect_nothing_lost();
}

TEST_F(Merge, OfAStashThatHoldsAnEditAboveNewSections) {
  rule();
  std::string edited = rules();
  edited.insert(0, "A line of a person's.\n");
  write_whole(store_.root() / kRules, edited);
  store_.git({"stash", "-q"});
  rule();
  store_.git({"stash", "pop", "-q"});
  EXPECT_EQ(times(rules(), "A line of a person's."), 1);
  EXPECT_EQ(times(rules(), "\n## H-"), 2);
}

TEST_F(Merge, OfOneSectionThatBothHaveChangedIsLeftToThePerson) {
  rule();
  rule();
  const std::string as_it_was = rules();
  const auto changed_to = [&](const std::string& text) {
    std::string changed = as_it_was;
    changed.replace(changed.find("of this store 0"), 15, text);
    write_whole(store_.root() / kRules, changed);
    store_.git({"commit", "-qam", text});
  };
  store_.git({"checkout", "-qb", "topic"});
  changed_to("theirs");
  store_.git({"checkout", "-q", "main"});
  changed_to("ours");
  const ProcessResult merge = store_.try_git({"merge", "-q", "--no-edit", "topic"});
  EXPECT_EQ(merge.exit_code, 1);
  const std::string marked = rules();
  EXPECT_EQ(times(marked, "<<<<<<< ours\n"), 1) << marked;
  EXPECT_EQ(times(marked, "## H-1: theirs\n"), 1) << marked;
  EXPECT_EQ(times(marked, "## H-1: ours\n"), 1) << marked;
  EXPECT_EQ(times(marked, "of this store 1"), 1) << marked;
  EXPECT_EQ(store_.git({"ls-files", "-u", "--format=%(stage)"}), "1\n2\n3");
}

TEST_F(Merge, OfACreatedFileIsGits) {
  const std::string path = store_.json({"record", "failure", "--title", "t", "--domain", "d",
                                        "--summary", "s", "--wait", "published"})["path"];
  const std::string whole = read_whole(store_.root() / path);
  store_.git({"checkout", "-qb", "topic"});
  write_whole(store_.root() / path, "A first line.\n" + whole);
  store_.git({"commit", "-qam", "first"});
  store_.git({"checkout", "-q", "main"});
  write_whole(store_.root() / path, whole + "A last line.\n");
  store_.git({"commit", "-qam", "last"});
  store_.git({"merge", "-q", "--no-edit", "topic"});
  EXPECT_EQ(read_whole(store_.root() / path), "A first line.\n" + whole + "A last line.\n");
}

TEST_F(Merge, WithoutTheProgramIsGits) {
  store_.git({"config", "merge.syncline.driver", [&] {
                std::string gone = driver();
                const std::string program = fs::canonical(syncline_binary()).string();
                const size_t at = gone.find(program);
                EXPECT_NE(at, std::string::npos) << gone;
                return gone.replace(at, program.size(), "/gone/syncline");
              }()});
  rule();
  rules_of_a_clone(1);
  rule();
  const ProcessResult merge = store_.try_git({"merge", "-q", "--no-edit", "theirs"});
  EXPECT_EQ(merge.exit_code, 1) << merge.describe();
  EXPECT_EQ(times(rules(), "<<<<<<< ours\n"), 1) << rules();
  store_.git({"merge", "--abort"});
  store_.json({"repair"});
  store_.git({"merge", "-q", "--no-edit", "theirs"});
  EXPECT_EQ(times(rules(), "\n## H-"), 3);
}

TEST_F(Merge, DriverIsSetOnceInAPersonsConfiguration) {
  const fs::path config = store_.root() / ".git/config";
  const std::string whole = read_whole(config);
  const std::string was = driver();
  store_.json({"repair"});
  EXPECT_EQ(read_whole(config), whole);

  store_.git({"config", "--remove-section", "merge.syncline"});
  store_.git({"config", "user.nickname", "of the person"});
  fs::permissions(config, fs::perms::owner_read | fs::perms::owner_write);
  store_.json({"repair"});
  EXPECT_EQ(driver(), was);
  EXPECT_EQ(store_.git({"config", "user.nickname"}), "of the person");
  EXPECT_EQ(fs::status(config).permissions(), fs::perms::owner_read | fs::perms::owner_write);

  store_.git({"config", "--remove-section", "merge.syncline"});
  write_whole(store_.root() / ".git/config.lock", "");
  const ProcessResult repaired = store_.syncline({"repair"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.describe();
  EXPECT_NE(repaired.err.find(".git/config"), std::string::npos) << repaired.describe();
  EXPECT_TRUE(fs::exists(store_.root() / ".git/config.lock")) << "it is not ours";
  EXPECT_FALSE(store_.try_git({"config", "merge.syncline.driver"}).ok());
}

TEST_F(Merge, VerbTakesThreeFilesAndThePath) {
  const auto merge = [&](const std::vector<std::string>& path) {
    std::vector<std::string> words = {"merge-sections", "base", "ours", "theirs"};
    words.insert(words.end(), path.begin(), path.end());
    return store_.syncline(words, {.directory = store_.root().string()});
  };
  write_whole(store_.root() / "base", "");
  write_whole(store_.root() / "ours", "## H-1: one\n\nbody\n");
  write_whole(store_.root() / "theirs", "## H-2: two\n\nbody\n");
  EXPECT_EQ(merge({"work/notes.md"}).exit_code, 12);
  EXPECT_EQ(read_whole(store_.root() / "ours"), "## H-1: one\n\nbody\n");
  EXPECT_EQ(merge({kRules}).exit_code, 0);
  EXPECT_EQ(read_whole(store_.root() / "ours"), "## H-2: two\n\nbody\n## H-1: one\n\nbody\n");
  EXPECT_EQ(merge({}).exit_code, 64) << "an argument is missing";
}

}  // namespace
}  // namespace syncline
