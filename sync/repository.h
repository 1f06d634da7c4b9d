// The repository that a store lives in, as init and replay see it: before there is a journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sync/context/sync_options.h"
#include "sync/own/loss_survey.h"
#include "syncline/result.h"

namespace syncline {

class Clock;        // journal/base/clock.h
class GitPlatform;  // sync/git/git_platform.h

struct RepositoryState {
  GitPlatform* platform = nullptr;  // what it was found on; never null in a result
  std::string work_tree;            // absolute
  std::string common_dir;           // absolute path of the git common directory
  std::string branch;  // full ref name HEAD points to, "refs/heads/main" when unborn too
  bool created = false;
  // The ids of stores that have refs/syncline/* here or are named by a commit of the branch, one
  // without records yet too: this is a clone, or a store whose journal was lost.
  std::vector<std::string> foreign_stores;
  // The branch's tip has a syncline.toml. Its history need not say whose it is (a squash, a shallow
  // clone): whoever else has a clone of it may have made a store there.
  bool config_committed = false;
  // Where one of both is so, the highest id at the end of a file name ("…-<id>.md", "…_<id>.md") or
  // in a section's heading ("## H-<id>: …") on the branch or those refs: a store that begins beside
  // them continues above it.
  uint64_t highest_id_in_paths = 0;
};
// Opens the repository at `directory`, or makes it one (initial branch main). kUnsupported names
// what cannot be handled (bare, SHA-256, reftable, split or sparse index, another owner).
Result<RepositoryState> open_or_create_repository(const std::string& directory,
                                                  GitPlatform& platform,
                                                  const HoldsSections& holds_sections = {});
// Absolute, without a slash at its end; need not be there.
Result<std::string> absolute_directory(const std::string& directory);
// The top of the work tree that a repository made at `directory` would lie in. Empty where
// `directory` is the top of one itself, or no work tree is above it.
std::string outer_work_tree(const std::string& directory, GitPlatform& platform);
// Finds the repository that `directory` is in, creating nothing and reading a few small files only:
// foreign stores are not looked for, and `branch` is empty where HEAD is detached.
Result<RepositoryState> find_repository(const std::string& directory, GitPlatform& platform);
// Adds a line to <common dir>/info/exclude unless it is there.
Status exclude_path(const RepositoryState& repository, const std::string& pattern);

}  // namespace syncline
