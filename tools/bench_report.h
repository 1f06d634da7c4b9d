// The result of `syncline bench`: what this disk and this engine reach, and what it means.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncline {

// One thing that was measured, once in every round.
struct BenchFigure {
  std::string name;   // as in the JSON answer
  std::string label;  // as in the table
  std::string unit;   // what is counted, a second
  std::vector<double> rates;

  double median() const;
  double least() const;
  double most() const;
};

struct BenchReport {
  std::string directory;
  uint64_t record_bytes = 0;  // of text in each record
  uint64_t rounds = 0;
  double seconds = 0;  // that all of it took
  std::vector<BenchFigure> figures;

  double median(const std::string& name) const;
};

// The names of what the sentences under the table speak of.
inline constexpr const char* kBenchDisk = "disk_flushes";
inline constexpr const char* kBenchOneCaller = "one_caller_journaled";
inline constexpr const char* kBenchManyCallers = "many_callers_journaled";
inline constexpr const char* kBenchJournaled = "stream_journaled";
inline constexpr const char* kBenchApplied = "stream_applied";
inline constexpr const char* kBenchCommitted = "stream_committed";
inline constexpr const char* kBenchOneShot = "one_shot_applied";

// The table, and what the figures mean for who records here.
std::string bench_table(const BenchReport& report);

}  // namespace syncline
