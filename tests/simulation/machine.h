// One boot of a simulated machine with a store on its disk, and the store that every simulation
// starts from.
#pragma once

#include <memory>
#include <string>

#include "tests/simulation/client.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/platform.h"

namespace syncline::simulation {

inline const std::string kRoot = "/store";
inline const std::string kDatabase = kRoot + "/syncline.db";

// From power-on to power-off. Processes are SimulatedPlatforms on it, gone before it.
struct Machine {
  Machine(DiskImage image, Conductor& conductor, const SimulatedClock& time, uint64_t seed);

  SimulatedClock clock;
  SimulatedRandom random;
  SqliteShared sqlite;
  Disk disk;
};

// A disk with a new store on it, everything durable; with `lived_in`, one that has a record of each
// kind, folded and published. Made once for each kind of it.
struct BaseOptions {
  uint64_t retain_bytes_max = 0;
  uint64_t batch_records_max = 1000;
  bool lived_in = false;
  auto operator<=>(const BaseOptions&) const = default;
};
struct Base {
  DiskImage image;
  SimulatedClock clock;
  Ledger ledger;
};
const Base& base(const BaseOptions& options);

// What the disk shows, read by a process of its own that changes nothing.
Picture look_at(const DiskImage& image, const std::string& root = kRoot, bool thorough = true);

}  // namespace syncline::simulation
