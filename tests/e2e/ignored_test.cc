// Records in paths that the repository ignores: they are rows, files and on the own ref, are
// counted and told of, and reach neither the branch nor the remote until the rule goes or the
// setting says so.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Ignored : public ::testing::Test {
 protected:
  Ignored()
      : store_("elf", directory_ / "store"),
        excluded_(read_whole(store_.root() / ".git/info/exclude")) {}

  // Behind what init has put there.
  void exclude(const std::string& text) const { rule(".git/info/exclude", excluded_ + text); }

  void rule(const std::string& file, const std::string& text) const {
    fs::create_directories((store_.root() / file).parent_path());
    write_whole(store_.root() / file, text);
  }
  Json failure(const std::string& title, const std::string& wait = "published") const {
    return store_.json({"record", "failure", "--title", title, "--domain", "d", "--wait", wait});
  }
  Json heuristic(const std::string& text) const {
    return store_.json({"record", "heuristic", "--rule", text, "--domain", "git"});
  }
  bool on_branch(const std::string& path) const {
    return store_.try_git({"cat-file", "-e", "HEAD:" + path}).ok();
  }
  void expect_verified() const {
    const Json verified = store_.json({"verify"});
    EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
    EXPECT_EQ(verified["ok"], true);
  }
  std::string status() const { return store_.git({"status", "--porcelain", "-uall"}); }
  uint64_t ignored() const { return store_.json({"status"})["ignored"].get<uint64_t>(); }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
  const std::string excluded_;
};

TEST_F(Ignored, ARecordIsARowAFileAndOnTheOwnRefAndSaysThatItIsNotOnTheBranch) {
  exclude("/memory/failures/\n");
  const Json recorded = failure("one");
  const std::string path = recorded["path"];
  EXPECT_EQ(recorded["stage"], "committed");
  EXPECT_EQ(recorded["ignored"], true);
  EXPECT_TRUE(fs::exists(store_.root() / path));
  EXPECT_FALSE(on_branch(path));
  EXPECT_TRUE(store_.tree(store_.own_ref()).contains(path));
  const Json shown = store_.json({"show", "1"});
  EXPECT_EQ(shown["ignored"], true);
  EXPECT_EQ(shown["stage"], "committed");
  EXPECT_EQ(shown["branch_commit"], nullptr);
  EXPECT_NE(store_.syncline({"show", "1"}).out.find("ignores"), std::string::npos);
  EXPECT_EQ(ignored(), 1U);
  EXPECT_NE(store_.syncline({"status"}).out.find("1 path, not on the branch"), std::string::npos);
  EXPECT_NE(store_.syncline({"sync"}).out.find("left out of the branch"), std::string::npos);
  EXPECT_EQ(store_.json({"sync"})["ignored"], 1);
  expect_verified();
  EXPECT_EQ(store_.json({"verify", "--strict"})["ok"], true);
  EXPECT_EQ(status(), "");
  // Beside it, others go on.
  const Json other =
      store_.json({"record", "success", "--title", "two", "--domain", "d", "--wait", "published"});
  EXPECT_EQ(other["stage"], "published");
  EXPECT_EQ(other["ignored"], false);
  EXPECT_TRUE(on_branch(other["path"]));
  EXPECT_EQ(store_.git({"log", "--format=%B"}).find("one"), std::string::npos);
}

// Wherever the rule stands.
TEST_F(Ignored, RulesOfEveryPlaceCount) {
  rule(".gitignore", "failures/\n");
  EXPECT_EQ(failure("top")["ignored"], true);
  rule(".gitignore", "");
  rule("memory/failures/.gitignore", "*_nested_*\n!*_kept_*\n");
  EXPECT_EQ(failure("nested")["ignored"], true);
  EXPECT_EQ(failure("kept nested x")["ignored"], false);
  EXPECT_EQ(failure("plain")["ignored"], false);
  rule("memory/failures/.gitignore", "");
  const fs::path global = directory_ / "global";
  write_whole(global, "[core]\n\texcludesFile = " + (directory_ / "mine").string() + "\n");
  write_whole(directory_ / "mine", "memory/failures/*personal*\n");
  ProcessOptions options;
  options.environment = {"GIT_CONFIG_GLOBAL=" + global.string()};
  const Json personal = store_.json(
      {"record", "failure", "--title", "personal", "--domain", "d", "--wait", "published"}, 0,
      options);
  EXPECT_EQ(personal["ignored"], true);
  rule(".gitignore", "*.md\n!/memory/failures/*back*\n");
  EXPECT_EQ(failure("comes back")["ignored"], false);
}

