// Runs a program without a shell, with a deadline, keeping what it says on stdout and stderr.
//
// The program gets a session of its own: it has no terminal to ask questions on, and one signal
// ends it together with everything it started. stdin is /dev/null. Git's variables that would point
// it at another repository are removed from its environment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "journal/base/clock.h"
#include "syncline/result.h"

namespace syncline {

struct CommandResult {
  int exit_code = 0;       // 128 + signal where one ended it
  std::string error_text;  // the end of what it wrote to stderr, at most kErrorTextBytesMax
  std::string output;      // the begin of what it wrote to stdout, at most kOutputBytesMax
};
inline constexpr size_t kErrorTextBytesMax = 8192;
inline constexpr size_t kOutputBytesMax = 4u << 20;

// `environment`: "NAME=value" to be added. kTimeout: the deadline passed, everything was killed.
// kUnsupported: there is no such program.
Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment, Clock& clock,
                                  Deadline deadline);

// The arguments that come before a git command run on this work tree. Git decides whether it may
// run there: another user's repository can hold hooks and settings that run programs, so git's
// safe.directory is never overridden.
std::vector<std::string> git_command(const std::string& work_tree);

}  // namespace syncline
