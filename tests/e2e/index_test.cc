// An index of git's that cannot be handled: publishing waits, the reason names the command that
// ends that, and it does.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

struct Unhandled {
  const char* name;
  std::vector<std::vector<std::string>> make;  // git's arguments; none: the index is cut short
  std::string way_out;                         // a line for the shell
};

class Index : public ::testing::TestWithParam<Unhandled> {};

TEST_P(Index, SaysTheWayOut) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  fs::create_directory(store.root() / "src");
  fs::create_directory(store.root() / "other");
  write_whole(store.root() / "src/theirs.txt", "a person's\n");
  write_whole(store.root() / "other/theirs.txt", "a person's\n");
  store.git({"add", "-A"});
  store.git({"commit", "-qm", "theirs"});
  for (const std::vector<std::string>& command : GetParam().make) store.git(command);
  if (GetParam().make.empty()) write_whole(store.root() / ".git/index", "DIRC");

  const ProcessResult recorded =
      store.syncline({"record", "note", "--title", "one", "--wait", "published", "--timeout", "1"});
  EXPECT_EQ(recorded.exit_code, 11) << recorded.describe();
  EXPECT_EQ(recorded.err.find("by itself"), std::string::npos) << recorded.describe();
  const std::string said = "`" + GetParam().way_out + "`";
  EXPECT_NE(recorded.err.find(said), std::string::npos) << recorded.describe();
  for (const char* verb : {"status", "verify"}) {
    const ProcessResult result = store.syncline({verb});
    EXPECT_TRUE(result.ok()) << result.describe();
    EXPECT_NE(result.out.find(said), std::string::npos) << result.describe();
  }
  const ProcessResult done =
      run_process({"sh", "-c", GetParam().way_out},
                  {.directory = store.root().string(), .environment = plain_git_environment()});
  EXPECT_TRUE(done.ok()) << done.describe();
  store.json({"sync"});
  EXPECT_EQ(store.json({"status"})["published"], 1);
  EXPECT_EQ(store.git({"status", "--porcelain"}), "");
}

INSTANTIATE_TEST_SUITE_P(
    Each, Index,
    ::testing::Values(Unhandled{"split",
                                {{"update-index", "--split-index"}},
                                "git update-index --no-split-index"},
                      Unhandled{"sparse",
                                {{"sparse-checkout", "set", "--cone", "--sparse-index", "src"}},
                                "git sparse-checkout reapply --no-sparse-index"},
                      Unhandled{"damaged", {}, "rm .git/index; git reset"}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace syncline