TEST_F(Ignored, ARuleAddedLaterHoldsNothingBackThatIsTracked) {
  const std::string before = failure("before")["path"];
  heuristic("first");
  store_.json({"sync"});
  exclude("/memory/\n");
  heuristic("second");
  const std::string after = failure("after")["path"];
  store_.json({"sync"});
  EXPECT_TRUE(on_branch(before));
  EXPECT_FALSE(on_branch(after));
  EXPECT_NE(store_.git({"show", std::string("HEAD:") + kRules}).find(": second"),
            std::string::npos);
  EXPECT_EQ(ignored(), 1U);
  EXPECT_EQ(status(), "");
  expect_verified();
}

TEST_F(Ignored, WithoutTheRuleTheNextPublishBringsThemOnce) {
  exclude("/memory/\n");
  for (int i = 0; i < 3; ++i) failure("f " + std::to_string(i));
  heuristic("first");
  heuristic("second");
  store_.json({"sync"});
  EXPECT_EQ(ignored(), 4U);
  EXPECT_EQ(store_.git({"rev-list", "--count", "HEAD"}), "1");
  // The sections are in their file all the same, once each.
  const std::string text = read_whole(store_.root() / kRules);
  EXPECT_NE(text.find(": first"), std::string::npos) << text;
  EXPECT_EQ(text.find(": second"), text.rfind(": second")) << text;
  EXPECT_NE(text.find(": second"), std::string::npos) << text;
  EXPECT_EQ(store_.json({"status"})["files_waiting"], 0);
  expect_verified();
  exclude("");
  store_.json({"sync"});
  EXPECT_EQ(ignored(), 0U);
  EXPECT_EQ(store_.json({"show", "1"})["stage"], "published");
  EXPECT_EQ(store_.json({"show", "1"})["ignored"], false);
  const std::string head = store_.git({"rev-parse", "HEAD"});
  store_.json({"sync"});
  EXPECT_EQ(store_.git({"rev-parse", "HEAD"}), head);
  EXPECT_EQ(status(), "");
  expect_agreement(store_, 5);
}

TEST_F(Ignored, TheSettingPublishesThem) {
  exclude("/memory/\n");
  const std::string path = failure("one")["path"];
  EXPECT_FALSE(on_branch(path));
  const fs::path config = store_.root() / "syncline.toml";
  write_whole(config, read_whole(config) + "\n[publish]\nignored = true\n");
  EXPECT_EQ(store_.json({"config", "check"})["ignored"], Json::array());
  store_.json({"sync"});
  EXPECT_TRUE(on_branch(path));
  EXPECT_EQ(failure("two")["stage"], "published");
  EXPECT_EQ(ignored(), 0U);
  expect_verified();
}

TEST_F(Ignored, InitAndConfigCheckSayItBeforeThereIsARecord) {
  EXPECT_EQ(store_.json({"config", "check"})["ignored"], Json::array());
  const fs::path place = directory_ / "other";
  fs::create_directories(place);
  write_whole(place / ".gitignore", "memory/failures/\nheuristics/\n");
  const StoreUnderTest other("elf", place);
  for (const Json& told :
       {other.json({"config", "check"})["ignored"], other.json({"init"})["notes"]}) {
    ASSERT_EQ(told.size(), 2U) << told.dump();
    EXPECT_NE(told.dump().find("kind failure"), std::string::npos) << told.dump();
    EXPECT_NE(told.dump().find("kind heuristic"), std::string::npos) << told.dump();
    EXPECT_NE(told.dump().find("git check-ignore -v memory/failures/"), std::string::npos);
    EXPECT_NE(told.dump().find("[publish] ignored = true"), std::string::npos);
  }
}

