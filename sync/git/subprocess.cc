#include "sync/git/subprocess.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include "journal/base/try.h"

extern char** environ;

namespace syncline {
namespace {

// `git rev-parse --local-env-vars`, and what would make git ask.
constexpr std::array<std::string_view, 17> kDropped = {"GIT_ALTERNATE_OBJECT_DIRECTORIES",
                                                       "GIT_CONFIG",
                                                       "GIT_CONFIG_PARAMETERS",
                                                       "GIT_CONFIG_COUNT",
                                                       "GIT_OBJECT_DIRECTORY",
                                                       "GIT_DIR",
                                                       "GIT_WORK_TREE",
                                                       "GIT_IMPLICIT_WORK_TREE",
                                                       "GIT_GRAFT_FILE",
                                                       "GIT_INDEX_FILE",
                                                       "GIT_NO_REPLACE_OBJECTS",
                                                       "GIT_REPLACE_REF_BASE",
                                                       "GIT_PREFIX",
                                                       "GIT_SHALLOW_FILE",
                                                       "GIT_COMMON_DIR",
                                                       "GIT_INTERNAL_SUPER_PREFIX",
                                                       "GIT_TERMINAL_PROMPT"};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

std::vector<std::string> child_environment(const std::vector<std::string>& added) {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable(*at);
    const std::string_view name = variable.substr(0, variable.find('='));
    const bool replaced = std::ranges::any_of(added, [&](const std::string& one) {
      return one.starts_with(name) && one.size() > name.size() && one[name.size()] == '=';
    });
    if (!replaced && std::ranges::find(kDropped, name) == kDropped.end()) {
      variables.emplace_back(variable);
    }
  }
  variables.emplace_back("GIT_TERMINAL_PROMPT=0");
  variables.insert(variables.end(), added.begin(), added.end());
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Result<pid_t> spawn(std::vector<std::string> arguments, std::vector<std::string> environment,
                    int output_pipe, int error_pipe) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int fault = posix_spawn_file_actions_init(&actions); fault != 0) {
    return errno_error(fault, "posix_spawn_file_actions_init");
  }
  if (const int fault = posix_spawnattr_init(&attributes); fault != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return errno_error(fault, "posix_spawnattr_init");
  }
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  sigaddset(&usual, SIGXFSZ);
  pid_t child = -1;
  int fault = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (fault == 0) fault = posix_spawn_file_actions_adddup2(&actions, output_pipe, 1);
  if (fault == 0) fault = posix_spawn_file_actions_adddup2(&actions, error_pipe, 2);
  if (fault == 0) fault = posix_spawnattr_setsigmask(&attributes, &none);
  if (fault == 0) fault = posix_spawnattr_setsigdefault(&attributes, &usual);
  if (fault == 0) {
    fault = posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  if (fault == 0) {
    fault = posix_spawnp(&child, arguments[0].c_str(), &actions, &attributes,
                         pointers(arguments).data(), pointers(environment).data());
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (fault == ENOENT) {
    return make_error(Code::kUnsupported, fmt::format("there is no program {}", arguments[0]),
                      "install git");
  }
  if (fault != 0) return errno_error(fault, "start " + arguments[0]);
  return child;
}

// One end of what the program says: read as it comes, so that the program never waits for it.
class Said {
 public:
  static Result<Said> open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe2");
    Said said(ends[0], ends[1]);
    if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return errno_error(errno, "fcntl");
    return said;
  }

  int writing() const { return writing_.get(); }
  void begin() { writing_.reset(); }
  int watched() const { return open_ ? reading_.get() : -1; }

  void drain(std::string& text, void (*keep)(std::string& text)) {
    std::array<char, 4096> buffer;
    while (open_) {
      const ssize_t count = ::read(reading_.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      open_ = count > 0;
      if (open_) text.append(buffer.data(), static_cast<size_t>(count));
      keep(text);
    }
  }

 private:
  Said(int reading, int writing) : reading_(reading), writing_(writing) {}
  Descriptor reading_;
  Descriptor writing_;
  bool open_ = true;
};

void keep_end(std::string& text) {
  if (text.size() > kErrorTextBytesMax) text.erase(0, text.size() - kErrorTextBytesMax);
}
void keep_begin(std::string& text) {
  if (text.size() > kOutputBytesMax) text.resize(kOutputBytesMax);
}

int poll_timeout_ms(Clock& clock, Deadline deadline) {
  if (deadline.forever()) return -1;
  const int64_t left_ms = (deadline.monotonic_ns - clock.monotonic_ns()) / 1'000'000 + 1;
  return static_cast<int>(std::clamp<int64_t>(left_ms, 0, 60'000));
}

}  // namespace

Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment, Clock& clock,
                                  Deadline deadline) {
  TRY_ASSIGN(Said errors, Said::open());
  TRY_ASSIGN(Said output, Said::open());
  TRY_ASSIGN(const pid_t child,
             spawn(arguments, child_environment(environment), output.writing(), errors.writing()));
  errors.begin();
  output.begin();
  // By its number: <sys/pidfd.h> of glibc 2.36 declares it as C++.
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (process.get() < 0) {
    // Without it the deadline could not be kept.
    const int fault = errno;
    ::kill(-child, SIGKILL);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return errno_error(fault, "pidfd_open");
  }

  // The child's end is waited for, not the pipes': something it left running may hold them open.
  CommandResult result;
  const auto read_all = [&] {
    errors.drain(result.error_text, keep_end);
    output.drain(result.output, keep_begin);
  };
  bool killed = false;
  while (true) {
    pollfd watched[3] = {
        {process.get(), POLLIN, 0}, {errors.watched(), POLLIN, 0}, {output.watched(), POLLIN, 0}};
    const int ready = ::poll(watched, 3, killed ? -1 : poll_timeout_ms(clock, deadline));
    if (ready < 0 && errno != EINTR) break;
    if (ready > 0) read_all();
    if (ready > 0 && watched[0].revents != 0) break;
    if (!killed && clock.passed(deadline)) {
      ::kill(-child, SIGKILL);
      killed = true;
    }
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno_error(errno, "waitpid");
  }
  read_all();
  if (killed) {
    return make_error(Code::kTimeout, fmt::format("{} took too long and was ended", arguments[0]));
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::vector<std::string> git_command(const std::string& work_tree) {
  return {"git", "-C", work_tree};
}

}  // namespace syncline
