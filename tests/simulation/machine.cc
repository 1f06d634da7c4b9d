#include "tests/simulation/machine.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "journal/base/assert.h"

namespace syncline::simulation {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "the simulated store cannot be made: %s\n", why.c_str());
  std::abort();
}

template <typename T>
T must(Result<T> result, std::string_view what) {
  if (!result) give_up(fmt::format("{}: {}", what, result.error().message));
  return std::move(*result);
}
void must(const Status& status, std::string_view what) {
  if (!status) give_up(fmt::format("{}: {}", what, status.error().message));
}

Base make_base(const BaseOptions& options) {
  FaultPlan plan;
  SimulatedClock time;
  Machine machine(DiskImage{}, plan, time, 1);
  plan = FaultPlan(&machine.clock);
  Ledger ledger;
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const auto root = must(platform.open_directory("/"), "open");
    must(root->make_directories(kRoot.substr(1)), "directory");
    const std::string text = configuration(options.retain_bytes_max, options.batch_records_max);
    must(replace_file(*root, kRoot.substr(1) + "/syncline.toml", as_bytes(text)), "configuration");
    InitOptions init;
    init.platform = &platform;
    must(Store::init(kRoot, init), "init");
    const LeftAlone fate;
    Client client(platform, kRoot, ledger, fate);
    must(client.open(), "open");
    if (options.lived_in) {
      for (const Step step : {Step::kCreate, Step::kAppend, Step::kFold}) client.run(step);
    }
    client.run(Step::kCheckpoint);
    client.close();
    if (!ledger.faults.empty()) give_up(ledger.faults.front());
  }
  DiskImage image = machine.disk.image();
  image.sync_all();
  return {std::move(image), machine.clock, std::move(ledger)};
}

}  // namespace

namespace {
// Hundreds of databases are opened a second: memory is kept, and not counted under a lock.
void prepare_once() {
  static const bool done = [] {
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return true;
  }();
  static_cast<void>(done);
}
}  // namespace

Machine::Machine(DiskImage image, Conductor& conductor, const SimulatedClock& time, uint64_t seed)
    : clock(time), random(seed), disk(std::move(image), conductor, clock) {
  prepare_once();
  // Salts of a WAL: SQLite draws them from a generator of its own, one for all connections.
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed | 1), nullptr);
}

const Base& base(const BaseOptions& options) {
  static std::map<BaseOptions, Base> made;
  auto found = made.find(options);
  if (found == made.end()) found = made.emplace(options, make_base(options)).first;
  return found->second;
}

Picture look_at(const DiskImage& image, const std::string& root, bool thorough) {
  FaultPlan plan;
  Machine machine(image, plan, SimulatedClock{}, 1);
  SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
  const auto directory = platform.open_directory(root);
  if (!directory) return {.faults = {directory.error().message}};
  return look(**directory, platform.sqlite_vfs(), root + "/syncline.db", thorough);
}

}  // namespace syncline::simulation
