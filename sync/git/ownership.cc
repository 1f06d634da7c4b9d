#include "sync/git/ownership.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "journal/base/try.h"
#include "sync/git/git_words.h"

namespace syncline {
namespace {

constexpr int64_t kGitMs = 10'000;

// The work tree, what is at its .git, and the directories that .git stands for.
Result<bool> is_all_of(uint32_t user, const GitPaths& paths) {
  TRY_ASSIGN(const auto root, paths.platform->open_directory(paths.work_tree));
  for (const std::string_view name : {".", ".git"}) {
    TRY_ASSIGN(const FileInfo info, root->info(name));
    if (info.uid != user) return false;
  }
  std::vector<std::string> directories = {paths.git_dir};
  if (paths.common_dir != paths.git_dir) directories.push_back(paths.common_dir);
  for (const std::string& directory : directories) {
    TRY_ASSIGN(const auto opened, paths.platform->open_directory(directory));
    TRY_ASSIGN(const FileInfo info, opened->info("."));
    if (info.uid != user) return false;
  }
  return true;
}

}  // namespace

Status check_owner(const GitPaths& paths) {
  GitPlatform& platform = *paths.platform;
  TRY_ASSIGN(const bool own, is_all_of(platform.effective_user(), paths));
  if (own) return {};
  const auto asked = platform.run_command({"git", "-C", paths.work_tree, "rev-parse", "--git-dir"},
                                          {"LC_ALL=C"}, platform.clock().after_ms(kGitMs));
  if (asked && asked->exit_code == 0) return {};
  // Git's own command, which quotes the path where it must.
  std::string remedy = asked ? safe_directory_remedy(asked->error_text) : std::string();
  if (remedy.empty()) {
    remedy = fmt::format("git config --global --add safe.directory {}", paths.work_tree);
  }
  return make_error(
      Code::kUnsafePath,
      fmt::format("{} belongs to another user: nothing in it is read or run, as git refuses it",
                  paths.work_tree),
      "if you trust whoever owns it: " + remedy);
}

}  // namespace syncline
