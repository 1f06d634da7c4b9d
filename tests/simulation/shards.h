// Work spread over processes made by fork: SQLite's global state and a crash of the program under
// test stay each shard's own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "journal/base/assert.h"

namespace syncline::simulation {

struct ShardResult {
  std::string text;
  bool ended_well = false;
};

// Runs `work(shard)` for 0…count-1, each in a process of its own, and answers what each of them
// returned; one that died says what it had begun with on stderr.
inline std::vector<ShardResult> run_in_shards(
    unsigned count, const std::function<std::string(unsigned shard)>& work) {
  std::fflush(stdout);
  std::fflush(stderr);
  std::vector<pid_t> children;
  std::vector<int> pipes;
  for (unsigned shard = 0; shard < count; ++shard) {
    int ends[2];
    SYNCLINE_ASSERT(pipe(ends) == 0);
    const pid_t child = fork();
    SYNCLINE_ASSERT(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      const std::string text = work(shard);
      for (size_t at = 0; at < text.size();) {
        const ssize_t written = ::write(ends[1], text.data() + at, text.size() - at);
        if (written <= 0) _exit(3);
        at += static_cast<size_t>(written);
      }
      _exit(0);
    }
    ::close(ends[1]);
    children.push_back(child);
    pipes.push_back(ends[0]);
  }
  std::vector<ShardResult> results(count);
  std::vector<std::thread> readers;
  for (unsigned shard = 0; shard < count; ++shard) {
    readers.emplace_back([&, shard] {
      char buffer[65536];
      for (ssize_t got = 0; (got = ::read(pipes[shard], buffer, sizeof buffer)) > 0;) {
        results[shard].text.append(buffer, static_cast<size_t>(got));
      }
      ::close(pipes[shard]);
    });
  }
  for (unsigned shard = 0; shard < count; ++shard) {
    readers[shard].join();
    int status = 0;
    SYNCLINE_ASSERT(waitpid(children[shard], &status, 0) == children[shard]);
    results[shard].ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  return results;
}

inline uint64_t environment_number(const char* name, uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr || *given == '\0' ? otherwise : std::strtoull(given, nullptr, 0);
}
// SYNCLINE_SIM_SCALE: a factor, 0.1 or 10.
inline double scale() {
  const char* given = std::getenv("SYNCLINE_SIM_SCALE");
  const double factor = given == nullptr ? 1.0 : std::strtod(given, nullptr);
  return factor > 0 ? factor : 1.0;
}
inline unsigned shard_count() {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  return static_cast<unsigned>(environment_number("SYNCLINE_SIM_SHARDS", cores));
}

}  // namespace syncline::simulation
