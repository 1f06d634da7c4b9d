// `syncline stress --against SCRIPT`: the way of old beside ours, in the same run.
//
//   SCRIPT DIRECTORY NUMBER    writes records/record_NUMBER.md, a row of records/index.db (table
//                              learnings, its filepath the file's path) and a commit of the file
//
// DIRECTORY is a git work tree with the defaults of git and SQLite. The script is believed only if
// file, row and commit are there. bench/old_way is such a script.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "syncline/result.h"
#include "tools/scratch_directory.h"
#include "tools/stress_report.h"

namespace syncline {

class OldWay {
 public:
  explicit OldWay(std::string script) { report_.script = std::move(script); }

  // `sequential` calls one after another, then so many at once, `rounds` times for each level.
  Result<OldWayReport> run(uint64_t sequential, const std::vector<uint64_t>& levels,
                           uint64_t rounds);

 private:
  Status prepare();
  Result<StressLevel> run_level(uint64_t processes, uint64_t rounds);
  // What is there of the calls from `first` on; `exited_zero` are those that said so.
  Status look(uint64_t first, const std::vector<uint64_t>& exited_zero, StressLevel& level);
  Result<std::string> git(const std::vector<std::string>& arguments) const;
  Result<uint64_t> commits() const;

  OldWayReport report_;
  std::optional<ScratchDirectory> directory_;
  uint64_t next_call_ = 1;
};

}  // namespace syncline
