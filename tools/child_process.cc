#include "tools/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

namespace syncline {
namespace {

constexpr size_t kOutputBytesMax = 1u << 20;

std::string read_from_start(int descriptor) {
  std::string content;
  char buffer[4096];
  while (content.size() < kOutputBytesMax) {
    const ssize_t got =
        pread(descriptor, buffer, sizeof buffer, static_cast<off_t>(content.size()));
    if (got <= 0) break;
    content.append(buffer, static_cast<size_t>(got));
  }
  return content;
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::string& program,
                                         const std::vector<std::string>& arguments) {
  const int output = memfd_create("syncline-child", MFD_CLOEXEC);
  if (output < 0) return errno_error(errno, "memfd_create for a child's output");
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGXFSZ);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int failed =
      posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    ::close(output);
    return errno_error(failed, fmt::format("cannot start {}", program));
  }
  return ChildProcess(pid, output);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), output_(std::exchange(other.output_, -1)) {}

ChildProcess::~ChildProcess() {
  if (output_ >= 0) ::close(output_);
}

Result<ChildProcess::Outcome> ChildProcess::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return errno_error(errno, "waitpid");
  }
  return Outcome{.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                 .output = read_from_start(output_)};
}

std::string own_program_path() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink(kOwnProgram, error);
  const bool there = !error && std::filesystem::is_regular_file(path, error);
  return there ? path.string() : "syncline";
}

}  // namespace syncline
