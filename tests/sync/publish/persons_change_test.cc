// Who did what to a record's file or section, told from the history that git itself has made.
#include "sync/publish/persons_change.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

using Kind = RecordStanding::Kind;

constexpr const char* kFile = "notes/0000/n-1.md";
constexpr const char* kText = "# one\n\nits text\n";
constexpr const char* kRulesFile = "rules/git.md";
constexpr const char* kRule = "\n## H-1: rule\n\nits text\n";
constexpr const char* kSecond = "\n## H-2: other\n\nother text\n";

class PersonsChangeTest : public testing::Test {
 protected:
  void SetUp() override {
    empty_ = commit("first.txt", "before any record");
    commit(kFile, kText);
    commit(kRulesFile, std::string("# Rules\n") + kRule + kSecond);
  }
  void write(const std::string& path, const std::string& text) {
    write_file(repository_.path() / path, text);
  }
  // Answers the commit.
  std::string commit(const std::string& path, const std::string& text) {
    write(path, text);
    return commit_all();
  }
  std::string commit_all() {
    repository_.git("add -A");
    repository_.git("commit -q -m 'by a person'");
    return head();
  }
  std::string head() { return repository_.git("rev-parse HEAD"); }
  std::string move(const std::string& from, const std::string& to) {
    std::filesystem::create_directories((repository_.path() / to).parent_path());
    repository_.git("mv " + from + " " + to);
    return commit_all();
  }

  PersonsBranchChange find(const RecordedText& record, uint64_t commits_max = 1000) {
    const auto reader = repository_.reader();
    ObjectStore objects(*reader);
    const auto found = find_persons_change(objects, *ObjectId::parse(head()), record, commits_max);
    EXPECT_TRUE(ok(found));
    return found ? *found : PersonsBranchChange{};
  }
  PersonsBranchChange of_file(uint64_t commits_max = 1000) {
    return find({.path = kFile, .text = kText}, commits_max);
  }
  PersonsBranchChange of_section() {
    return find({.path = kRulesFile, .text = kRule, .is_section = true, .id = 1});
  }

  GitRepository repository_;
  std::string empty_;  // a commit without records
};

TEST_F(PersonsChangeTest, NothingWasDone) {
  commit("mine.txt", "mine");
  for (const PersonsBranchChange& change : {of_file(), of_section()}) {
    EXPECT_EQ(change.standing.kind, Kind::kWhole);
    EXPECT_TRUE(change.edited_by.is_zero() && change.removed_by.is_zero());
    EXPECT_TRUE(change.moved_by.is_zero());
    EXPECT_TRUE(change.is_complete);
  }
}

TEST_F(PersonsChangeTest, TheLastEditOfAFileIsIt) {
  commit(kFile, "edited");
  commit("mine.txt", "mine");
  const std::string last = commit(kFile, "edited again");
  commit("mine.txt", "more");
  EXPECT_EQ(of_file().standing.kind, Kind::kEdited);
  EXPECT_EQ(of_file().edited_by.hex(), last);
}

TEST_F(PersonsChangeTest, OneThatWasTakenBackIsNone) {
  commit(kFile, "edited");
  commit(kFile, kText);
  EXPECT_EQ(of_file().standing.kind, Kind::kWhole);
}

// What other sections become, and what is added behind it, is no edit of this one.
TEST_F(PersonsChangeTest, TheLastEditOfASectionIsIt) {
  const std::string edited = "\n## H-1: rule\n\nrewritten\n";
  commit(kRulesFile, "# Rules\n\n## H-1: rule\n\nfirst try\n" + std::string(kSecond));
  const std::string last = commit(kRulesFile, "# Rules\n" + edited + kSecond);
  commit(kRulesFile, "# My rules\n" + edited + "\n## H-2: retitled\n\n## H-3: new\n");
  EXPECT_EQ(of_section().standing.kind, Kind::kEdited);
  EXPECT_EQ(of_section().edited_by.hex(), last);
  const PersonsBranchChange second =
      find({.path = kRulesFile, .text = kSecond, .is_section = true, .id = 2});
  EXPECT_EQ(second.edited_by.hex(), head());
}

TEST_F(PersonsChangeTest, WhatWasRemovedPutBackAndRemovedAgain) {
  std::filesystem::remove(repository_.path() / kFile);
  commit_all();
  commit(kFile, kText);
  std::filesystem::remove(repository_.path() / kFile);
  const std::string last = commit(kRulesFile, std::string("# Rules\n") + kSecond);
  commit("mine.txt", "mine");
  EXPECT_EQ(of_file().standing.kind, Kind::kMissing);
  EXPECT_EQ(of_file().removed_by.hex(), last);
  EXPECT_EQ(of_section().standing.kind, Kind::kMissing);
  EXPECT_EQ(of_section().removed_by.hex(), last);
}

