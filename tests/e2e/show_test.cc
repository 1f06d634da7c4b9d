// What a person did with a record's file or section, as `show` tells it of a real git's history.
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Show : public ::testing::Test {
 protected:
  // Records 1 to 3 have files of their own, 4 to 6 sections of one file.
  Show() : store_("elf", directory_ / "store") {
    for (const char* title : {"one", "two", "three"}) {
      store_.json({"record", "failure", "--title", title, "--domain", "git"});
    }
    for (const char* rule : {"first", "second", "third"}) {
      store_.json({"record", "heuristic", "--domain", "git", "--rule", rule});
    }
    store_.json({"sync"});
  }
  std::string path_of(int seq) const { return show(seq)["path"].get<std::string>(); }
  Json show(int seq) const { return store_.json({"show", std::to_string(seq)}); }
  std::string text_of(int seq) const { return store_.syncline({"show", std::to_string(seq)}).out; }
  void expect_text(int seq, const std::string& words) const {
    const std::string text = text_of(seq);
    EXPECT_NE(text.find("by a person    " + words), std::string::npos) << text;
  }
  void expect_untouched(int seq) const {
    const Json shown = show(seq);
    for (const char* name : {"on_branch", "moved_to", "moved_by", "edited_by", "removed_by",
                             "in_work_tree", "change_unknown"}) {
      ASSERT_TRUE(shown.contains(name)) << name;
      EXPECT_TRUE(shown[name].is_null()) << name << ": " << shown.dump();
    }
    EXPECT_EQ(text_of(seq).find("by a person"), std::string::npos);
  }
  // Answers the commit's id.
  std::string commit(const std::string& message = "by a person") const {
    store_.git({"commit", "-qam", message});
    return store_.git({"rev-parse", "HEAD"});
  }
  static std::string short_of(const std::string& commit) { return commit.substr(0, 7); }
  // Records go on, and are published over it.
  void go_on() const {
    store_.json({"record", "failure", "--title", "later", "--domain", "git"});
    store_.json({"record", "heuristic", "--domain", "git", "--rule", "later"});
    store_.json({"sync"});
  }
  std::string rules() const { return read_whole(store_.root() / kRules); }
  void replace_in_rules(const std::string& before, const std::string& after) const {
    std::string text = rules();
    const size_t at = text.find(before);
    ASSERT_NE(at, std::string::npos) << text;
    write_whole(store_.root() / kRules, text.replace(at, before.size(), after));
  }
  void remove_section(const std::string& rule) const {
    std::string text = rules();
    const size_t at = text.find("\n## H-" + rule);
    const size_t end = text.find("\n---\n", at) + 5;
    write_whole(store_.root() / kRules, text.erase(at, end - at));
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(Show, NothingWasDoneByAPerson) {
  write_whole(store_.root() / "mine.txt", "mine");
  store_.git({"add", "mine.txt"});
  commit();
  go_on();
  for (int seq = 1; seq <= 6; ++seq) expect_untouched(seq);
  store_.json({"record", "failure", "--title", "not published", "--domain", "git"});
  expect_untouched(9);
}

TEST_F(Show, AFileThatTheyRemoved) {
  const std::string path = path_of(1);
  store_.git({"rm", "-q", path});
  EXPECT_EQ(show(1)["in_work_tree"], "removed");
  expect_text(1, "removed from the work tree");
  const std::string by = commit("tidy");
  go_on();
  const Json shown = show(1);
  EXPECT_EQ(shown["on_branch"], "removed");
  EXPECT_EQ(shown["removed_by"], by);
  EXPECT_TRUE(shown["in_work_tree"].is_null());
  expect_text(1, "removed by " + short_of(by));
  expect_untouched(2);
  EXPECT_EQ(store_.json({"show", path})["records"][0]["removed_by"], by);

  store_.json({"repair", "--restore", "1"});
  expect_untouched(1);
}

TEST_F(Show, AFileThatTheyMoved) {
  fs::create_directory(store_.root() / "archive");
  const std::string path = path_of(1), to = "archive/kept.md";
  store_.git({"mv", path, to});
  const std::string by = commit("archived");
  go_on();
  Json shown = show(1);
  EXPECT_EQ(shown["on_branch"], "moved");
  EXPECT_EQ(shown["moved_to"], to);
  EXPECT_EQ(shown["moved_by"], by);
  EXPECT_TRUE(shown["removed_by"].is_null());
  expect_text(1, "moved to archive/kept.md by " + short_of(by));

  write_whole(store_.root() / to, "rewritten\n");
  EXPECT_EQ(show(1)["in_work_tree"], "edited");
  const std::string edit = commit();
  shown = show(1);
  EXPECT_EQ(shown["on_branch"], "edited");
  EXPECT_EQ(shown["edited_by"], edit);
  EXPECT_EQ(shown["moved_by"], by);
  expect_text(1, "edited by " + short_of(edit));
}

TEST_F(Show, AFileThatTheyEdited) {
  const std::string path = path_of(1);
  write_whole(store_.root() / path, "rewritten\n");
  Json shown = show(1);
  EXPECT_EQ(shown["in_work_tree"], "edited");
  EXPECT_TRUE(shown["on_branch"].is_null());
  expect_text(1, "edited in the work tree");
  const std::string by = commit();
  go_on();
  shown = show(1);
  EXPECT_EQ(shown["on_branch"], "edited");
  EXPECT_EQ(shown["edited_by"], by);
  EXPECT_TRUE(shown["in_work_tree"].is_null());
  expect_text(1, "edited by " + short_of(by));
  fs::remove(store_.root() / path);
  EXPECT_EQ(show(1)["in_work_tree"], "removed");
}

TEST_F(Show, SectionsThatTheyEditedAndRemoved) {
  replace_in_rules("H-1: first", "H-1: better");
  EXPECT_EQ(show(4)["in_work_tree"], "edited");
  const std::string edit = commit("a better title");
  remove_section("2: second");
  EXPECT_EQ(show(5)["in_work_tree"], "removed");
  expect_text(5, "removed from the work tree");
  const std::string removal = commit("a rule less");
  go_on();
  const Json shown = store_.json({"show", kRules})["records"];
  ASSERT_EQ(shown.size(), 4U);
  EXPECT_EQ(shown[0]["on_branch"], "edited");
  EXPECT_EQ(shown[0]["edited_by"], edit);
  EXPECT_EQ(shown[1]["on_branch"], "removed");
  EXPECT_EQ(shown[1]["removed_by"], removal);
  EXPECT_TRUE(shown[1]["in_work_tree"].is_null());
  expect_text(4, "edited by " + short_of(edit));
  expect_text(5, "removed by " + short_of(removal));
  expect_untouched(6);
  expect_untouched(8);
}

// On another branch the work tree is that branch's, and what it holds is no edit.
TEST_F(Show, OnAnotherBranchTheWorkTreeIsNotLookedAt) {
  store_.git({"checkout", "-q", "--orphan", "other"});
  store_.git({"rm", "-qrf", "memory"});
  expect_untouched(1);
  expect_untouched(4);
}

// It comes back with the next publish: nobody is known to have removed it.
TEST_F(Show, WhatAResetTookAwayNobodyHasRemoved) {
  store_.json({"record", "failure", "--title", "four", "--domain", "git"});
  store_.json({"sync"});
  store_.git({"reset", "-q", "--hard", "HEAD~1"});
  EXPECT_TRUE(show(7)["on_branch"].is_null());
}

// A retraction is ours.
TEST_F(Show, WhatWasRetractedNoPersonHasRemoved) {
  store_.json({"retract", "1", "--wait", "published"});
  expect_untouched(1);
  EXPECT_EQ(show(1)["retracted_by"], 7);
}

TEST_F(Show, WhereGitCannotTellItSaysWhy) {
  const std::string path = path_of(1);
  fs::rename(store_.root() / ".git/objects", store_.root() / ".git/away");
  const ProcessResult shown = store_.syncline({"show", "1", "--json"});
  fs::rename(store_.root() / ".git/away", store_.root() / ".git/objects");
  ASSERT_TRUE(shown.ok()) << shown.describe();
  const Json json = Json::parse(shown.out);
  EXPECT_EQ(json["path"], path);
  EXPECT_FALSE(json["change_unknown"].is_null()) << json.dump();
}

}  // namespace
}  // namespace syncline
