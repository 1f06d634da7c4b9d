// Every call of every workload fails, by every error, once and for good: see fault_sweep.h.
//
//   fault_sweep                      half of them, drawn, and every place in the program
//   SYNCLINE_SIM_SCALE=2 …           all of them; 0.2: a tenth
//   SYNCLINE_FAULT_CASE=killed:fold [SYNCLINE_FAULT=17] …   that case, that fault
//   SYNCLINE_FAULT_SITES=1 …         lists the places that were met
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

#include "tests/simulation/fault_sweep.h"
#include "tests/simulation/shards.h"

namespace syncline::simulation {
namespace {

constexpr size_t kFailuresShown = 12;
// All faults are tried from this scale on.
constexpr double kScaleOfAll = 2;

void put(std::string& text, const std::map<std::string, uint64_t>& counts) {
  text += std::to_string(counts.size()) + "\n";
  for (const auto& [site, count] : counts) text += fmt::format("{} {}\n", count, site);
}
std::map<std::string, uint64_t> take(std::istream& in) {
  std::map<std::string, uint64_t> counts;
  size_t lines = 0;
  in >> lines;
  for (size_t i = 0; i < lines; ++i) {
    uint64_t count = 0;
    std::string site;
    in >> count;
    std::getline(in >> std::ws, site);
    counts[site] = count;
  }
  return counts;
}

std::string encode(const SweepReport& report) {
  std::string text =
      fmt::format("{} {} {} {}\n", report.faults, report.answered, report.lost, report.doubled);
  put(text, report.sites_met);
  put(text, report.sites_failed_once);
  put(text, report.sites_failed_sticky);
  for (const std::string& failure : report.failures) text += failure + "\f";
  return text;
}
SweepReport decode(const std::string& text) {
  SweepReport report;
  std::istringstream in(text);
  in >> report.faults >> report.answered >> report.lost >> report.doubled;
  report.sites_met = take(in);
  report.sites_failed_once = take(in);
  report.sites_failed_sticky = take(in);
  in >> std::ws;
  for (std::string failure; std::getline(in, failure, '\f');) report.failures.push_back(failure);
  return report;
}

std::string replay_command(const std::string& program, const std::string& failure) {
  // "case A fault N (…": see FaultSweep::try_fault.
  std::istringstream in(failure);
  std::string word, each, fault;
  in >> word >> each >> word >> fault;
  return fmt::format("SYNCLINE_FAULT_CASE={} SYNCLINE_FAULT={} {}", each, fault, program);
}

int run(const char* program) {
  using Clock = std::chrono::steady_clock;
  SweepOptions options;
  options.one_in = static_cast<uint64_t>(std::max(1.0, std::round(kScaleOfAll / scale())));
  if (const uint64_t only = environment_number("SYNCLINE_FAULT", 0); only != 0) options.only = only;
  std::vector<SweepCase> cases = all_cases();
  const char* wanted = std::getenv("SYNCLINE_FAULT_CASE");
  if (wanted != nullptr) {
    std::erase_if(cases, [&](const SweepCase& each) { return describe(each) != wanted; });
  }
  if (cases.empty()) {
    fmt::print(stderr, "there is no case {}\n", wanted);
    return 64;
  }
  const unsigned shards = std::min<unsigned>(shard_count(), static_cast<unsigned>(cases.size()));
  const auto begin = Clock::now();
  const auto results = run_in_shards(shards, [&](unsigned shard) {
    FaultSweep sweep(options);
    for (size_t i = shard; i < cases.size(); i += shards) sweep.run(cases[i]);
    return encode(sweep.report());
  });
  SweepReport total;
  bool good = true;
  for (const ShardResult& result : results) {
    total.add(decode(result.text));
    good = good && result.ended_well;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (size_t i = 0; i < total.failures.size() && i < kFailuresShown; ++i) {
    fmt::print("FAILED {}\n  again: {}\n", total.failures[i],
               replay_command(program, total.failures[i]));
  }
  if (environment_number("SYNCLINE_FAULT_SITES", 0) != 0) {
    for (const auto& [site, count] : total.sites_met) fmt::print("{:8} {}\n", count, site);
  }
  fmt::print(
      "fault sweep: {} cases, {} faults ({} answered by an error), call sites failed {} of {} "
      "once, "
      "{} of {} sticky, {:.0f} s; failing {}, lost {}, doubled {}\n",
      cases.size(), total.faults, total.answered, total.sites_failed_once.size(),
      total.sites_met.size(), total.sites_failed_sticky.size(), total.sites_met.size(), seconds,
      total.failures.size(), total.lost, total.doubled);
  if (!good) fmt::print("FAILED: a shard died\n");
  return good && total.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace syncline::simulation

int main(int /*count*/, char** arguments) {
  return syncline::simulation::run(arguments[0]);
}
