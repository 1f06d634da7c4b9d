#include "sync/git/git_paths.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "journal/base/try.h"
#include "sync/git/git_config.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kSmallFileBytesMax = 1u << 20;

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

// `path` as written in one of git's files, relative to the directory that the file is in.
Result<std::string> resolve(Platform& platform, const std::string& path, const std::string& base) {
  return platform.canonical_path((fs::path(base) / path).string());
}

// A directory, or a link that may lead to one.
bool leads_on(Directory& directory, std::string_view name) {
  const Result<FileInfo> info = directory.info(name);
  return info &&
         (info->type == FileInfo::Type::kDirectory || info->type == FileInfo::Type::kSymlink);
}

// Whatever cannot be looked at is no git directory.
bool looks_bare(Directory& directory) {
  return leads_on(directory, "objects") && leads_on(directory, "refs") &&
         directory.info("HEAD").has_value();
}

}  // namespace

Result<bool> is_bare_repository(const std::string& directory, Platform& platform) {
  const auto opened = platform.open_directory(directory);
  if (!opened && opened.error().code == Code::kNotFound) return false;
  if (!opened) return opened.error();
  return looks_bare(**opened);
}

Result<std::optional<std::string>> read_small_file(Directory& directory, std::string_view name) {
  Result<std::string> text = read_file(directory, name, kSmallFileBytesMax);
  if (!text) {
    if (text.error().code == Code::kNotFound) return std::optional<std::string>{};
    return std::move(text).error();
  }
  return std::optional<std::string>(trimmed(std::move(*text)));
}

Result<GitPaths> git_paths_at(const std::string& work_tree, GitPlatform& platform) {
  GitPaths paths;
  paths.platform = &platform;
  TRY_ASSIGN(paths.work_tree, platform.canonical_path(work_tree));
  TRY_ASSIGN(const auto top, platform.open_directory(paths.work_tree));
  const Result<FileInfo> dot_git = top->info(".git");
  if (!dot_git && dot_git.error().code == Code::kNotFound) {
    return make_error(Code::kNotFound, fmt::format("{} is not a git work tree", paths.work_tree));
  }
  if (!dot_git) return dot_git.error();
  if (dot_git->type == FileInfo::Type::kDirectory) {
    paths.git_dir = (fs::path(paths.work_tree) / ".git").string();
  } else if (dot_git->type != FileInfo::Type::kRegular) {
    TRY_ASSIGN(paths.git_dir, resolve(platform, ".git", paths.work_tree));
  } else {
    TRY_ASSIGN(const std::optional<std::string> link, read_small_file(*top, ".git"));
    constexpr std::string_view kPrefix = "gitdir: ";
    if (!link || !link->starts_with(kPrefix)) {
      return make_error(Code::kUnsupported,
                        fmt::format("{}/.git is not a link to a git directory", paths.work_tree));
    }
    TRY_ASSIGN(paths.git_dir, resolve(platform, link->substr(kPrefix.size()), paths.work_tree));
  }
  paths.common_dir = paths.git_dir;
  TRY_ASSIGN(const auto git_dir, platform.open_directory(paths.git_dir));
  TRY_ASSIGN(const std::optional<std::string> common, read_small_file(*git_dir, "commondir"));
  if (common) {
    TRY_ASSIGN(paths.common_dir, resolve(platform, *common, paths.git_dir));
  }
  bool bare = false;
  if (common) {
    TRY_ASSIGN(bare, is_bare_repository(paths.common_dir, platform));
  } else {
    bare = looks_bare(*git_dir);
  }
  if (bare) return paths;
  const Result<FileInfo> head = git_dir->info("HEAD");
  if (!head) {
    if (head.error().code != Code::kNotFound) return head.error();
    return make_error(Code::kNotFound, fmt::format("{} is not a git directory", paths.git_dir));
  }
  return paths;
}

