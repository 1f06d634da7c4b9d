// The merge driver in a repository's configuration: as git itself reads it.
#include "sync/git/merge_driver.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "sync/git/git_config.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

constexpr const char* kOdd = "/a b/it's \"so\"\\here; #1/syncline";

std::string driver_in(const std::string& config) {
  return GitConfig::parse(config).get("merge.syncline.driver").value_or("none");
}

TEST(MergeDriver, IsAppendedOnceAndItsProgramChanged) {
  const std::string theirs = "[core]\n\tbare = false\n[user]\n\tname = a person";  // no line end
  const std::string first = with_merge_driver(theirs, "/usr/bin/syncline");
  EXPECT_TRUE(first.starts_with(theirs + "\n[merge \"syncline\"]\n")) << first;
  EXPECT_NE(driver_in(first).find("'/usr/bin/syncline'"), std::string::npos) << first;
  const std::string behind = "[alias]\n\tst = status\n";
  const std::string second = with_merge_driver(first + behind, kOdd);
  EXPECT_TRUE(second.starts_with(theirs + "\n")) << second;
  EXPECT_TRUE(second.ends_with("\n" + behind)) << second;
  EXPECT_EQ(second.find("/usr/bin/syncline"), std::string::npos) << second;
  EXPECT_EQ(with_merge_driver(second, kOdd), second);
}

TEST(MergeDriver, GitReadsWhatWeWrite) {
  GitRepository repository;
  Directory& directory = repository.common_dir();
  ASSERT_FALSE(merge_driver_is_set(directory, "of-a-store", kOdd).value());
  ASSERT_TRUE(set_merge_driver(directory, "of-a-store", kOdd).value());
  EXPECT_TRUE(merge_driver_is_set(directory, "of-a-store", kOdd).value());
  const std::string file = read_file(directory, "config").value();
  EXPECT_EQ(repository.git("config merge.syncline.driver"), driver_in(file));
  EXPECT_FALSE(std::filesystem::exists(repository.path() / ".git/config.lock"));
}

TEST(MergeDriver, ALockThatADeadCallLeftIsRemovedAnothersIsNot) {
  GitRepository repository;
  Directory& directory = repository.common_dir();
  ASSERT_TRUE(directory.create_whole("config.lock", as_bytes("")));
  EXPECT_FALSE(set_merge_driver(directory, "of-a-store", "syncline").value());
  ASSERT_TRUE(directory.remove_file("config.lock"));
  ASSERT_TRUE(directory.create_whole("config.lock", as_bytes("syncline lock of of-a-store\n")));
  EXPECT_TRUE(set_merge_driver(directory, "of-a-store", "syncline").value());
  EXPECT_TRUE(merge_driver_is_set(directory, "of-a-store", "syncline").value());
  // Also where the dead call had set the driver already.
  ASSERT_TRUE(directory.create_whole("config.lock", as_bytes("syncline lock of of-a-store\n")));
  EXPECT_FALSE(merge_driver_is_set(directory, "of-a-store", "syncline").value());
  EXPECT_TRUE(set_merge_driver(directory, "of-a-store", "syncline").value());
  EXPECT_FALSE(std::filesystem::exists(repository.path() / ".git/config.lock"));
}

}  // namespace
}  // namespace syncline
