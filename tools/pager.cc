#include "tools/pager.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace syncline {
namespace {

std::string pager_command() {
  for (const char* name : {"SYNCLINE_PAGER", "PAGER"}) {
    if (const char* const command = std::getenv(name)) return command;
  }
  return "less";
}

}  // namespace

Pager::Pager(const Console& console) : out_(console.out) {
  const int descriptor = fileno(out_);
  if (isatty(descriptor) != 1) return;
  const std::string command = pager_command();
  if (command.empty() || command == "cat") return;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  std::fflush(out_);
  terminal_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  pid_ = terminal_ < 0 ? -1 : fork();
  if (pid_ == 0) {
    dup2(ends[0], STDIN_FILENO);
    setenv("LESS", "FRX", /*overwrite=*/0);
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  if (pid_ > 0) dup2(ends[1], descriptor);
  close(ends[0]);
  close(ends[1]);
}

Pager::~Pager() {
  if (pid_ <= 0) return;
  std::fflush(out_);
  dup2(terminal_, fileno(out_));  // the last end of the pipe: the pager has all of it
  close(terminal_);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace syncline
