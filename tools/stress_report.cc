#include "tools/stress_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/console.h"

namespace syncline {
namespace {

double rate_of(const StressLevel& level) {
  return level.seconds > 0 ? static_cast<double>(level.calls) / level.seconds : 0;
}

std::string table_line(const std::string& name, const StressLevel& level) {
  return fmt::format(
      "{:>10} {:>6} {:>7} {:>6} {:>6} {:>8} {:>5} {:>5} {:>8.2f} {:>8.1f} {:>8} {:>8} {:>8} {:>9} "
      "{:>6} {:>12}\n",
      name, level.calls, level.exit_zero, level.rows, level.files, level.duplicate_ids,
      level.id_zero, level.lost, level.seconds, rate_of(level), level.flushes, level.commits,
      level.retries, level.git_lock_waits, level.reads, level.reads_failed);
}

std::string old_way_line(const std::string& name, const StressLevel& ours, const StressLevel& old) {
  return fmt::format("{:>10} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8.1f} {:>8} {:>8.1f}\n", name,
                     old.calls, old.exit_zero, old.rows, old.files, old.commits, old.lost,
                     rate_of(old), ours.lost, rate_of(ours));
}

std::string old_way_table(const StressReport& report) {
  const OldWayReport& old = *report.against;
  std::string text = fmt::format(
      "\nagainst {}: a file, a row and a commit, one after another\n"
      "{:>10} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
      printable(old.script), "processes", "calls", "exit 0", "rows", "files", "commits", "silent",
      "calls/s", "ours", "calls/s");
  text += old_way_line("one by one", report.sequential, old.sequential);
  for (size_t i = 0; i < old.levels.size() && i < report.levels.size(); ++i) {
    text += old_way_line(std::to_string(old.levels[i].processes), report.levels[i], old.levels[i]);
  }
  text += old_way_line("all", sum_levels(report.levels), sum_levels(old.levels));
  text += fmt::format(
      "silent: exit 0, and row, file or commit is missing. orphans: {} there, {} here\n",
      old.orphans, report.orphans);
  return text;
}

}  // namespace

bool StressReport::nothing_lost() const {
  const auto sound = [](const StressLevel& level) {
    return level.lost == 0 && level.duplicate_ids == 0 && level.id_zero == 0;
  };
  return findings == 0 && sound(sequential) && std::ranges::all_of(levels, sound);
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
    sum.retries += level.retries;
    sum.git_lock_waits += level.git_lock_waits;
    sum.reads += level.reads;
    sum.reads_failed += level.reads_failed;
  }
  return sum;
}

std::string stress_table(const StressReport& report) {
  std::string text = fmt::format(
      "{:>10} {:>6} {:>7} {:>6} {:>6} {:>8} {:>5} {:>5} {:>8} {:>8} {:>8} {:>8} {:>8} "
      "{:>9} {:>6} {:>12}\n",
      "processes", "calls", "exit 0", "rows", "files", "same id", "id 0", "lost", "seconds",
      "calls/s", "flushes", "commits", "retries", "git locks", "reads", "reads failed");
  if (report.sequential.calls > 0) text += table_line("one by one", report.sequential);
  for (const StressLevel& level : report.levels) {
    text += table_line(std::to_string(level.processes), level);
  }
  text += table_line("all", sum_levels(report.levels));
  for (const std::string& failure : report.sequential.failures) {
    text += fmt::format("  one by one: {}\n", printable(failure));
  }
  for (const StressLevel& level : report.levels) {
    for (const std::string& failure : level.failures) {
      text += fmt::format("  {} processes: {}\n", level.processes, printable(failure));
    }
  }
  text += report.findings == 0
              ? "verify: journal, rows, files and git agree\n"
              : fmt::format("verify: {} findings, {} orphans\n", report.findings, report.orphans);
  for (const std::string& line : report.finding_lines) {
    text += fmt::format("  {}\n", printable(line));
  }
  if (!report.stopped.empty())
    text += fmt::format("stopped early: {}\n", printable(report.stopped));
  if (report.against) text += old_way_table(report) + "\n";
  text += report.nothing_lost() ? "nothing was lost\n" : "SOMETHING WAS LOST\n";
  return text;
}

}  // namespace syncline
