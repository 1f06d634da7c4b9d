// What folding and publishing need from the outside world besides files: reading git's objects,
// making a repository, running the git program, and looking which other programs run.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "journal/os/platform.h"
#include "sync/git/object_reader.h"
#include "sync/git/subprocess.h"

namespace syncline {

struct GitPaths;  // sync/git/git_paths.h
class OpenWatch;  // sync/git/open_watch.h

// Ids of processes that have run for so long that they do not become a git program any more, as one
// does that was only just forked.
using OtherProcesses = std::set<std::string>;

class GitPlatform : public Platform {
 public:
  // Of ".git/objects"; see sync/git/object_reader.h.
  virtual Result<std::unique_ptr<ObjectReader>> open_object_reader(const std::string& objects_path);
  // A directory by its absolute path, with its parents; durable when it returns.
  virtual Status make_directories(const std::string& directory);
  // `git init` of an absolute path, made with its parents, branch "main"; durable when it returns.
  // One caller at a time.
  virtual Status create_repository(const std::string& directory);
  // See sync/git/subprocess.h.
  virtual Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment,
                                            Deadline deadline);
  // The text of the file that core.excludesFile names for the person who runs this program; empty
  // where there is none that can be read.
  virtual Result<std::string> personal_ignore_rules(const GitPaths& paths);
  // Whose rights this process has: geteuid().
  virtual uint32_t effective_user();
  // Is a process running that has exactly this path among its arguments?
  virtual bool some_process_names(std::string_view path);
  // Is a git program running whose working directory is at or below `work_tree`, or that names it
  // among its arguments? A program that may not be looked at counts as one.
  virtual bool git_runs_in(std::string_view work_tree);
  // The git program that may move HEAD (sync/git/git_command.h), as "git commit (process 7)", whose
  // working directory is at or below `work_tree`, or that names it among its arguments. Empty where
  // none runs; programs of other users that may not be looked at are passed over. With `others`, so
  // are those that a look shortly before found to be such, and those that this one finds are added:
  // the second look, under the locks that git commands meet, is then a short one.
  virtual std::string git_at_work_in(std::string_view work_tree, OtherProcesses* others);
  // See sync/git/open_watch.h.
  virtual std::unique_ptr<OpenWatch> watch_opens(const std::string& path);
  // Has a hook of the repository with this git directory started us? Git's variables say so.
  virtual bool in_hook_of(std::string_view git_dir);
  // Does a git command that moves HEAD here, or a hook, wait for this process to end? Then what
  // waits for that command waits for ever.
  virtual bool git_waits_for_us(std::string_view work_tree, std::string_view git_dir);
};

// Where create_repository() makes a new one before `.git` gets its name; below the work tree.
inline constexpr std::string_view kHiddenRepository = ".syncline-tmp-repository";

}  // namespace syncline
