// What /proc tells of processes. One may end while it is looked at: then there is nothing to tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace syncline {

// What can be read of the file; nothing where it is not there.
std::string content_of_process_file(const std::string& path);

struct ProcessStat {
  std::string name;           // without its directory, cut after 15 bytes
  std::string state;          // "R", "S", "T" where it is stopped, …
  int64_t started_ticks = 0;  // since the system's start; 0 where it is not told
};
// Of a process by its number.
std::optional<ProcessStat> process_stat(const std::string& id);

}  // namespace syncline
