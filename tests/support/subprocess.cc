#include "tests/support/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

extern "C" char** environ;

namespace syncline {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

int make_unnamed_file(const char* name) {
  const int descriptor = memfd_create(name, MFD_CLOEXEC);
  if (descriptor < 0) fail(errno, "memfd_create");
  return descriptor;
}

void write_all(int descriptor, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = write(descriptor, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail(errno, "write");
    done += static_cast<size_t>(wrote);
  }
}

std::string read_all(int descriptor) {
  struct stat info{};
  if (fstat(descriptor, &info) != 0) fail(errno, "fstat");
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got =
        pread(descriptor, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(errno, "pread");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

int open_input(const ProcessOptions& options) {
  if (options.input_path) {
    const int descriptor = open(options.input_path->c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail(errno, "open " + *options.input_path);
    return descriptor;
  }
  const int descriptor = make_unnamed_file("stdin");
  write_all(descriptor, options.input);
  if (lseek(descriptor, 0, SEEK_SET) != 0) fail(errno, "lseek");
  return descriptor;
}

std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
  const auto name_of = [](const std::string& entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> merged = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name = name_of(*entry);
    const bool replaced =
        std::ranges::any_of(added, [&](const std::string& own) { return name_of(own) == name; });
    if (!replaced) merged.emplace_back(*entry);
  }
  return merged;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::string ProcessResult::describe() const {
  std::string text = timed_out     ? std::string("killed after its time limit")
                     : signal != 0 ? "ended by signal " + std::to_string(signal)
                                   : "exit " + std::to_string(exit_code);
  const auto shortened = [](const std::string& output) {
    constexpr size_t kShown = 4000;
    return output.size() <= kShown ? output : output.substr(0, kShown) + "…";
  };
  text += "\n--- stdout\n" + shortened(out) + "\n--- stderr\n" + shortened(err);
  return text;
}

Process::Process(const std::vector<std::string>& arguments, const ProcessOptions& options)
    : own_group_(options.own_group), time_limit_(options.time_limit) {
  const int input = open_input(options);
  out_ = make_unnamed_file("stdout");
  err_ = make_unnamed_file("stderr");

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out_, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err_, STDERR_FILENO);
  if (!options.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  }
  // A signal that the test runner ignores would be ignored by the child too.
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal_number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) {
    sigaddset(&defaults, signal_number);
  }
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  const int group_flag = own_group_ ? POSIX_SPAWN_SETPGROUP : 0;
  posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGDEF | group_flag));

  const std::vector<std::string> environment = merged_environment(options.environment);
  started_ = steady_clock::now();
  const int error = posix_spawnp(&pid_, arguments.at(0).c_str(), &actions, &attributes,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(input);
  if (error != 0) {
    pid_ = -1;
    close(out_);
    close(err_);
    fail(error, "cannot start " + arguments[0]);
  }
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) fail(errno, "pidfd_open");
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)),
      own_group_(other.own_group_),
      started_(other.started_),
      time_limit_(other.time_limit_) {}

Process::~Process() {
  if (pid_ > 0) {
    kill(own_group_ ? -pid_ : pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  for (const int descriptor : {pidfd_, out_, err_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

void Process::send(int signal_number) {
  if (pid_ <= 0) return;
  const pid_t target = own_group_ ? -pid_ : pid_;
  if (kill(target, signal_number) != 0 && errno != ESRCH) fail(errno, "kill");
}

bool Process::ended_within(milliseconds limit) {
  const auto until = steady_clock::now() + limit;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    pollfd waiting{.fd = pidfd_, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) fail(errno, "poll");
  }
}

ProcessResult Process::wait() {
  ProcessResult result;
  const auto used = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_);
  if (!ended_within(std::max(time_limit_ - used, milliseconds(0)))) {
    result.timed_out = true;
    send(SIGKILL);
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) fail(errno, "waitpid");
  }
  pid_ = -1;
  result.seconds = std::chrono::duration<double>(steady_clock::now() - started_).count();
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = read_all(out_);
  result.err = read_all(err_);
  return result;
}

ProcessResult run_process(const std::vector<std::string>& arguments,
                          const ProcessOptions& options) {
  return Process(arguments, options).wait();
}

std::vector<ProcessResult> run_together(
    const std::vector<std::pair<std::vector<std::string>, ProcessOptions>>& commands) {
  std::vector<Process> processes;
  processes.reserve(commands.size());
  for (const auto& [arguments, options] : commands) processes.emplace_back(arguments, options);
  std::vector<ProcessResult> results;
  results.reserve(processes.size());
  for (Process& process : processes) results.push_back(process.wait());
  return results;
}

bool program_exists(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "/usr/bin:/bin" : path;
  rest += ":/usr/sbin:/sbin";
  while (!rest.empty()) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    if (access((rest.substr(0, colon) + "/" + name).c_str(), X_OK) == 0) return true;
    rest.erase(0, colon + 1);
  }
  return false;
}

}  // namespace syncline
