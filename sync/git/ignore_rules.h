// Which paths the repository ignores: what `git check-ignore` says of one that git does not track.
//
//   .gitignore of the path's own directory, then of each above it     the nearest decides,
//   info/exclude of the git directory                                 and in each file the last
//   core.excludesFile of the person (GitPlatform::personal_ignore_rules)     pattern that matches
//
// What is in an ignored directory is ignored whatever is said of it: no file below one is read.
//
// Each file is read once, and when it is first needed, so an object answers for one look. A file
// that is missing, a link or no file has no rules, as in git. One that cannot be read is an error:
// what it hides must not be published.
//
// Differences to git: core.ignoreCase is not followed, nor is a .gitignore that a sparse checkout
// leaves out of the work tree.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sync/git/git_paths.h"
#include "sync/git/path_patterns.h"
#include "syncline/result.h"

namespace syncline {

class IgnoreRules {
 public:
  // `git` outlives it.
  explicit IgnoreRules(const GitDirectories& git) : git_(git) {}

  // `path` is a file's, below the work tree.
  Result<bool> ignores(std::string_view path);

 private:
  struct Folder {
    const Folder* above = nullptr;  // null: the top of the work tree
    size_t prefix_bytes = 0;        // of its name in a path, the slash too
    bool is_ignored = false;
    PathPatterns patterns;
  };

  Status open();
  Result<const Folder*> folder(std::string_view path);
  bool is_ignored(const Folder& folder, std::string_view path, bool is_directory) const;

  const GitDirectories& git_;
  bool is_open_ = false;
  PathPatterns excluded_, personal_;
  std::map<std::string, Folder, std::less<>> folders_;  // by path; "" is the top
};

}  // namespace syncline
