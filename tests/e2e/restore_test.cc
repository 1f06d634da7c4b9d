// repair --restore: what a person has removed comes back on request, and only that.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Restore : public ::testing::Test {
 protected:
  Restore() : store_("elf", directory_ / "store") {
    for (const char* title : {"one", "two", "three"}) {
      store_.json({"record", "failure", "--title", title, "--domain", "git"});
    }
    for (const char* rule : {"first", "second", "third"}) {
      store_.json({"record", "heuristic", "--domain", "git", "--rule", rule});
    }
    store_.json({"sync"});
  }
  std::string path_of(int seq) const {
    return store_.json({"show", std::to_string(seq)})["path"].get<std::string>();
  }
  // Records go on, and what was removed stays removed.
  void go_on() const {
    store_.json({"record", "failure", "--title", "later", "--domain", "git"});
    store_.json({"sync"});
  }
  Json restore(const std::string& what, int exit_code = 0) const {
    return store_.json({"repair", "--restore", what}, exit_code);
  }
  std::string rules() const { return read_whole(store_.root() / kRules); }
  // Without the section of this record.
  void remove_section(const std::string& rule) const {
    std::string text = rules();
    const size_t at = text.find("\n## H-" + rule);
    const size_t end = text.find("\n---\n", at) + 5;
    text.erase(at, end - at);
    write_whole(store_.root() / kRules, text);
  }
  void expect_sound() const {
    EXPECT_EQ(store_.git({"status", "--porcelain"}), "");
    const Json verified = store_.json({"verify"});
    EXPECT_EQ(verified["ok"], true) << verified.dump(1);
    EXPECT_EQ(verified["notes"].size(), 0U) << verified.dump(1);
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(Restore, AFileByItsRecordAndOneByItsPath) {
  const std::string one = path_of(1), two = path_of(2), text = read_whole(store_.root() / one);
  store_.git({"rm", "-q", one, two});
  store_.git({"commit", "-qm", "tidy"});
  go_on();
  EXPECT_FALSE(fs::exists(store_.root() / one));
  EXPECT_EQ(restore("1")["restored"], Json({one}));
  EXPECT_EQ(read_whole(store_.root() / one), text);
  EXPECT_FALSE(fs::exists(store_.root() / two)) << "nobody asked for it";
  EXPECT_EQ(store_.git({"show", "--format=", "--name-status", "HEAD"}), "A\t" + one);
  EXPECT_EQ(restore("1")["restored"].size(), 0U) << "nothing is missing any more";
  EXPECT_EQ(restore(two)["restored"], Json({two}));
  expect_sound();
  go_on();
  expect_sound();
}

TEST_F(Restore, OneSectionAndTheOthersThatWereRemovedStayRemoved) {
  const std::string before = rules();
  remove_section("1: first");
  remove_section("2: second");
  store_.git({"commit", "-qam", "two rules less"});
  go_on();
  EXPECT_EQ(restore("5")["restored"], Json({kRules}));
  EXPECT_EQ(rules().find("## H-1: first"), std::string::npos) << rules();
  EXPECT_NE(rules().find("## H-2: second"), std::string::npos) << rules();
  EXPECT_EQ(store_.git({"show", std::string("HEAD:") + kRules}) + "\n", rules());
  EXPECT_EQ(store_.git({"status", "--porcelain"}), "");
  EXPECT_EQ(restore(kRules)["restored"], Json({kRules}));
  EXPECT_EQ(rules().size(), before.size());
  expect_sound();
}

TEST_F(Restore, BesideAnEditThatIsNotCommitted) {
  remove_section("1: first");
  store_.git({"commit", "-qam", "a rule less"});
  go_on();
  write_whole(store_.root() / kRules, rules() + "\nmy own line\n");
  restore("4");
  EXPECT_NE(rules().find("my own line"), std::string::npos);
  EXPECT_NE(rules().find("## H-1: first"), std::string::npos) << rules();
  store_.git({"commit", "-qam", "my line"});
  EXPECT_NE(store_.git({"show", std::string("HEAD:") + kRules}).find("## H-1: first"),
            std::string::npos);
  expect_sound();
}

TEST_F(Restore, WhatWasEditedIsLeft) {
  const std::string one = path_of(1);
  write_whole(store_.root() / one, "rewritten\n");
  store_.git({"commit", "-qam", "edit"});
  const Json report = restore("1", 12);
  EXPECT_EQ(report["left"], Json({one})) << report.dump();
  EXPECT_EQ(read_whole(store_.root() / one), "rewritten\n");
}

TEST_F(Restore, OnlyWherePublishingMay) {
  const std::string one = path_of(1);
  store_.git({"rm", "-q", one});
  store_.git({"commit", "-qm", "tidy"});
  store_.git({"checkout", "-q", "-b", "topic"});
  const Json report = restore("1", 11);
  EXPECT_NE(report["waiting"].get<std::string>().find("topic"), std::string::npos);
  EXPECT_FALSE(fs::exists(store_.root() / one));
}

TEST_F(Restore, WhatNoRecordHasIsRefused) {
  EXPECT_NE(store_.syncline({"repair", "--restore", "99"}).exit_code, 0);
  EXPECT_NE(store_.syncline({"repair", "--restore", "mine.txt"}).exit_code, 0);
  EXPECT_EQ(store_.syncline({"repair", "--restore", "1", "--accept-loss"}).exit_code, 64);
  expect_sound();
}

}  // namespace
}  // namespace syncline
