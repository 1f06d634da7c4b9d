// The calls of `syncline stress`: processes that record at once, beside others that read, and what
// became of each claim. A call's answer is believed only if the row is in the table and its text is
// in the file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/sqlite/database.h"
#include "syncline/store.h"
#include "tools/child_process.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/session.h"
#include "tools/stress_calls.h"
#include "tools/stress_report.h"

namespace syncline {

// How many calls, one after another, are compared with those at once.
inline constexpr uint64_t kSequentialCalls = 20;

class StressRuns {
 public:
  StressRuns(const Session& session, std::string root, uint64_t rounds)
      : session_(session), root_(std::move(root)), rounds_(rounds) {}

  // One call after another first, then each level; then the store is verified.
  Result<StressReport> run(const std::vector<uint64_t>& levels);

 private:
  // Of all processes that have had the store open.
  struct Counters {
    uint64_t flushes = 0;
    uint64_t commits = 0;
    uint64_t retries = 0;
    uint64_t git_lock_waits = 0;
  };
  // Receipts as their calls printed them, until their rows and files have been looked for.
  struct Claim {
    ChildAnswer answer;
    std::string token;
  };

  Status learn_store();
  // `rounds` times so many calls at once.
  Result<StressLevel> run_level(uint64_t processes, uint64_t rounds, bool readers,
                                Progress& progress, Deadline deadline);
  Status run_round(StressLevel& level, bool readers);
  void note_outcome(StressLevel& level, const StressCall& call,
                    const ChildProcess::Outcome& outcome);
  Status check_claims(StressLevel& level);
  std::string read_work_file(const std::string& path) const;
  Result<std::unique_ptr<Database>> open_database() const;
  Result<bool> row_exists(Database& database, const ChildAnswer& answer) const;
  Result<uint64_t> count_rows() const;
  Result<Counters> counters() const;
  Status fold() const;
  Status check_store();

  const Session& session_;
  std::string root_;
  uint64_t rounds_;
  Config config_;
  std::string run_;
  uint64_t next_call_ = 0, calls_done_ = 0, calls_total_ = 0;
  std::vector<Claim> claims_;
  std::set<std::pair<std::string, uint64_t>> ids_;
  StressReport report_;
};

}  // namespace syncline