TEST_F(PersonsChangeTest, AFileThatWasMovedIsFollowed) {
  move(kFile, "a/n.md");
  const std::string last = move("a/n.md", "b/deep/n.md");
  PersonsBranchChange change = of_file();
  EXPECT_EQ(change.standing.kind, Kind::kWhole);
  EXPECT_EQ(change.path, "b/deep/n.md");
  EXPECT_EQ(change.moved_by.hex(), last);

  const std::string edit = commit("b/deep/n.md", "edited");
  change = of_file();
  EXPECT_EQ(change.standing.kind, Kind::kEdited);
  EXPECT_EQ(change.moved_by.hex(), last);
  EXPECT_EQ(change.edited_by.hex(), edit);

  std::filesystem::remove(repository_.path() / "b/deep/n.md");
  const std::string removal = commit_all();
  change = of_file();
  EXPECT_EQ(change.standing.kind, Kind::kMissing);
  EXPECT_EQ(change.path, "b/deep/n.md");
  EXPECT_EQ(change.removed_by.hex(), removal);
  EXPECT_EQ(change.moved_by.hex(), last);
}

TEST_F(PersonsChangeTest, OneThatWasEditedBeforeItWasMoved) {
  const std::string edit = commit(kFile, "edited");
  move(kFile, "a/n.md");
  const std::string last = move("a/n.md", "b/n.md");
  const PersonsBranchChange change = of_file();
  EXPECT_EQ(change.path, "b/n.md");
  EXPECT_EQ(change.moved_by.hex(), last);
  EXPECT_EQ(change.edited_by.hex(), edit);
}

TEST_F(PersonsChangeTest, ASectionMovesWithItsFile) {
  const std::string moved = move(kRulesFile, "rules/old.md");
  const PersonsBranchChange change = of_section();
  EXPECT_EQ(change.standing.kind, Kind::kWhole);
  EXPECT_EQ(change.path, "rules/old.md");
  EXPECT_EQ(change.moved_by.hex(), moved);
}

// A copy that was there before is not where it went.
TEST_F(PersonsChangeTest, ACopyIsNoMove) {
  commit("copy.md", kText);
  std::filesystem::remove(repository_.path() / kFile);
  const std::string removal = commit_all();
  const PersonsBranchChange change = of_file();
  EXPECT_EQ(change.removed_by.hex(), removal);
  EXPECT_TRUE(change.moved_by.is_zero());
}

// The branch that is merged has forked while the file was there, or before.
TEST_F(PersonsChangeTest, AMergeHasNotDoneWhatACommitOfItDid) {
  for (const std::string branch : {"with", "without"}) {
    write(kFile, kText);
    commit("mine.txt", branch);
    repository_.git("branch " + branch + " " + (branch == "with" ? head() : empty_));
    std::filesystem::remove(repository_.path() / kFile);
    const std::string removal = commit_all();
    repository_.git("checkout -q " + branch);
    commit(branch + ".txt", "theirs");
    repository_.git("checkout -q main");
    repository_.git("merge -q --no-edit " + branch);
    EXPECT_EQ(of_file().removed_by.hex(), removal) << branch;
  }
}

TEST_F(PersonsChangeTest, OneThatAMergeItselfMade) {
  repository_.git("checkout -q -b topic");
  commit("theirs.txt", "theirs");
  repository_.git("checkout -q main");
  commit("mine.txt", "mine");
  repository_.git("merge -q --no-commit --no-ff topic");
  repository_.git("rm -q " + std::string(kFile));
  const std::string merge = commit_all();
  EXPECT_EQ(of_file().removed_by.hex(), merge);
}

TEST_F(PersonsChangeTest, NoMoreCommitsAreLookedAtThanAllowed) {
  std::filesystem::remove(repository_.path() / kFile);
  const std::string removal = commit_all();
  for (const char* text : {"1", "2"}) commit("mine.txt", text);
  const PersonsBranchChange found = of_file(3);
  EXPECT_EQ(found.removed_by.hex(), removal);
  EXPECT_EQ(found.commits_looked_at, 3U);
  const PersonsBranchChange change = of_file(2);
  EXPECT_EQ(change.standing.kind, Kind::kMissing);
  EXPECT_TRUE(change.removed_by.is_zero());
  EXPECT_FALSE(change.is_complete);
  EXPECT_EQ(change.commits_looked_at, 2U);
}

TEST_F(PersonsChangeTest, WhatWasNeverThereNobodyHasRemoved) {
  const PersonsBranchChange change = find({.path = "notes/0000/n-9.md", .text = kText});
  EXPECT_EQ(change.standing.kind, Kind::kMissing);
  EXPECT_FALSE(change.is_complete);
}

TEST_F(PersonsChangeTest, ALinkInItsPlaceIsAnEdit) {
  std::filesystem::remove(repository_.path() / kRulesFile);
  std::filesystem::create_symlink("../mine.txt", repository_.path() / kRulesFile);
  const std::string edit = commit_all();
  EXPECT_EQ(of_section().edited_by.hex(), edit);
}

}  // namespace
}  // namespace syncline
