#include "tools/bench_report.h"

#include <fmt/format.h>

#include "tools/console.h"

namespace syncline {

std::string bench_table(const BenchReport& report) {
  std::string text =
      fmt::format("in {}: records of {} bytes, {} a run, medians of {} runs\n\n",
                  printable(report.directory), report.record_bytes, report.records, report.runs);
  const auto line = [&](const char* name, double rate, const char* unit) {
    text += fmt::format("{:<44} {:>12.0f} {}\n", name, rate, unit);
  };
  line("this disk: 4 KiB write + fdatasync", report.disk_flushes, "flushes/s");
  line("one record at a time, journaled", report.one_by_one, "records/s");
  line("a stream of records, journaled", report.journaled, "records/s");
  line("a stream of records, applied (row and file)", report.applied, "records/s");
  line("a stream of records, committed and published", report.committed, "records/s");
  text +=
      "\nOne record at a time is bound by the disk's flush; a stream shares flushes and is bound "
      "by\n"
      "rows, files and git objects. A one-shot `syncline record` adds the start of a process.\n";
  return text;
}

}  // namespace syncline
