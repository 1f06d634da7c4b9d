#include "sync/repository_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/base/try.h"
#include "sync/git/git_config.h"
#include "sync/git/git_paths.h"
#include "sync/git/git_platform.h"
#include "sync/git/ref_store.h"
#include "sync/git/subprocess.h"

namespace syncline {
namespace {

Status run_git(const RepositoryState& into, std::vector<std::string> words) {
  std::vector<std::string> command = git_command(into.work_tree);
  // No hook of anybody's runs in the copy, and a place on this machine may be read.
  command.insert(command.end(),
                 {"-c", "core.hooksPath=/dev/null", "-c", "protocol.file.allow=always"});
  const std::string what = words.front();
  std::ranges::move(words, std::back_inserter(command));
  TRY_ASSIGN(const CommandResult result,
             into.platform->run_command(command, {"LC_ALL=C"}, kForever));
  if (result.exit_code == 0) return {};
  std::string said = result.error_text;
  std::ranges::replace(said, '\n', ' ');
  return make_error(Code::kRetryLater,
                    fmt::format("git {} answered {}: {}", what, result.exit_code, said),
                    "`git fsck` says whether the repository is whole");
}

}  // namespace

Status copy_repository(const std::string& from, const RepositoryState& into,
                       const std::string& branch, const std::string& remote) {
  TRY_ASSIGN(const RepositoryState source, find_repository(from, *into.platform));
  TRY(run_git(into, {"fetch", "--quiet", "--no-tags", "--no-auto-maintenance",
                     "--no-write-fetch-head", "--update-head-ok", "--", from, "+refs/*:refs/*"}));
  TRY_ASSIGN(const auto source_dir, into.platform->open_directory(source.common_dir));
  TRY_ASSIGN(const std::optional<std::string> text, read_small_file(*source_dir, "config"));
  const std::optional<std::string> url =
      GitConfig::parse(text.value_or("")).get("remote." + remote + ".url");
  if (url) TRY(run_git(into, {"remote", "add", "--", remote, *url}));
  TRY(run_git(into, {"symbolic-ref", "HEAD", branch}));
  TRY_ASSIGN(const auto common_dir, into.platform->open_directory(into.common_dir));
  RefStore refs(*common_dir);
  TRY_ASSIGN(const ObjectId tip, refs.read(branch));
  if (tip.is_zero()) return {};
  return run_git(into, {"reset", "--quiet", "--hard"});
}

}  // namespace syncline
