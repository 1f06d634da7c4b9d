#include "sync/git/broken_refs.h"

#include <fmt/format.h>

#include "journal/base/try.h"
#include "sync/git/git_paths.h"
#include "sync/git/ref_store.h"
#include "sync/git/unborn.h"

namespace syncline {

Result<std::string> broken_ref(const std::string& work_tree, const std::string& branch,
                               GitPlatform& platform) {
  TRY_ASSIGN(const GitPaths paths, git_paths_at(work_tree, platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  const auto head = RefStore(*git.git_dir).read_raw("HEAD");
  if (!head && head.error().code == Code::kCorrupt) {
    return fmt::format(
        "{}: `echo \"ref: {}\" >{}/HEAD` puts it back where that branch was checked out",
        head.error().message, branch, git.paths.git_dir);
  }
  const auto tip = RefStore(*git.common_dir).read(branch);
  const auto info = git.common_dir->info(branch);
  // It may be packed-refs that is damaged: what is said of it names the way out.
  if (tip || tip.error().code != Code::kCorrupt || !info) return std::string();
  TRY_ASSIGN(const ObjectId last, last_logged(*git.common_dir, branch));
  if (last.is_zero()) {
    return fmt::format(
        "{}: `git fsck --lost-found` names the commits that no branch has; write the "
        "id of the one that it was at into that file",
        tip.error().message);
  }
  return fmt::format("{}: `echo {} >{}/{}` puts it back where its reflog says that it was",
                     tip.error().message, last.hex(), git.paths.common_dir, branch);
}

}  // namespace syncline
