#include "engine/place/ignored_kinds.h"

#include <fmt/format.h>

#include "engine/config/own_paths.h"
#include "journal/base/try.h"
#include "sync/git/ignore_rules.h"

namespace syncline {

Result<std::vector<std::string>> ignored_kinds(const std::string& work_tree, const Config& config,
                                               GitPlatform& platform) {
  std::vector<std::string> told;
  if (config.sync.publish_ignored) return told;
  TRY_ASSIGN(const GitPaths paths, git_paths_at(work_tree, platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  IgnoreRules rules(git);
  for (const KindSpec& kind : config.kinds) {
    const std::string path = example_path(kind);
    if (path.empty()) continue;
    TRY_ASSIGN(const bool ignored, rules.ignores(path));
    if (!ignored) continue;
    told.push_back(fmt::format(
        "records of kind {} are neither published nor pushed, since the repository ignores paths "
        "such as {}: `git check-ignore -v {}` names the rule; with `[publish] ignored = true` in "
        "syncline.toml they are published all the same",
        kind.name, path, path));
  }
  return told;
}

}  // namespace syncline
