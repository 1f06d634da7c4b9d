// The result of `syncline stress` and its table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace syncline {

// Of the calls of a level that did not exit 0.
inline constexpr size_t kFailuresShown = 5;

// One level: so many processes at once, over all rounds.
struct StressLevel {
  uint64_t processes = 0;
  uint64_t calls = 0;
  uint64_t exit_zero = 0;
  uint64_t rows = 0;           // rows that appeared in the kinds' tables
  uint64_t files = 0;          // calls whose text is in the file their receipt names
  uint64_t duplicate_ids = 0;  // receipts that repeat a (table, id)
  uint64_t id_zero = 0;        // receipts with id 0
  uint64_t lost = 0;           // a silent failure: exit 0, but no row or no file
  double seconds = 0;          // wall time of the calls
  uint64_t flushes = 0;
  uint64_t commits = 0;         // on the store's own ref, its share of the final fold included
  uint64_t retries = 0;         // of all causes, wherever they happened
  uint64_t git_lock_waits = 0;  // those of them for which a lock of git's was held
  uint64_t reads = 0;           // calls that read while the others wrote
  uint64_t reads_failed = 0;
  std::vector<std::string> failures;  // the output of the first few calls that did not exit 0
};

// What a script did that writes file, row and commit one after another, beside ours. `rows`,
// `files` and `commits` are what was there afterwards; ids, flushes, retries and reads are not
// known of it.
struct OldWayReport {
  std::string script;
  StressLevel sequential;
  std::vector<StressLevel> levels;
  uint64_t orphans = 0;  // files without row, rows without file, either without commit
};

struct StressReport {
  std::string store;
  std::string profile;
  uint64_t rounds = 0;
  StressLevel sequential;           // one call after another, before the levels
  std::vector<StressLevel> levels;  // so many calls at once
  uint64_t findings = 0;            // of verify, afterwards
  uint64_t orphans = 0;             // those of them that are an effect or a record alone
  std::vector<std::string> finding_lines;
  std::string stopped;  // why not all levels ran; empty when they did

  std::optional<OldWayReport> against;

  // Every call that exited 0 is there once, with its own id, and verify found nothing.
  bool nothing_lost() const;
};

StressLevel sum_levels(const std::vector<StressLevel>& levels);
std::string stress_table(const StressReport& report);

}  // namespace syncline
