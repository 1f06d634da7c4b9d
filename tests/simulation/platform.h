// A process's whole outside world, simulated: everything a Store asks of the system ends here, at
// the disk, the clock and the seed.
//
// Of git's programs there is none: run_command answers as where git is not installed, but for a
// push, which does what it is told. create_repository writes what `git init` leaves.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/place/store_platform.h"
#include "sync/git/open_watch.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/sqlite_vfs.h"

namespace syncline::simulation {

class SimulatedPlatform final : public StorePlatform {
 public:
  // A new process on the disk. `pause` lets others run where SQLite takes a lock.
  SimulatedPlatform(Disk& disk, SqliteShared& sqlite, Random& random,
                    std::function<void()> pause = {});
  ~SimulatedPlatform() override;

  ProcessId process() const { return process_; }
  bool dead() const { return !disk_.alive(process_); }
  // Called at the moment of a death that others survive: what the process did to memory it shares
  // with them while it was unwound is undone by reap(), once nothing of it runs any more.
  void note_death() { shared_at_death_ = sqlite_.image(); }
  void reap();
  // Whether a `git push` from now on succeeds; nothing: there is no git.
  void set_push(std::optional<bool> succeeds) { push_ = succeeds; }

  Clock& clock() override { return disk_.clock(); }
  Random& random() override { return random_; }
  Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override;
  Result<std::string> canonical_path(const std::string& path) override;
  Status move_file(const std::string& from, const std::string& to) override;
  std::unique_ptr<Ring> make_ring(bool many_groups) override;
  Result<std::unique_ptr<ObjectReader>> open_object_reader(
      const std::string& objects_path) override;
  Status make_directories(const std::string& directory) override;
  Status create_repository(const std::string& directory) override;
  Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& environment,
                                    Deadline deadline) override;
  bool some_process_names(std::string_view path) override;
  bool git_runs_in(std::string_view work_tree) override;
  std::string git_at_work_in(std::string_view work_tree, OtherProcesses* others) override;
  std::unique_ptr<OpenWatch> watch_opens(const std::string& /*path*/) override { return nullptr; }
  bool in_hook_of(std::string_view git_dir) override;
  bool git_waits_for_us(std::string_view work_tree, std::string_view git_dir) override;
  // Nobody has configured git.
  Result<std::string> personal_ignore_rules(const GitPaths& /*paths*/) override {
    return std::string();
  }
  uint32_t effective_user() override { return 0; }  // whose everything on a simulated disk is
  const char* sqlite_vfs() override { return vfs_.name(); }

 private:
  Disk& disk_;
  SqliteShared& sqlite_;
  Random& random_;
  ProcessId process_;
  // Dead, it answers errors: destructors and SQLite are on its stack, which nothing may be thrown
  // through, and a store must be able to end in whatever way its disk has failed.
  QuietDeath quiet_;
  SqliteVfs vfs_;
  SqliteShared::Image shared_at_death_;
  std::optional<bool> push_;
};

}  // namespace syncline::simulation
