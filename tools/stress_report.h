// The result of `syncline stress` and its table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncline {

// One level: so many processes at once, over all rounds.
struct StressLevel {
  uint64_t processes = 0;
  uint64_t calls = 0;
  uint64_t exit_zero = 0;
  uint64_t rows = 0;           // rows that appeared in the kinds' tables
  uint64_t files = 0;          // calls whose text is in the file their receipt names
  uint64_t duplicate_ids = 0;  // receipts that repeat a (table, id)
  uint64_t id_zero = 0;        // receipts with id 0
  uint64_t lost = 0;           // exit 0, but no row or no file
  double seconds = 0;          // wall time of the calls
  uint64_t flushes = 0;
  uint64_t commits = 0;  // on the store's own ref, its share of the final fold included
  std::vector<std::string> failures;  // the output of the first few calls that did not exit 0
};

struct StressReport {
  std::string store;
  std::string profile;
  uint64_t rounds = 0;
  std::vector<StressLevel> levels;
  uint64_t findings = 0;  // of verify, afterwards
  std::vector<std::string> finding_lines;
  std::string stopped;  // why not all levels ran; empty when they did

  // Every call that exited 0 is there once, with its own id, and verify found nothing.
  bool nothing_lost() const;
};

StressLevel sum_levels(const std::vector<StressLevel>& levels);
std::string stress_table(const StressReport& report);

}  // namespace syncline
