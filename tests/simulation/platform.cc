#include "tests/simulation/platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "journal/base/try.h"
#include "tests/simulation/object_reader.h"

namespace syncline::simulation {

namespace {

// SQLite knows a VFS by its name.
std::string unique_name() {
  static uint64_t count = 0;
  return fmt::format("simulated-{}", ++count);
}

std::string relative(const std::string& path) {
  const size_t at = path.find_first_not_of('/');
  return at == std::string::npos ? "." : path.substr(at);
}

Status write_synced(Directory& directory, std::string_view name, std::string_view text) {
  TRY_ASSIGN(const auto file, directory.open_file(name, {.write = true, .create = true}));
  TRY(file->truncate(0));
  if (!text.empty()) TRY(file->write_at(0, as_bytes(text)));
  TRY(file->sync_data());
  return file->close();
}

}  // namespace

SimulatedPlatform::SimulatedPlatform(Disk& disk, SqliteShared& sqlite, Random& random,
                                     std::function<void()> pause)
    : disk_(disk),
      sqlite_(sqlite),
      random_(random),
      process_(disk.start_process()),
      quiet_(disk, process_),
      vfs_(unique_name(), {.shared = sqlite,
                           .clock = disk.clock(),
                           .random = random,
                           .open_root = [this] { return disk_.open(process_); },
                           .pause = std::move(pause),
                           .dead = [this] { return dead(); }}) {}

SimulatedPlatform::~SimulatedPlatform() = default;

void SimulatedPlatform::reap() {
  disk_.reap(process_);
  sqlite_.restore(shared_at_death_);
}

Result<std::unique_ptr<Directory>> SimulatedPlatform::open_directory(const std::string& path) {
  return disk_.open(process_, relative(path));
}

// There are no symbolic links here.
Result<std::string> SimulatedPlatform::canonical_path(const std::string& path) {
  std::string canonical = std::filesystem::path(path).lexically_normal().string();
  while (canonical.size() > 1 && canonical.ends_with('/')) canonical.pop_back();
  TRY_ASSIGN(const auto root, disk_.open(process_));
  TRY_ASSIGN([[maybe_unused]] const FileInfo info, root->info(relative(canonical)));
  return canonical;
}

Status SimulatedPlatform::move_file(const std::string& from, const std::string& to) {
  TRY_ASSIGN(const auto root, disk_.open(process_));
  TRY(root->rename(relative(from), relative(to)));
  const auto parent = [](const std::string& path) {
    return relative(std::filesystem::path(path).parent_path().string());
  };
  TRY(root->sync_directory(parent(to)));
  return root->sync_directory(parent(from));
}

std::unique_ptr<Ring> SimulatedPlatform::make_ring(bool /*many_groups*/) {
  return make_plain_ring();
}

Result<std::unique_ptr<ObjectReader>> SimulatedPlatform::open_object_reader(
    const std::string& objects_path) {
  TRY_ASSIGN(auto objects, open_directory(objects_path));
  return std::unique_ptr<ObjectReader>(std::make_unique<DirectoryObjectReader>(std::move(objects)));
}

Status SimulatedPlatform::make_directories(const std::string& directory) {
  TRY_ASSIGN(const auto root, disk_.open(process_));
  const std::string top = relative(directory);
  if (root->info(top)) return {};
  TRY(root->make_directories(top));
  for (std::string at = top; at != ".";) {
    const size_t slash = at.rfind('/');
    at = slash == std::string::npos ? "." : at.substr(0, slash);
    TRY(root->sync_directory(at));
  }
  return {};
}

Status SimulatedPlatform::create_repository(const std::string& directory) {
  constexpr std::string_view kConfig =
      "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
      "\tlogallrefupdates = true\n";
  TRY_ASSIGN(const auto root, disk_.open(process_));
  const std::string top = relative(directory);
  const std::string git = top + "/.git";
  for (const std::string_view name :
       {"/objects/info", "/objects/pack", "/refs/heads", "/refs/tags", "/info"}) {
    TRY(root->make_directories(git + std::string(name)));
  }
  TRY(write_synced(*root, git + "/config", kConfig));
  TRY(write_synced(*root, git + "/info/exclude", ""));
  for (const std::string_view name : {"/objects/info", "/objects/pack", "/objects", "/refs/heads",
                                      "/refs/tags", "/refs", "/info", ""}) {
    TRY(root->sync_directory(git + std::string(name)));
  }
  // What makes it a repository comes last.
  TRY(write_synced(*root, git + "/HEAD", "ref: refs/heads/main\n"));
  TRY(root->sync_directory(git));
  for (std::string at = top; at != ".";) {
    TRY(root->sync_directory(at));
    const size_t slash = at.rfind('/');
    at = slash == std::string::npos ? "." : at.substr(0, slash);
  }
  return root->sync_directory(".");
}

Result<CommandResult> SimulatedPlatform::run_command(
    const std::vector<std::string>& arguments, const std::vector<std::string>& /*environment*/,
    Deadline /*deadline*/) {
  if (push_ && std::ranges::find(arguments, "push") != arguments.end()) {
    if (*push_) return CommandResult{};
    return CommandResult{.exit_code = 1, .error_text = "! [remote rejected] main (simulated)\n"};
  }
  return make_error(Code::kUnsupported, "there is no such program: git");
}

bool SimulatedPlatform::some_process_names(std::string_view /*path*/) {
  return false;
}

bool SimulatedPlatform::git_runs_in(std::string_view /*work_tree*/) {
  return false;
}

std::string SimulatedPlatform::git_at_work_in(std::string_view /*work_tree*/,
                                              OtherProcesses* /*others*/) {
  return {};
}

bool SimulatedPlatform::in_hook_of(std::string_view /*git_dir*/) {
  return false;
}

bool SimulatedPlatform::git_waits_for_us(std::string_view /*work_tree*/,
                                         std::string_view /*git_dir*/) {
  return false;
}

}  // namespace syncline::simulation
