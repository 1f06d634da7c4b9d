// spawn --at-once N --total M [--first F] -- COMMAND…
//
// Starts N processes, waits for all of them, and again until M have run. A `{}` in the command is
// the number of the call. Adds rate (calls a second), milliseconds of CPU and page faults of a
// call, the most memory that one had resident (this program's own, if that is more), and how many
// did not exit with 0. Standard output and error of the calls are dropped.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/limit.h"

namespace syncline {
namespace {

class Spawner {
 public:
  Spawner() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ~Spawner() { posix_spawn_file_actions_destroy(&actions_); }
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  pid_t start(std::vector<std::string> command, uint64_t number) {
    std::vector<char*> words;
    for (std::string& word : command) {
      const size_t at = word.find("{}");
      if (at != std::string::npos) word.replace(at, 2, std::to_string(number));
      words.push_back(word.data());
    }
    words.push_back(nullptr);
    pid_t child = -1;
    if (posix_spawnp(&child, words[0], &actions_, nullptr, words.data(), environ) != 0) {
      stop_benchmark("cannot start " + command[0]);
    }
    return child;
  }

 private:
  posix_spawn_file_actions_t actions_{};
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void limit_spawn(const Arguments& arguments, Report& report) {
  const uint64_t at_once = arguments.number("at-once", 50);
  const uint64_t total = arguments.number("total", 50);
  uint64_t number = arguments.number("first", 0);
  require(!arguments.rest().empty() && at_once > 0 && total > 0, "spawn needs a command");
  Spawner spawner;
  uint64_t failures = 0;
  const int64_t start_ns = now_ns();
  for (uint64_t done = 0; done < total;) {
    std::vector<pid_t> children;
    for (; children.size() < at_once && done < total; ++done) {
      children.push_back(spawner.start(arguments.rest(), number++));
    }
    for (const pid_t child : children) {
      int status = 0;
      require(waitpid(child, &status, 0) == child, "waitpid");
      if (status != 0) ++failures;
    }
  }
  const double seconds = seconds_since(start_ns);
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  const double calls = static_cast<double>(total);
  report.add("rate", calls / seconds);
  report.add("seconds", seconds);
  report.add("cpu_ms", (seconds_of(used.ru_utime) + seconds_of(used.ru_stime)) * 1e3 / calls);
  report.add("page_faults", static_cast<double>(used.ru_minflt + used.ru_majflt) / calls);
  report.add("resident_mib", static_cast<double>(used.ru_maxrss) / 1024);
  report.add("failures", static_cast<double>(failures));
}

}  // namespace syncline
