// What GitPlatform asks about other processes, by /proc.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "journal/os/process_files.h"
#include "sync/git/git_command.h"
#include "sync/git/git_platform.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// A process that ends while it is looked at is passed over.
bool some_process(const std::function<bool(const fs::path& process)>& is_it) {
  std::error_code fault;
  for (fs::directory_iterator it("/proc", fault), end; !fault && it != end; it.increment(fault)) {
    const std::string name = it->path().filename().string();
    if (name.empty() || name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (is_it(it->path())) return true;
  }
  return false;
}

ProcessStat program_of(const fs::path& process) {
  return process_stat(process.filename().string()).value_or(ProcessStat{});
}

bool runs_for_long(const ProcessStat& program) {
  timespec now{};
  if (::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return false;
  const int64_t ticks_a_second = ::sysconf(_SC_CLK_TCK);
  constexpr int64_t kLongS = 1;
  return program.started_ticks > 0 && now.tv_sec - program.started_ticks / ticks_a_second > kLongS;
}

// Git's subcommands that are programs of their own are called "git-…".
bool is_git(const ProcessStat& program) {
  return program.name == "git" || program.name.starts_with("git-");
}

std::vector<std::string_view> words_of(std::string_view arguments) {
  std::vector<std::string_view> words;
  while (!arguments.empty()) {
    const size_t end = std::min(arguments.find('\0'), arguments.size());
    words.push_back(arguments.substr(0, end));
    arguments.remove_prefix(std::min(end + 1, arguments.size()));
  }
  return words;
}

// This process and those that it descends from, up to the first.
std::set<std::string> own_line() {
  std::set<std::string> line;
  std::string process = "self";
  while (process != "0") {
    const std::string status = content_of_process_file("/proc/" + process + "/status");
    constexpr std::string_view kParent = "\nPPid:\t";
    const size_t at = status.find(kParent);
    if (at == std::string::npos) break;
    const size_t begin = at + kParent.size();
    process = status.substr(begin, status.find('\n', begin) - begin);
    if (!line.insert(process).second) break;
  }
  return line;
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// What the git program is doing that `counts` and has to do with the work tree; else empty.
std::string git_at_work(const fs::path& process, const ProcessStat& program,
                        std::string_view work_tree,
                        bool (*counts)(std::span<const std::string_view> words)) {
  if (!is_git(program)) return {};
  const std::string arguments = content_of_process_file(process / "cmdline");
  std::vector<std::string_view> words = words_of(arguments);
  // A script's first words are its interpreter's.
  if (!words.empty() && program.name.starts_with("git-")) words = {program.name};
  if (!counts(words)) return {};
  if (arguments.find(work_tree) == std::string::npos) {
    std::error_code fault;
    const std::string directory = fs::read_symlink(process / "cwd", fault).string();
    if (fault || !is_at_or_below(directory, work_tree)) return {};
  }
  return fmt::format("git {} (process {})", git_subcommand(words), process.filename().string());
}

}  // namespace

bool GitPlatform::some_process_names(std::string_view path) {
  return some_process([&](const fs::path& process) {
    const std::string arguments = content_of_process_file(process / "cmdline");
    for (size_t at = arguments.find(path); at != std::string::npos;
         at = arguments.find(path, at + 1)) {
      const size_t after = at + path.size();
      const bool begins = at == 0 || arguments[at - 1] == '\0';
      if (begins && (after == arguments.size() || arguments[after] == '\0')) return true;
    }
    return false;
  });
}

bool GitPlatform::git_runs_in(std::string_view work_tree) {
  return some_process([&](const fs::path& process) {
    if (!is_git(program_of(process))) return false;
    if (content_of_process_file(process / "cmdline").find(work_tree) != std::string::npos)
      return true;
    std::error_code fault;
    const std::string directory = fs::read_symlink(process / "cwd", fault).string();
    if (fault)
      return fault != std::errc::no_such_file_or_directory && fault != std::errc::no_such_process;
    return is_at_or_below(directory, work_tree);
  });
}

std::string GitPlatform::git_at_work_in(std::string_view work_tree, OtherProcesses* others) {
  std::string found;
  const std::set<std::string> own = own_line();
  some_process([&](const fs::path& process) {
    const std::string id = process.filename().string();
    if (others != nullptr && others->contains(id)) return false;
    const ProcessStat program = program_of(process);
    // A command that has started us is one of git's own, or an alias that stands for us.
    const bool started_us = own.contains(id);
    found = git_at_work(process, program, work_tree, started_us ? moves_head : may_move_head);
    if (others != nullptr && !is_git(program) && runs_for_long(program)) others->insert(id);
    return !found.empty();
  });
  return found;
}

bool GitPlatform::git_waits_for_us(std::string_view work_tree, std::string_view git_dir) {
  return in_hook_of(git_dir) || std::ranges::any_of(own_line(), [&](const std::string& id) {
           const fs::path process = "/proc/" + id;
           return !git_at_work(process, program_of(process), work_tree, moves_head).empty();
         });
}

bool GitPlatform::in_hook_of(std::string_view git_dir) {
  std::error_code fault;
  const char* const named = std::getenv("GIT_DIR");
  if (named != nullptr && fs::equivalent(named, git_dir, fault)) return true;
  // Where `git commit` keeps the index that its hooks may look at.
  const char* const index = std::getenv("GIT_INDEX_FILE");
  return index != nullptr &&
         fs::equivalent(fs::absolute(index, fault).parent_path(), git_dir, fault);
}

}  // namespace syncline
