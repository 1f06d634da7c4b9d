#include "sync/repository.h"

// Finds, makes and judges repositories, before there is a store.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/git_paths.h"
#include "sync/git/index_file.h"
#include "sync/git/libgit2.h"
#include "sync/git/ownership.h"
#include "sync/git/ref_store.h"
#include "sync/git/tree.h"
#include "sync/own/own_history.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// The branch HEAD points to; empty when it is detached.
Result<std::string> branch_of_head(Directory& git_dir) {
  RefStore refs(git_dir);
  TRY_ASSIGN(const RefStore::Value head, refs.read_raw("HEAD"));
  return head.target;
}

// A power cut while git's directory was being made can leave a HEAD of no bytes, or of zeros.
Result<bool> head_is_blank(Directory& git_dir) {
  const Result<std::string> head = read_file(git_dir, "HEAD", 4096);
  if (!head && head.error().code == Code::kNotFound) return false;
  if (!head) return head.error();
  return head->find_first_not_of('\0') == std::string::npos;
}

Result<RepositoryState> state_of(const GitPaths& paths, Directory& git_dir) {
  RepositoryState state;
  state.platform = paths.platform;
  state.work_tree = paths.work_tree;
  state.common_dir = paths.common_dir;
  TRY_ASSIGN(state.branch, branch_of_head(git_dir));
  return state;
}

Status check_index(Directory& git_dir) {
  const Result<IndexFile> index = IndexFile::open(git_dir);
  if (index || index.error().code == Code::kNotFound) return {};
  // A damaged index is the user's to repair, and no reason to refuse a store: publishing waits.
  if (index.error().code == Code::kCorrupt) return {};
  return index.error();
}

// Traces of other stores, or of one whose journal was lost, in the repository.
Status find_foreign_stores(const GitDirectories& git, const HoldsSections& holds_sections,
                           RepositoryState& state) {
  RefStore refs(*git.common_dir);
  TRY_ASSIGN(const std::set<std::string> names, refs.names_below(kOwnRefs));
  TRY_ASSIGN(const ObjectId tip, refs.read(state.branch));
  if (names.empty() && tip.is_zero()) return {};
  TRY_ASSIGN(const std::unique_ptr<ObjectReader> reader,
             git.paths.platform->open_object_reader(git.paths.common_dir + "/objects"));
  ObjectStore objects(*reader);
  TRY_ASSIGN(std::set<std::string> stores, stores_named(objects, tip));
  stores.insert(names.begin(), names.end());
  if (!tip.is_zero()) {
    TRY_ASSIGN(const ObjectId tree, tree_of(objects, tip));
    TRY_ASSIGN(const std::optional<FoundEntry> config, find_in_tree(objects, tree, kConfigFile));
    state.config_committed = config.has_value();
  }
  if (stores.empty() && !state.config_committed) return {};
  state.foreign_stores.assign(stores.begin(), stores.end());

  std::vector<ObjectId> tips = {tip};
  for (const std::string& name : names) {
    TRY_ASSIGN(const ObjectId own, refs.read(fmt::format("{}{}", kOwnRefs, name)));
    tips.push_back(own);
  }
  for (const ObjectId& commit_id : tips) {
    if (commit_id.is_zero()) continue;
    TRY(note_ids(objects, commit_id, holds_sections, state.highest_id_in_paths));
  }
  return {};
}

}  // namespace

Result<RepositoryState> find_repository(const std::string& directory, GitPlatform& platform) {
  TRY_ASSIGN(const GitPaths paths, find_git_paths(directory, platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  TRY(check_repository_format(git));
  return state_of(paths, *git.git_dir);
}

Result<std::string> absolute_directory(const std::string& directory) {
  std::error_code fault;
  std::string absolute = fs::absolute(directory, fault).lexically_normal().string();
  if (fault) return errno_error(fault.value(), "absolute path of " + directory);
  // "." and "store/" still end in a slash here, and libgit2 makes no directory below "store//".
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

std::string outer_work_tree(const std::string& directory, GitPlatform& platform) {
  fs::path at = directory;
  const Result<GitPaths> here = git_paths_at(directory, platform);
  if (here || here.error().code != Code::kNotFound) return {};
  // By where it really is: a symbolic link leads into another repository than its name says.
  while (at.has_relative_path()) {
    if (const Result<std::string> real = platform.canonical_path(at.string()); real) {
      at = *real;
      break;
    }
    at = at.parent_path();
  }
  // What cannot be looked at is no work tree, as for git.
  if (at == fs::path(directory)) at = at.parent_path();
  for (;; at = at.parent_path()) {
    if (const Result<GitPaths> outer = git_paths_at(at.string(), platform); outer) {
      return outer->work_tree;
    }
    if (!at.has_relative_path()) return {};
  }
}

Result<RepositoryState> open_or_create_repository(const std::string& directory,
                                                  GitPlatform& platform,
                                                  const HoldsSections& holds_sections) {
  TRY_ASSIGN(const std::string absolute, absolute_directory(directory));
  bool created = false;
  Result<GitPaths> paths = git_paths_at(absolute, platform);
  if (!paths && paths.error().code == Code::kNotFound) {
    TRY_ASSIGN(const bool bare, is_bare_repository(absolute, platform));
    if (bare) {
      return make_error(Code::kUnsupported,
                        fmt::format("{} is a bare git repository: it has no work tree", absolute),
                        "use a clone with a work tree, or another directory");
    }
    TRY(platform.create_repository(absolute));
    created = true;
    paths = git_paths_at(absolute, platform);
  }
  if (!paths) return std::move(paths).error();

  TRY(check_owner(*paths));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(*paths));
  TRY_ASSIGN(const bool half_made, head_is_blank(*git.git_dir));
  if (half_made) {
    TRY(git.git_dir->remove_file("HEAD"));
    TRY(platform.create_repository(absolute));
    created = true;
  }
  TRY(check_repository_format(git));
  TRY(check_index(*git.git_dir));
  TRY_ASSIGN(RepositoryState state, state_of(*paths, *git.git_dir));
  state.created = created;
  if (state.branch.empty()) {
    return make_error(
        Code::kUnsupported,
        fmt::format("HEAD of {} is detached: there is no branch to publish to", paths->work_tree),
        "git switch a branch, then run this again");
  }
  TRY(find_foreign_stores(git, holds_sections, state));
  return state;
}

}  // namespace syncline
