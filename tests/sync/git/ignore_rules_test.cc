// What the repository ignores: as `git check-ignore` says of the same rules, wherever they stand.
#include "sync/git/ignore_rules.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/fault_directory.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

// Of this process, while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class IgnoreRulesTest : public testing::Test {
 protected:
  IgnoreRulesTest()
      : home_("HOME", (repository_.path() / ".git/home").string()),
        no_system_("GIT_CONFIG_NOSYSTEM", "1"),
        xdg_("XDG_CONFIG_HOME", (repository_.path() / ".git/xdg").string()) {
    std::filesystem::create_directories(repository_.path() / ".git/home");
  }

  void rule(const std::string& file, const std::string& text) {
    write_file(repository_.path() / file, text);
  }
  bool ignores(const std::string& path) {
    const auto paths = git_paths_at(repository_.path().string(), system_git_platform());
    EXPECT_TRUE(ok(paths));
    const auto git = open_git_directories(*paths);
    EXPECT_TRUE(ok(git));
    IgnoreRules rules(*git);
    const Result<bool> ignored = rules.ignores(path);
    EXPECT_TRUE(ok(ignored));
    return ignored.value_or(false);
  }
  bool git_ignores(const std::string& path) const {
    const std::string home = quoted_for_shell(std::getenv("HOME"));
    const std::string xdg = quoted_for_shell(std::getenv("XDG_CONFIG_HOME"));
    const GitOutput output =
        repository_.run("check-ignore -q --no-index -- " + quoted_for_shell(path), {},
                        "env -u GIT_CONFIG_GLOBAL HOME=" + home + " XDG_CONFIG_HOME=" + xdg);
    EXPECT_LE(output.exit_code, 1) << output.text;
    return output.exit_code == 0;
  }
  // Both say so.
  void expect_ignored(const std::string& path, bool ignored) {
    EXPECT_EQ(git_ignores(path), ignored) << path;
    EXPECT_EQ(ignores(path), ignored) << path;
  }

  const GitRepository repository_;
  const Variable home_, no_system_, xdg_;
};

TEST_F(IgnoreRulesTest, WithoutRulesNothingIsIgnored) {
  expect_ignored("notes/0000/a.md", false);
}

TEST_F(IgnoreRulesTest, TheNearestFileDecidesAndInItTheLastLine) {
  rule(".gitignore", "*.md\n!keep.md\n/top/\nlogs/*\n");
  rule("notes/.gitignore", "!*.md\nsecret*\n/deep/one.md\n");
  rule("notes/deep/.gitignore", "!one.md\ntwo.md\n");
  expect_ignored("a.md", true);
  expect_ignored("keep.md", false);
  expect_ignored("x/keep.md", false);
  expect_ignored("notes/a.md", false);
  expect_ignored("notes/secret-1.md", true);
  expect_ignored("notes/deep/secret-1.md", true);
  expect_ignored("notes/deep/one.md", false);
  expect_ignored("notes/deep/two.md", true);
  expect_ignored("notes/deep/below/two.md", true);
  expect_ignored("logs/a.txt", true);
  expect_ignored("notes/logs/a.txt", false);
}

TEST_F(IgnoreRulesTest, NothingComesBackFromAnIgnoredDirectory) {
  rule(".gitignore", "notes/\n!notes/keep.md\n!notes/0000/\n");
  rule("notes/.gitignore", "!*\n");
  expect_ignored("notes/keep.md", true);
  expect_ignored("notes/0000/a.md", true);
  expect_ignored("x/notes", false);  // a file: the rule is about directories
  rule(".gitignore", "notes/*\n!notes/0000/\n");
  rule("notes/.gitignore", "");
  expect_ignored("notes/a.md", true);
  expect_ignored("notes/0000/a.md", false);
}

TEST_F(IgnoreRulesTest, InfoExcludeYieldsToGitignoreAndWinsOverThePersonsOwn) {
  rule(".git/home/.gitconfig", "[core]\n\texcludesFile = ~/rules\n");
  rule(".git/home/rules", "*.md\n*.txt\n*.log\n");
  rule(".git/info/exclude", "!a.txt\nb.bin\nc.log\n");
  rule(".gitignore", "!c.log\n");
  expect_ignored("x/a.md", true);
  expect_ignored("x/a.txt", false);
  expect_ignored("b.bin", true);
  expect_ignored("c.log", false);
  expect_ignored("d.log", true);
}