Result<GitPaths> find_git_paths(const std::string& directory, GitPlatform& platform) {
  TRY_ASSIGN(const std::string start, platform.canonical_path(directory));
  for (fs::path at = start;; at = at.parent_path()) {
    Result<GitPaths> paths = git_paths_at(at.string(), platform);
    if (paths || paths.error().code != Code::kNotFound) return paths;
    TRY_ASSIGN(const bool bare, is_bare_repository(at.string(), platform));
    if (bare) {
      return make_error(
          Code::kUnsupported,
          fmt::format("{} is a bare git repository: it has no work tree", at.string()),
          "use a clone with a work tree, or another directory");
    }
    if (at == at.root_path()) break;
  }
  return make_error(Code::kNotFound, fmt::format("no git repository at or above {}", start));
}

Result<GitDirectories> open_git_directories(const GitPaths& paths) {
  GitDirectories directories{.paths = paths, .work_tree = {}, .git_dir = {}, .common_dir = {}};
  TRY_ASSIGN(directories.work_tree, paths.platform->open_directory(paths.work_tree));
  TRY_ASSIGN(directories.git_dir, paths.platform->open_directory(paths.git_dir));
  TRY_ASSIGN(directories.common_dir, paths.platform->open_directory(paths.common_dir));
  return directories;
}

Status check_repository_format(const GitDirectories& git) {
  Directory& common_dir = *git.common_dir;
  TRY_ASSIGN(const std::optional<std::string> text, read_small_file(common_dir, "config"));
  const GitConfig config = GitConfig::parse(text.value_or(""));
  const auto refuse = [&](std::string_view why, std::string hint) {
    return make_error(Code::kUnsupported, fmt::format("{} {}", common_dir.path(), why),
                      std::move(hint));
  };
  // The setting is the main work tree's: a linked one may belong to a repository that has none.
  const bool linked = git.paths.git_dir != git.paths.common_dir;
  if (!linked && config.get_bool("core.bare", false)) {
    return refuse("is a bare git repository: it has no work tree",
                  "use a clone with a work tree, or another directory");
  }
  // A submodule's names the work tree that leads to it. For a linked one git passes it over.
  if (const auto named = config.get("core.worktree"); named && !linked) {
    const auto there = resolve(*git.paths.platform, *named, git.paths.git_dir);
    if (!there || *there != git.paths.work_tree) {
      return refuse(fmt::format("has its work tree elsewhere (core.worktree = {})", *named),
                    "use a repository whose .git leads from its work tree to it");
    }
  }
  const std::string version = config.get("core.repositoryformatversion").value_or("0");
  if (version != "0" && version != "1") {
    return refuse(fmt::format("has repository format version {}, known are 0 and 1", version), "");
  }
  static const std::set<std::string> kHandled = {
      "noop", "preciousobjects", "worktreeconfig", "objectformat", "refstorage", "partialclone"};
  for (const auto& [name, value] : config.section("extensions")) {
    if (name == "objectformat" && value != "sha1") {
      return refuse(fmt::format("names its objects by {}, only SHA-1 is handled", value),
                    "git init --object-format=sha1 in another directory");
    }
    if (name == "refstorage" && value != "files") {
      return refuse(fmt::format("keeps its refs in {}, only files are handled", value),
                    "git refs migrate --ref-format=files (git 2.48 or later)");
    }
    if (name == "partialclone") {
      return refuse("is a partial clone: objects may be missing here",
                    "use a full clone (git clone without --filter)");
    }
    if (name == "worktreeconfig" && version == "1") {
      // Known to git and libgit2's reader alike; it only adds a configuration file.
      continue;
    }
    if (version == "1" && !kHandled.contains(name)) {
      return refuse(fmt::format("needs the git extension {}, which is not handled", name), "");
    }
  }
  return {};
}

Status remove_if_there(Directory& directory, std::string_view name) {
  Status removed = directory.remove_file(name);
  if (!removed && removed.error().code == Code::kNotFound) return {};
  return removed;
}

}  // namespace syncline
