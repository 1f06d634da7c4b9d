// Which paths a person wants in the work tree (`git sparse-checkout`): the others are in commits
// and in the index, where an entry says that its file is not to be there (skip-worktree).
#pragma once

#include <optional>
#include <string_view>

#include "sync/git/git_paths.h"
#include "sync/git/path_patterns.h"
#include "syncline/result.h"

namespace syncline {

class SparseCheckout {
 public:
  // Everything.
  SparseCheckout() = default;
  static Result<SparseCheckout> read(const GitDirectories& git);

  bool has(std::string_view path) const;

 private:
  std::optional<PathPatterns> patterns_;  // none: everything
};

}  // namespace syncline