TEST_F(Ignored, TheOwnRefIsPushedOnlyWithoutThem) {
  const fs::path remote = directory_ / "remote.git";
  store_.git({"init", "-q", "--bare", remote.string()});
  store_.git({"remote", "add", "origin", remote.string()});
  exclude("/memory/failures/\n");
  failure("one");
  store_.json({"record", "success", "--title", "two", "--domain", "d"});
  const std::string refs = "--git-dir=" + remote.string();
  const ProcessResult pushed = store_.syncline({"sync", "--push"});
  EXPECT_EQ(pushed.exit_code, 0) << pushed.err;
  EXPECT_NE((pushed.out + pushed.err).find(store_.own_ref() + " is not pushed"), std::string::npos)
      << pushed.out << pushed.err;
  EXPECT_EQ(store_.git({refs, "rev-parse", "main"}), store_.git({"rev-parse", "HEAD"}));
  EXPECT_EQ(store_.git({refs, "for-each-ref", "refs/syncline/"}), "");
  const Json told = store_.json({"status"});
  EXPECT_NE(told["own_ref_waiting"].dump().find("is not pushed"), std::string::npos);
  exclude("");
  store_.json({"sync", "--push"});
  EXPECT_EQ(store_.git({refs, "rev-parse", store_.own_ref()}),
            store_.git({"rev-parse", store_.own_ref()}));
  EXPECT_EQ(store_.json({"status"})["own_ref_waiting"], nullptr);
}

// What nobody has removed comes back: after the loss of the file, of the database, and in a copy.
TEST_F(Ignored, RepairAndBackupKeepThem) {
  rule(".gitignore", "/memory/failures/\n/memory/heuristics/\n");
  store_.git({"add", ".gitignore"});
  store_.git({"commit", "-qm", "rules"});
  const std::string path = failure("one")["path"];
  heuristic("first");
  store_.json({"sync"});
  fs::remove(store_.root() / path);
  fs::remove(store_.root() / kRules);
  EXPECT_EQ(store_.json({"verify"}, 12)["findings"].size(), 2U);
  store_.json({"repair"});
  EXPECT_TRUE(fs::exists(store_.root() / path));
  EXPECT_NE(read_whole(store_.root() / kRules).find(": first"), std::string::npos);
  expect_verified();
  fs::remove(store_.root() / path);
  store_.json({"repair", "--restore", "1"});
  EXPECT_TRUE(fs::exists(store_.root() / path));
  EXPECT_FALSE(on_branch(path));

  const fs::path copy = directory_ / "copy";
  store_.json({"backup", copy.string()});
  const StoreUnderTest backup = StoreUnderTest::existing("elf", copy);
  EXPECT_TRUE(fs::exists(copy / path));
  EXPECT_NE(read_whole(copy / kRules).find(": first"), std::string::npos);
  EXPECT_EQ(backup.json({"show", "1"})["ignored"], true);
  const Json verified = backup.json({"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
}

TEST_F(Ignored, ARetractedRecordIsGoneFromTheWorkTree) {
  exclude("/memory/\n");
  const std::string path = failure("one")["path"];
  heuristic("first");
  heuristic("second");
  store_.json({"sync"});
  store_.json({"retract", "1"});
  store_.json({"retract", "2"});
  store_.json({"sync"});
  EXPECT_FALSE(fs::exists(store_.root() / path));
  const std::string text = read_whole(store_.root() / kRules);
  EXPECT_EQ(text.find(": first"), std::string::npos) << text;
  EXPECT_NE(text.find(": second"), std::string::npos) << text;
  EXPECT_EQ(ignored(), 1U);
  expect_verified();
}

// Many processes at once, and a rule for some of their paths.
TEST_F(Ignored, ManyCallsAtOnceEachLearnWhatBecameOfTheirs) {
  exclude("/memory/failures/*_odd-*\n");
  constexpr unsigned kCalls = 12;
  std::vector<std::pair<Words, ProcessOptions>> calls;
  for (unsigned i = 0; i < kCalls; ++i) {
    const std::string title = (i % 2 == 0 ? "even " : "odd ") + std::to_string(i);
    calls.emplace_back(store_.command({"--json", "record", "failure", "--title", title, "--domain",
                                       "d", "--wait", "published"}),
                       ProcessOptions{});
  }
  const std::vector<ProcessResult> done = run_together(calls);
  for (unsigned i = 0; i < kCalls; ++i) {
    ASSERT_EQ(done[i].exit_code, 0) << done[i].describe();
    EXPECT_EQ(Json::parse(done[i].out)["ignored"], i % 2 != 0) << done[i].out;
  }
  EXPECT_EQ(ignored(), kCalls / 2U);
  EXPECT_EQ(status(), "");
  expect_verified();
}

}  // namespace
}  // namespace syncline
