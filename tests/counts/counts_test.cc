// What a record costs at each stage, in counts that other work on the machine hardly changes:
// system calls, flushes, bytes written, allocations, instructions. The bounds stand about a fifth
// above what was counted when they were set, so that a step back is seen without a timing; those of
// instructions half above, for on a busy machine a fifth more of them were counted. Who makes
// something cheaper lowers its bound; who makes it dearer says why beside it.
//
// A count of a stage is the difference between two runs of different lengths, so that opening the
// store and loading libraries do not count, less what the stage before it takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "tests/support/subprocess.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

constexpr uint64_t kFew = 500, kMany = 2000;
constexpr std::array<const char*, 3> kStages = {"journaled", "applied", "committed"};

// Of one run; then, of one record.
struct Counts {
  double system_calls = 0;
  double flushes = 0;
  double written_bytes = 0;
  double allocations = 0;
  double instructions = 0;
};

Counts combine(const Counts& a, const Counts& b, double (*by)(double, double)) {
  return {by(a.system_calls, b.system_calls), by(a.flushes, b.flushes),
          by(a.written_bytes, b.written_bytes), by(a.allocations, b.allocations),
          by(a.instructions, b.instructions)};
}

// Lines like "PID name(arguments) = result".
void count_calls(const std::string& trace, Counts& counts) {
  std::ifstream file(trace);
  for (std::string line; std::getline(file, line);) {
    const size_t open = line.find('('), result = line.rfind(" = ");
    if (open == std::string::npos || result == std::string::npos) continue;
    const size_t begin = line.find_last_of(" ", open) + 1;
    const std::string name = line.substr(begin, open - begin);
    ++counts.system_calls;
    if (name == "fdatasync" || name == "fsync" || name == "syncfs") ++counts.flushes;
    if (name == "write" || name == "pwrite64" || name == "writev" || name == "pwritev") {
      counts.written_bytes += std::max(0.0, std::strtod(line.c_str() + result + 3, nullptr));
    }
  }
}

// "==PID== Collected : N"
double collected(const std::string& report) {
  const std::string_view label = "Collected : ";
  const size_t at = report.find(label);
  EXPECT_NE(at, std::string::npos) << report;
  if (at == std::string::npos) return 0;
  return std::strtod(report.c_str() + at + label.size(), nullptr);
}

class StageCounts : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    Counts before;
    for (const char* stage : kStages) {
      const Counts few = run(kFew, stage), many = run(kMany, stage);
      const Counts through = combine(many, few, [](double of_many, double of_few) {
        return (of_many - of_few) / static_cast<double>(kMany - kFew);
      });
      of_record_[stage] =
          combine(through, before, [](double with, double without) { return with - without; });
      before = through;
    }
  }

  // Each bound is the count of one record; below a tenth of it, the count itself is broken.
  static void expect_within(const char* stage, const Counts& bounds) {
    const Counts& counts = of_record_[stage];
    const auto expect = [stage](const char* what, double count, double bound) {
      RecordProperty(std::string(stage) + "_" + what, std::to_string(count));
      EXPECT_LE(count, bound) << what << " of a record, until it is " << stage;
      EXPECT_GE(count, bound / 10) << what << " of a record, until it is " << stage;
    };
    expect("system_calls", counts.system_calls, bounds.system_calls);
    expect("flushes", counts.flushes, bounds.flushes);
    expect("written_bytes", counts.written_bytes, bounds.written_bytes);
    expect("allocations", counts.allocations, bounds.allocations);
    expect("instructions", counts.instructions, bounds.instructions);
    std::printf(
        "[  counts  ] %s: %.3f system calls, %.4f flushes, %.0f bytes written, "
        "%.1f allocations, %.0f instructions a record\n",
        stage, counts.system_calls, counts.flushes, counts.written_bytes, counts.allocations,
        counts.instructions);
  }

 private:
  static ProcessResult run_under(const std::vector<std::string>& tool, const std::string& store,
                                 uint64_t records, const char* stage) {
    const char* const program = std::getenv("SYNCLINE_STAGE_COUNTS");
    std::vector<std::string> command = tool;
    command.insert(command.end(), {program != nullptr ? program : "stage_counts", store,
                                   std::to_string(records), stage});
    ProcessResult result = run_process(command);
    EXPECT_TRUE(result.ok()) << result.describe();
    return result;
  }

  static Counts run(uint64_t records, const char* stage) {
    const TemporaryDirectory directory;
    const std::string trace = (directory / "trace").string();
    Counts counts;
    const ProcessResult traced =
        run_under({"strace", "-f", "-o", trace}, (directory / "traced").string(), records, stage);
    count_calls(trace, counts);
    counts.allocations = std::strtod(traced.out.c_str(), nullptr);
    const ProcessResult counted =
        run_under({"valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"},
                  (directory / "counted").string(), records, stage);
    counts.instructions = collected(counted.err);
    return counts;
  }

  static inline std::map<std::string, Counts> of_record_;
};

TEST_F(StageCounts, Append) {
  expect_within("journaled",
                {.system_calls = 0.1,
                 .flushes = 0.0025,
                 .written_bytes = 5700,  // twice what is framed: segments are zeroed ahead
                 .allocations = 42,
                 .instructions = 120'000});
}

// One row, one file, one key.
TEST_F(StageCounts, Apply) {
  expect_within("applied", {.system_calls = 5.5,
                            .flushes = 0.005,
                            .written_bytes = 4900,
                            .allocations = 36,
                            .instructions = 105'000});
}

// Folded, and published: the branch's index too.
TEST_F(StageCounts, Fold) {
  expect_within("committed", {.system_calls = 10,
                              .flushes = 0.007,
                              .written_bytes = 950,
                              .allocations = 36,
                              .instructions = 260'000});
}

}  // namespace
}  // namespace syncline
