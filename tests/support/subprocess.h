// Runs programs the way a shell would, with their output in hand: for tests that look from outside.
//
// Output goes to unnamed files, not pipes, so a child never blocks on a reader and many children
// need no threads. A child that outlives its time limit is killed and says so (`timed_out`), so a
// hang is a failed test and not a stuck run. Failure to start a program throws: the test machine is
// broken then, not the product.
//
// Not thread-safe; a Process that is destroyed while its child runs kills and reaps it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace syncline {

struct ProcessOptions {
  std::string input;                      // what the child reads from standard input
  std::optional<std::string> input_path;  // or the file it reads it from
  std::string directory;                  // where it runs; empty: here
  std::vector<std::string> environment;   // "NAME=value": added to, or replacing, ours
  std::chrono::milliseconds time_limit{120'000};
  bool own_group = false;  // send() then reaches what the child started, too
};

struct ProcessResult {
  int exit_code = -1;  // -1 when a signal ended it
  int signal = 0;
  bool timed_out = false;
  std::string out;
  std::string err;
  double seconds = 0;

  bool ok() const { return exit_code == 0; }
  // For failure messages: how it ended and what it said.
  std::string describe() const;
};

class Process {
 public:
  // `arguments[0]` is looked for in PATH.
  Process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t pid() const { return pid_; }
  int descriptor() const { return pidfd_; }  // readable once the child has ended, for poll()
  void send(int signal_number);
  // True when the child ends within `limit`; false when it still runs then.
  bool ended_within(std::chrono::milliseconds limit);
  // Waits up to the time limit of the options, then kills.
  ProcessResult wait();

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool own_group_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::milliseconds time_limit_{};
};

ProcessResult run_process(const std::vector<std::string>& arguments,
                          const ProcessOptions& options = {});

// Starts all, then waits for all: as many at once as there are command lines.
std::vector<ProcessResult> run_together(
    const std::vector<std::pair<std::vector<std::string>, ProcessOptions>>& commands);

// Whether `name` is an executable in PATH.
bool program_exists(const std::string& name);

}  // namespace syncline
