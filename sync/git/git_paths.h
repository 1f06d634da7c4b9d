// Where a repository's parts are, from its files alone: libgit2 need not be loaded to look.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "journal/os/file_system.h"
#include "sync/git/git_platform.h"
#include "syncline/result.h"

namespace syncline {

// Absolute paths. In the main work tree both git directories are the same; in a linked one (`git
// worktree add`) HEAD, the index and operations under way are its own, and refs, objects and
// configuration are common.
struct GitPaths {
  GitPlatform* platform = nullptr;  // what they were found on; never null in a result
  std::string work_tree;
  std::string git_dir;
  std::string common_dir;
};

// The repository whose work tree's top is `work_tree`; kNotFound where there is none.
Result<GitPaths> git_paths_at(const std::string& work_tree, GitPlatform& platform);
// The repository that `directory` is in, looking upward as git does. kUnsupported inside a bare
// one.
Result<GitPaths> find_git_paths(const std::string& directory, GitPlatform& platform);

// A git directory without a work tree around it.
Result<bool> is_bare_repository(const std::string& directory, Platform& platform);

// The same, opened: everything written into a repository goes through these.
struct GitDirectories {
  GitPaths paths;
  std::unique_ptr<Directory> work_tree;
  std::unique_ptr<Directory> git_dir;
  std::unique_ptr<Directory> common_dir;
};
Result<GitDirectories> open_git_directories(const GitPaths& paths);

// kUnsupported, with a sentence and what to do, where the repository's configuration asks for what
// this program cannot handle: bare, SHA-256, reftable, a work tree elsewhere, unknown extensions.
Status check_repository_format(const GitDirectories& git);

// A file's text without trailing white space; empty where there is no such file.
Result<std::optional<std::string>> read_small_file(Directory& directory, std::string_view name);
Status remove_if_there(Directory& directory, std::string_view name);

// Of packs, below the common directory.
inline constexpr std::string_view kPackDirectory = "objects/pack";

}  // namespace syncline
