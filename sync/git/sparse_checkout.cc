#include "sync/git/sparse_checkout.h"

#include <string>

#include "journal/base/try.h"
#include "sync/git/git_config.h"

namespace syncline {
namespace {

Result<std::string> config_text(Directory& directory, std::string_view name) {
  Result<std::string> text = read_file(directory, name);
  if (!text && text.error().code == Code::kNotFound) return std::string{};
  return text;
}

Result<bool> is_sparse(const GitDirectories& git) {
  TRY_ASSIGN(const std::string text, config_text(*git.common_dir, "config"));
  const GitConfig common = GitConfig::parse(text);
  const bool sparse = common.get_bool("core.sparsecheckout", false);
  if (!common.get_bool("extensions.worktreeconfig", false)) return sparse;
  TRY_ASSIGN(const std::string own, config_text(*git.git_dir, "config.worktree"));
  return GitConfig::parse(own).get_bool("core.sparsecheckout", sparse);
}

}  // namespace

Result<SparseCheckout> SparseCheckout::read(const GitDirectories& git) {
  SparseCheckout checkout;
  TRY_ASSIGN(const bool sparse, is_sparse(git));
  if (!sparse) return checkout;
  Result<std::string> patterns = read_file(*git.git_dir, "info/sparse-checkout");
  // Git takes a file that is missing for everything.
  if (!patterns && patterns.error().code == Code::kNotFound) return checkout;
  if (!patterns) return std::move(patterns).error();
  checkout.patterns_ = PathPatterns::parse(*patterns);
  return checkout;
}

// A path that no pattern matches is as the directory is that it is in; at last, it is not there.
bool SparseCheckout::has(std::string_view path) const {
  if (!patterns_) return true;
  bool is_directory = false;
  while (true) {
    const std::optional<bool> found = patterns_->last_match(path, is_directory);
    if (found) return *found;
    path = parent_of(path);
    if (path == ".") return false;
    is_directory = true;
  }
}

}  // namespace syncline