TEST_F(IgnoreRulesTest, ThePersonsFileIsFoundAsGitFindsIt) {
  // Where nothing names one.
  rule(".git/xdg/git/ignore", "xdg.md\n");
  expect_ignored("xdg.md", true);
  rule(".git/xdg/git/config",
       "[core]\n\texcludesfile = \"" + (repository_.path() / ".git/first").string() + "\"\n");
  rule(".git/first", "first.md\n");
  expect_ignored("xdg.md", false);
  expect_ignored("first.md", true);
  // The later configuration wins, the repository's over all.
  rule(".git/home/.gitconfig", "[core]\nexcludesFile=~/second\n");
  rule(".git/home/second", "second.md\n");
  expect_ignored("first.md", false);
  expect_ignored("second.md", true);
  // What only git can follow, git is asked.
  rule(".git/home/.gitconfig", "[include]\n\tpath = more\n");
  rule(".git/home/more", "[core]\nexcludesFile=~/third\n");
  rule(".git/home/third", "third.md\n");
  expect_ignored("third.md", true);
  repository_.git("config core.excludesFile " +
                  quoted_for_shell((repository_.path() / ".git/fourth").string()));
  rule(".git/fourth", "fourth.md\n");
  expect_ignored("third.md", false);
  expect_ignored("fourth.md", true);
  repository_.git("config core.excludesFile ''");
  expect_ignored("fourth.md", false);
  expect_ignored("xdg.md", false);
}

TEST_F(IgnoreRulesTest, AFileThatIsALinkOrNoFileHasNoRules) {
  rule("elsewhere", "*\n");
  std::filesystem::create_directories(repository_.path() / "notes/0000/.gitignore");
  std::filesystem::create_symlink("../elsewhere", repository_.path() / "notes/.gitignore");
  EXPECT_FALSE(ignores("notes/a.md"));
  EXPECT_FALSE(ignores("notes/0000/a.md"));
}

TEST_F(IgnoreRulesTest, BytesAtTheEndsOfLinesAndFilesAreReadAsGitReadsThem) {
  rule(".gitignore",
       "\xEF\xBB\xBF"
       "first.md\nblank.md   \nkept\\ \r\nlast.md");
  expect_ignored("first.md", true);
  expect_ignored("blank.md", true);
  expect_ignored("last.md", true);
  expect_ignored("other.md", false);
}

// What it hides must not be published.
TEST_F(IgnoreRulesTest, AFileThatCannotBeReadIsAnError) {
  rule(".gitignore", "*.md\n");
  const auto paths = git_paths_at(repository_.path().string(), system_git_platform());
  ASSERT_TRUE(ok(paths));
  auto git = open_git_directories(*paths);
  ASSERT_TRUE(ok(git));
  const std::unique_ptr<Directory> real = std::move(git->work_tree);
  const auto faults = std::make_shared<Faults>();
  git->work_tree = std::make_unique<FaultDirectory>(*real, faults);
  faults->fail(FaultCall::kOpenFile, 1, EACCES);
  IgnoreRules rules(*git);
  EXPECT_FALSE(rules.ignores("a.md"));
  EXPECT_TRUE(rules.ignores("a.md").value_or(false));  // nothing of it is kept
}

// However many files are new, each directory's rules are read once.
TEST_F(IgnoreRulesTest, EachFileOfRulesIsReadOnce) {
  rule(".gitignore", "*.log\n");
  rule("notes/.gitignore", "secret*\n");
  const auto paths = git_paths_at(repository_.path().string(), system_git_platform());
  ASSERT_TRUE(ok(paths));
  const auto git = open_git_directories(*paths);
  ASSERT_TRUE(ok(git));
  IgnoreRules rules(*git);
  ASSERT_FALSE(rules.ignores("notes/0000/a.md").value_or(true));
  // What is written now is for the next look.
  rule(".gitignore", "*\n");
  rule("notes/.gitignore", "*\n");
  rule("notes/0000/.gitignore", "*\n");
  EXPECT_FALSE(rules.ignores("notes/0000/b.md").value_or(true));
  EXPECT_TRUE(ignores("notes/0000/b.md"));
}

}  // namespace
}  // namespace syncline
