// Which paths a person has taken away with `git rm` or `git mv` and not committed yet: the branch
// has them, the index has not.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

class StagedPaths {
 public:
  // Of a git directory whose work tree is that of the branch. An index that is missing or cannot be
  // read tells nothing.
  static Result<StagedPaths> read(Directory& git_dir);

  // Whether the index is without a path that the branch has.
  bool lack(const std::string& path) const { return paths_ && !paths_->contains(path); }

 private:
  std::optional<std::unordered_set<std::string>> paths_;  // empty: not known
};

}  // namespace syncline
