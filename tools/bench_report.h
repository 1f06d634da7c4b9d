// The result of `syncline bench` and its table.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

// Medians; rates in records a second.
struct BenchReport {
  std::string directory;
  uint64_t runs = 0;
  uint64_t records = 0;       // a run
  uint64_t record_bytes = 0;  // of text in each record
  double disk_flushes = 0;    // 4 KiB written over + fdatasync, one after another: the disk's limit
  double one_by_one = 0;      // each waited for before the next, journaled
  double journaled = 0;       // handed over in a stream
  double applied = 0;
  double committed = 0;  // published too
};

std::string bench_table(const BenchReport& report);

}  // namespace syncline
