// Starts programs and waits for them, for `stress`: real processes, as callers start them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "journal/record/outcome.h"
#include "syncline/result.h"

namespace syncline {

// A running child whose standard output and error go to one anonymous file. The destructor does not
// wait: wait for every child that was started.
class ChildProcess {
 public:
  // `arguments[0]` is the program's name; `program` the file. Standard input is empty.
  static Result<ChildProcess> start(const std::string& program,
                                    const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;

  struct Outcome {
    int exit_code = -1;  // 128 + signal where a signal ended it
    std::string output;
  };
  Result<Outcome> wait();

 private:
  ChildProcess(pid_t pid, int output) : pid_(pid), output_(output) {}
  pid_t pid_;
  int output_;
};

// The file this program was started from.
inline constexpr const char* kOwnProgram = "/proc/self/exe";
// Its path, for others to start it by; the name alone where the file is gone.
std::string own_program_path();

}  // namespace syncline
