#include "tools/bench_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/base/assert.h"
#include "tools/console.h"

namespace syncline {

namespace {

// A flush that is over sooner has not waited for a disk.
constexpr double kDiskFlushesMax = 50'000;

std::string duration(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string meaning(const BenchReport& report) {
  const auto each = [&](const char* name) { return duration(1 / report.median(name)); };
  const auto million = [&](const char* name) { return duration(1e6 / report.median(name)); };
  const double disk = report.median(kBenchDisk);
  std::string text = fmt::format(
      "A flush takes {} here. A caller that waits for each record waits {} ({:.0f} % of what the\n"
      "disk allows); sixteen at once share flushes, and record {:.1f} times as many.\n",
      each(kBenchDisk), each(kBenchOneCaller), 100 * report.median(kBenchOneCaller) / disk,
      report.median(kBenchManyCallers) / report.median(kBenchOneCaller));
  text += fmt::format(
      "A million records of this size are durable after {}, in rows and files after {}, and in "
      "git,\n"
      "on the branch too, after {}. A `syncline record` of its own takes a process: {} each.\n",
      million(kBenchJournaled), million(kBenchApplied), million(kBenchCommitted),
      each(kBenchOneShot));
  if (disk > kDiskFlushesMax) {
    text +=
        "No disk flushes that fast: what is recorded on this file system does not outlive a power "
        "cut.\n";
  }
  return text;
}

}  // namespace

double BenchFigure::median() const {
  std::vector<double> sorted = rates;
  std::ranges::sort(sorted);
  const size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double BenchFigure::least() const {
  return std::ranges::min(rates);
}

double BenchFigure::most() const {
  return std::ranges::max(rates);
}

double BenchReport::median(const std::string& name) const {
  const auto found = std::ranges::find(figures, name, &BenchFigure::name);
  SYNCLINE_ASSERT(found != figures.end());
  return found->median();
}

std::string bench_table(const BenchReport& report) {
  std::string text = fmt::format(
      "in {}: records of {} bytes; median, least and most of {} rounds, {:.0f} s in all\n\n",
      printable(report.directory), report.record_bytes, report.rounds, report.seconds);
  for (const BenchFigure& figure : report.figures) {
    text += fmt::format("{:<52} {:>9.0f} {:>9.0f} {:>9.0f}  {}/s\n", figure.label, figure.median(),
                        figure.least(), figure.most(), figure.unit);
  }
  return text + "\n" + meaning(report);
}

}  // namespace syncline
