// syncline bench [--seconds N]
//
// Measures this disk and what the engine makes of it. Everything is measured once a round, so that
// a disk that is shared disturbs all figures alike; bench/ holds what compares with other programs.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "tools/bench_report.h"
#include "tools/bench_runs.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/scratch_directory.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr uint64_t kRounds = 5;
constexpr uint64_t kSecondsDefault =
    100;  // with what stores take to be made and drained: two minutes
constexpr uint64_t kSecondsMax = uint64_t{24} * 3600;
constexpr int kCallers = 16;
constexpr int kProcesses = 8;

struct Measure {
  BenchFigure figure;
  std::function<Result<double>(double seconds)> run;
};

std::vector<Measure> measures(BenchRuns& runs) {
  const auto stream = [&runs](Stage stage) {
    return [&runs, stage](double seconds) { return runs.stream(stage, seconds); };
  };
  return {
      {{kBenchDisk, "this disk: 4 KiB written over, then flushed", "flushes", {}},
       [&runs](double seconds) { return runs.disk_flushes(seconds); }},
      {{kBenchOneCaller, "one caller that waits until its record is durable", "records", {}},
       [&runs](double seconds) { return runs.callers(1, seconds); }},
      {{kBenchManyCallers, "sixteen such callers at once", "records", {}},
       [&runs](double seconds) { return runs.callers(kCallers, seconds); }},
      {{kBenchJournaled, "a stream of records, until durable", "records", {}},
       stream(Stage::kJournaled)},
      {{kBenchApplied, "a stream, until rows and files are there", "records", {}},
       stream(Stage::kApplied)},
      {{kBenchCommitted, "a stream, until it is in git and on the branch", "records", {}},
       stream(Stage::kCommitted)},
      {{kBenchOneShot, "`syncline record`, eight processes at once", "calls", {}},
       [&runs](double seconds) { return runs.one_shot(kProcesses, seconds); }},
  };
}

// A place to measure in, on the file system in question: beside the store if that is the same file
// system, otherwise in the store; without a store, the current directory.
std::string bench_parent(const std::optional<std::string>& store) {
  if (!store) return ".";
  struct stat inside{}, beside{};
  const std::string parent = *store + "/..";
  const bool same = stat(store->c_str(), &inside) == 0 && stat(parent.c_str(), &beside) == 0 &&
                    inside.st_dev == beside.st_dev && access(parent.c_str(), W_OK) == 0;
  return same ? parent : *store;
}

class BenchVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "bench",
            .usage = "bench [--seconds N]",
            .summary = "measure this disk, and what recording reaches on it, in two minutes",
            .untouched = "the temporary stores are removed"};
  }

  void declare(Options& options) override {
    options.number("--seconds", seconds_, "N", "measure for about this long (default 100)");
  }

  int run(Session& session) override {
    const uint64_t seconds = seconds_.value_or(kSecondsDefault);
    if (seconds == 0 || seconds > kSecondsMax) {
      return session.fail(
          make_error(Code::kInvalid, fmt::format("--seconds is between 1 and {}", kSecondsMax)));
    }
    const auto report =
        measure(session, bench_parent(session.options().store), static_cast<double>(seconds));
    if (!report) return session.fail(report.error(), std::string(info().untouched));
    return session.answer(bench_json(*report), bench_table(*report));
  }

 private:
  static Result<BenchReport> measure(const Session& session, const std::string& parent,
                                     double seconds) {
    TRY_ASSIGN(const ScratchDirectory scratch, ScratchDirectory::make(parent, "syncline-bench-"));
    const Deadline deadline = session.deadline();
    const int64_t started_ns = system_clock().monotonic_ns();
    Progress progress(session.console(), "bench");
    BenchRuns runs(scratch.path());
    std::vector<Measure> all = measures(runs);
    const uint64_t total = kRounds * all.size();
    for (uint64_t done = 0; done < total; ++done) {
      if (system_clock().passed(deadline)) {
        return make_error(
            Code::kTimeout,
            fmt::format("the time limit was reached after {} of {} measurements", done, total));
      }
      Measure& measure = all[done % all.size()];
      TRY_ASSIGN(const double rate, measure.run(seconds / static_cast<double>(total)));
      measure.figure.rates.push_back(rate);
      progress.update(done, done + 1, total);
    }
    std::error_code failed;
    const auto where = std::filesystem::canonical(parent, failed);
    BenchReport report{.directory = failed ? parent : where.string(),
                       .record_bytes = BenchRuns::kBodyBytes,
                       .rounds = kRounds,
                       .figures = {}};
    for (Measure& measure : all) report.figures.push_back(std::move(measure.figure));
    report.seconds = static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
    return report;
  }

  std::optional<uint64_t> seconds_;
};

}  // namespace

std::unique_ptr<Verb> make_bench_verb() {
  return std::make_unique<BenchVerb>();
}

}  // namespace syncline
