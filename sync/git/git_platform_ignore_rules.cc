// The file that core.excludesFile names, found as git finds it. Git's own program is asked only
// where the answer takes more than reading its configuration files: an include, another user's
// home.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "journal/base/ascii.h"
#include "journal/base/try.h"
#include "sync/git/git_config.h"
#include "sync/git/git_paths.h"
#include "sync/git/git_platform.h"
#include "sync/git/subprocess.h"

namespace syncline {
namespace {

constexpr const char* kKey = "core.excludesfile";

std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// Links are followed: people keep such files elsewhere. One that cannot be read is none, as in git.
std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// In git's order: the last one that says it holds. Empty without a home.
std::string personal_folder() {
  if (const auto named = variable("XDG_CONFIG_HOME"); named && !named->empty()) return *named;
  const auto home = variable("HOME");
  return home ? *home + "/.config" : std::string();
}

std::vector<std::string> configuration_files(const GitPaths& paths) {
  std::vector<std::string> files;
  const std::string no_system = ascii_lowered(variable("GIT_CONFIG_NOSYSTEM").value_or("false"));
  const bool without = no_system != "false" && no_system != "no" && no_system != "off" &&
                       no_system != "0" && !no_system.empty();
  if (!without) files.push_back(variable("GIT_CONFIG_SYSTEM").value_or("/etc/gitconfig"));
  if (const auto named = variable("GIT_CONFIG_GLOBAL")) {
    files.push_back(*named);
  } else {
    const std::string folder = personal_folder();
    if (!folder.empty()) files.push_back(folder + "/git/config");
    if (const auto home = variable("HOME")) files.push_back(*home + "/.gitconfig");
  }
  files.push_back(paths.common_dir + "/config");
  return files;
}

struct Named {
  std::optional<std::string> path;
  bool takes_git = false;
};

Named named_file(const GitPaths& paths) {
  Named named;
  bool own_config = false;
  const auto take = [&](const std::string& file) {
    const GitConfig config = GitConfig::parse(text_of(file));
    named.takes_git |= config.has_includes();
    if (auto path = config.get(kKey)) named.path = std::move(path);
    own_config |= config.get_bool("extensions.worktreeconfig", false);
  };
  for (const std::string& file : configuration_files(paths)) take(file);
  if (own_config) take(paths.git_dir + "/config.worktree");
  // Of `git -c`, which a hook inherits.
  named.takes_git |= variable("GIT_CONFIG_PARAMETERS") || variable("GIT_CONFIG_COUNT");
  if (!named.path) return named;
  const bool of_another = named.path->starts_with('~') && !named.path->starts_with("~/");
  named.takes_git |= of_another || named.path->starts_with("%(");
  return named;
}

}  // namespace

Result<std::string> GitPlatform::personal_ignore_rules(const GitPaths& paths) {
  Named named = named_file(paths);
  if (named.takes_git) {
    std::vector<std::string> command = git_command(paths.work_tree);
    command.insert(command.end(), {"config", "--type=path", "--get", kKey});
    constexpr int64_t kAnswerMs = 10'000;
    TRY_ASSIGN(CommandResult answer,
               run_command(command, {"LC_ALL=C"}, clock().after_ms(kAnswerMs)));
    named.path.reset();
    if (answer.exit_code == 0) {
      if (answer.output.ends_with('\n')) answer.output.pop_back();
      named.path = std::move(answer.output);
    }
  }
  if (!named.path) {
    const std::string folder = personal_folder();
    return folder.empty() ? std::string() : text_of(folder + "/git/ignore");
  }
  if (named.path->empty()) return std::string();
  if (named.path->starts_with("~/")) {
    const auto home = variable("HOME");
    return home ? text_of(*home + named.path->substr(1)) : std::string();
  }
  if (named.path->starts_with('/')) return text_of(*named.path);
  return text_of(paths.work_tree + "/" + *named.path);
}

}  // namespace syncline
