// Random stories: see simulation.h.
//
//   simulation                        the default number of seeds
//   SYNCLINE_SIM_SCALE=100 …          a hundred times as many
//   SYNCLINE_SIM_SEED=7 …             that seed alone; with SYNCLINE_SIM_TRACE=1 every operation
//   SYNCLINE_SIM_FIRST=1000 …         seeds from there on
//   SYNCLINE_SIM_STOP=1 …             each shard ends with its first failing seed
#include <fmt/format.h>

#include <chrono>
#include <sstream>

#include "tests/simulation/shards.h"
#include "tests/simulation/simulation.h"

namespace syncline::simulation {
namespace {

constexpr uint64_t kSeeds = 2000;
constexpr size_t kFailuresShown = 10;

struct Total {
  uint64_t stories = 0, operations = 0, worlds = 0, records = 0, acknowledged = 0;
  uint64_t kills = 0, power_cuts = 0, injected = 0;
  uint64_t rotted = 0, rot_refused = 0, rot_salvaged = 0;
};

void print_failure(const char* program, uint64_t seed, const StoryReport& report) {
  fmt::print("FAILED seed {}:\n", seed);
  for (const std::string& fault : report.faults) fmt::print("    {}\n", fault);
  fmt::print("  again: SYNCLINE_SIM_SEED={} SYNCLINE_SIM_TRACE=1 {}\n", seed, program);
  std::fflush(stdout);
}

int run(const char* program) {
  const bool trace = environment_number("SYNCLINE_SIM_TRACE", 0) != 0;
  const bool stop = environment_number("SYNCLINE_SIM_STOP", 0) != 0;
  if (const uint64_t seed = environment_number("SYNCLINE_SIM_SEED", 0); seed != 0) {
    const StoryReport report = run_story(seed, trace);
    if (!report.faults.empty()) print_failure(program, seed, report);
    fmt::print("seed {}: {} operations, {} records, {} acknowledged, {} faults\n", seed,
               report.operations, report.records, report.acknowledged, report.faults.size());
    return report.faults.empty() ? 0 : 1;
  }
  const uint64_t first = environment_number("SYNCLINE_SIM_FIRST", 1);
  const auto count = static_cast<uint64_t>(static_cast<double>(kSeeds) * scale());
  const unsigned shards = shard_count();
  const auto begin = std::chrono::steady_clock::now();
  const auto results = run_in_shards(shards, [&](unsigned shard) {
    std::string text;
    Total total;
    size_t failures = 0;
    for (uint64_t seed = first + shard; seed < first + count; seed += shards) {
      // A story that kills the program is found by what was said last.
      if (trace) fmt::print(stderr, "seed {}\n", seed);
      const StoryReport report = run_story(seed, false);
      ++total.stories;
      total.operations += report.operations;
      total.worlds += report.worlds;
      total.records += report.records;
      total.acknowledged += report.acknowledged;
      total.kills += report.kills;
      total.power_cuts += report.power_cuts;
      total.injected += report.injected;
      total.rotted += report.rotted;
      total.rot_refused += report.rot_refused;
      total.rot_salvaged += report.rot_salvaged;
      if (!report.faults.empty() && ++failures <= kFailuresShown) {
        print_failure(program, seed, report);
      }
      if (failures != 0 && stop) break;
    }
    return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", total.stories, total.operations,
                       total.worlds, total.records, total.acknowledged, total.kills,
                       total.power_cuts, total.injected, total.rotted, total.rot_refused,
                       total.rot_salvaged, failures);
  });
  Total total;
  uint64_t failures = 0;
  bool good = true;
  for (const ShardResult& result : results) {
    good = good && result.ended_well;
    std::istringstream in(result.text);
    uint64_t values[12] = {};
    for (uint64_t& value : values) in >> value;
    total.stories += values[0];
    total.operations += values[1];
    total.worlds += values[2];
    total.records += values[3];
    total.acknowledged += values[4];
    total.kills += values[5];
    total.power_cuts += values[6];
    total.injected += values[7];
    total.rotted += values[8];
    total.rot_refused += values[9];
    total.rot_salvaged += values[10];
    failures += values[11];
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print(
      "simulation: seeds {}-{}, {} stories, {} worlds, {} operations, {} records ({} "
      "acknowledged), {} kills, {} power cuts, {} errors injected, rot after acknowledgement {} "
      "times ({} refused, of them {} put back; the rest with no claim left), {:.0f} s, {:.0f} "
      "stories/s; "
      "failing {}\n",
      first, first + count - 1, total.stories, total.worlds, total.operations, total.records,
      total.acknowledged, total.kills, total.power_cuts, total.injected, total.rotted,
      total.rot_refused, total.rot_salvaged, seconds, static_cast<double>(total.stories) / seconds,
      failures);
  if (!good) fmt::print("FAILED: a shard died; SYNCLINE_SIM_TRACE=1 tells the seed\n");
  return good && failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace syncline::simulation

int main(int /*count*/, char** arguments) {
  return syncline::simulation::run(arguments[0]);
}
