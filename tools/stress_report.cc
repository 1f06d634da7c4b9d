#include "tools/stress_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/console.h"

namespace syncline {
namespace {

std::string table_line(const std::string& name, const StressLevel& level) {
  const double rate = level.seconds > 0 ? static_cast<double>(level.calls) / level.seconds : 0;
  return fmt::format(
      "{:>9} {:>6} {:>7} {:>6} {:>6} {:>8} {:>5} {:>5} {:>8.2f} {:>8.1f} {:>8} {:>8}\n", name,
      level.calls, level.exit_zero, level.rows, level.files, level.duplicate_ids, level.id_zero,
      level.lost, level.seconds, rate, level.flushes, level.commits);
}

}  // namespace

bool StressReport::nothing_lost() const {
  return findings == 0 && std::ranges::all_of(levels, [](const StressLevel& level) {
           return level.lost == 0 && level.duplicate_ids == 0 && level.id_zero == 0;
         });
}

StressLevel sum_levels(const std::vector<StressLevel>& levels) {
  StressLevel sum;
  for (const StressLevel& level : levels) {
    sum.calls += level.calls;
    sum.exit_zero += level.exit_zero;
    sum.rows += level.rows;
    sum.files += level.files;
    sum.duplicate_ids += level.duplicate_ids;
    sum.id_zero += level.id_zero;
    sum.lost += level.lost;
    sum.seconds += level.seconds;
    sum.flushes += level.flushes;
    sum.commits += level.commits;
  }
  return sum;
}

std::string stress_table(const StressReport& report) {
  std::string text =
      fmt::format("{:>9} {:>6} {:>7} {:>6} {:>6} {:>8} {:>5} {:>5} {:>8} {:>8} {:>8} {:>8}\n",
                  "processes", "calls", "exit 0", "rows", "files", "same id", "id 0", "lost",
                  "seconds", "calls/s", "flushes", "commits");
  for (const StressLevel& level : report.levels) {
    text += table_line(std::to_string(level.processes), level);
  }
  text += table_line("all", sum_levels(report.levels));
  for (const StressLevel& level : report.levels) {
    for (const std::string& failure : level.failures) {
      text += fmt::format("  {} processes: {}\n", level.processes, printable(failure));
    }
  }
  text += report.findings == 0 ? "verify: journal, rows, files and git agree\n"
                               : fmt::format("verify: {} findings\n", report.findings);
  for (const std::string& line : report.finding_lines) {
    text += fmt::format("  {}\n", printable(line));
  }
  if (!report.stopped.empty())
    text += fmt::format("stopped early: {}\n", printable(report.stopped));
  text += report.nothing_lost() ? "nothing was lost\n" : "SOMETHING WAS LOST\n";
  return text;
}

}  // namespace syncline
