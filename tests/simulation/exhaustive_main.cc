// Workloads of 1 to 3 steps (all of one and two, an 18th of those of three), a crash at every
// operation, and what a crash may leave: see explorer.h.
//
//   exhaustive                      the default: about N states
//   SYNCLINE_SIM_SCALE=18 …         all workloads of three steps; beyond it, as many times more
//                                   subsets of each crash point; below 1, as much less of three
//   SYNCLINE_SIM_SECONDS=240 …      stops when that much time has passed, at a workload's end
//   SYNCLINE_SIM_SEED=7 …           other workloads of three, subsets and second crashes
//   SYNCLINE_SIM_LENGTH=2 …         no longer workloads
//   SYNCLINE_SIM_STOP=1 …           each shard ends with its first failing workload
//   SYNCLINE_SIM_WORKLOAD=create+fold [SYNCLINE_SIM_STATE=17] …     that workload, that state
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "tests/simulation/explorer.h"
#include "tests/simulation/shards.h"

namespace syncline::simulation {
namespace {

constexpr size_t kStepsMax = 3;
constexpr size_t kFailuresShown = 12;
constexpr uint64_t kSubsets = 3;
// All of three steps are run from this scale on.
constexpr double kScaleOfAll = 18;

uint64_t* const* counters_of(ExplorerReport& report) {
  static thread_local uint64_t* counters[11];
  counters[0] = &report.workloads;
  counters[1] = &report.crash_points;
  counters[2] = &report.states;
  counters[3] = &report.second_crashes;
  counters[4] = &report.verified;
  counters[5] = &report.replayed;
  counters[6] = &report.exhausted_points;
  counters[7] = &report.lost;
  counters[8] = &report.doubled;
  counters[9] = &report.other_faults;
  counters[10] = nullptr;
  return counters;
}

// Numbers on the first line, then the failures, each ended by a form feed.
std::string encode(ExplorerReport report) {
  std::string text;
  for (auto counter = counters_of(report); *counter != nullptr; ++counter) {
    text += std::to_string(**counter) + " ";
  }
  text += "\n";
  for (const std::string& failure : report.failures) text += failure + "\f";
  return text;
}
ExplorerReport decode(const std::string& text) {
  ExplorerReport report;
  std::istringstream in(text);
  for (auto counter = counters_of(report); *counter != nullptr; ++counter) in >> **counter;
  for (size_t at = text.find('\n') + 1; at < text.size();) {
    const size_t end = text.find('\f', at);
    if (end == std::string::npos) break;
    report.failures.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return report;
}

std::string replay_command(const std::string& program, const ExplorerOptions& options,
                           const std::string& failure) {
  // "workload A state N (…": see Explorer::fail.
  std::istringstream in(failure);
  std::string word, workload, state;
  in >> word >> workload >> word >> state;
  return fmt::format(
      "SYNCLINE_SIM_SEED={} SYNCLINE_SIM_SUBSETS={} SYNCLINE_SIM_SECOND_ONE_IN={} "
      "SYNCLINE_SIM_WORKLOAD={} SYNCLINE_SIM_STATE={} {}",
      options.seed, options.subsets_max, options.second_crash_one_in, workload, state, program);
}

ExplorerOptions chosen_options() {
  ExplorerOptions options;
  options.seed = environment_number("SYNCLINE_SIM_SEED", 1);
  options.subsets_max = environment_number(
      "SYNCLINE_SIM_SUBSETS",
      std::clamp<uint64_t>(static_cast<uint64_t>(kSubsets * std::max(1.0, scale() / kScaleOfAll)),
                           1, uint64_t{1} << 12));
  options.second_crash_one_in = environment_number("SYNCLINE_SIM_SECOND_ONE_IN", 16);
  return options;
}

std::vector<Workload> chosen_workloads(uint64_t seed, const char* only) {
  std::vector<Workload> workloads =
      all_workloads(environment_number("SYNCLINE_SIM_LENGTH", kStepsMax));
  if (only != nullptr) {
    std::erase_if(workloads, [&](const Workload& each) { return describe(each) != only; });
    return workloads;
  }
  SimulatedRandom random(seed);
  constexpr uint64_t kParts = 1'000'000;
  const auto kept = static_cast<uint64_t>(kParts * std::min(1.0, scale() / kScaleOfAll));
  std::erase_if(workloads, [&](const Workload& each) {
    return each.size() == kStepsMax && random.below(kParts) >= kept;
  });
  return workloads;
}

int run(const char* program) {
  using Clock = std::chrono::steady_clock;
  const ExplorerOptions options = chosen_options();
  const uint64_t seconds_max = environment_number("SYNCLINE_SIM_SECONDS", UINT64_MAX);
  const char* only = std::getenv("SYNCLINE_SIM_WORKLOAD");
  const uint64_t only_state = environment_number("SYNCLINE_SIM_STATE", 0);
  const bool stop = environment_number("SYNCLINE_SIM_STOP", 0) != 0;
  const std::vector<Workload> workloads = chosen_workloads(options.seed, only);
  if (workloads.empty()) {
    fmt::print(stderr, "there is no workload {}\n", only);
    return 64;
  }
  const unsigned shards = std::min<unsigned>(only_state != 0 ? 1 : shard_count(),
                                             static_cast<unsigned>(workloads.size()));
  const auto begin = Clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const auto results = run_in_shards(shards, [&](unsigned shard) {
    Explorer explorer(options);
    for (size_t i = shard; i < workloads.size(); i += shards) {
      if (passed() > static_cast<double>(seconds_max)) break;
      explorer.run(workloads[i], only_state);
      if (stop && !explorer.report().failures.empty()) break;
    }
    return encode(explorer.report());
  });
  ExplorerReport total;
  bool good = true;
  for (const ShardResult& result : results) {
    total.add(decode(result.text));
    good = good && result.ended_well;
  }
  const double seconds = passed();
  for (size_t i = 0; i < total.failures.size() && i < kFailuresShown; ++i) {
    fmt::print("FAILED {}\n  again: {}\n", total.failures[i],
               replay_command(program, options, total.failures[i]));
  }
  fmt::print(
      "exhaustive: {} workloads of {}, {} crash points ({} with every legal subset), {} states "
      "({} second crashes, {} verified, {} replayed), {:.0f} s, {:.0f} states/s; failing {}, lost "
      "{}, doubled {}\n",
      total.workloads, workloads.size(), total.crash_points, total.exhausted_points, total.states,
      total.second_crashes, total.verified, total.replayed, seconds,
      static_cast<double>(total.states) / seconds, total.failures.size(), total.lost,
      total.doubled);
  if (!good) fmt::print("FAILED: a shard died\n");
  return good && total.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace syncline::simulation

int main(int /*count*/, char** arguments) {
  return syncline::simulation::run(arguments[0]);
}
