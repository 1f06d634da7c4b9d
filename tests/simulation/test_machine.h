// A machine with a clock, a disk and a plan of faults: what most tests need of the simulation.
#pragma once

#include <memory>
#include <utility>

#include "tests/simulation/disk.h"
#include "tests/simulation/persistence.h"

namespace syncline::simulation {

class TestMachine {
 public:
  explicit TestMachine(DiskImage image = {}) { boot(std::move(image)); }

  SimulatedClock clock;
  FaultPlan plan{&clock};

  DiskImage& image() { return disk_->image(); }
  Disk& disk() { return *disk_; }
  // The root, as a process that is there from the start sees it.
  std::unique_ptr<Directory> open(ProcessId process = 0) { return *disk_->open(process); }
  // The mapped page's bytes, for tests that spoil them.
  MutableByteSpan page(std::string_view path) { return image().mapped(image().find(path))->span(); }

  // Handles must be gone before either.
  void kill() { boot(image()); }
  void power_cut(SimulatedRandom& random) {
    const PersistenceChoices choices(
        image(), {.enumerate_max = 16, .sample = 24, .seed = random.next_u64()});
    boot(choices.apply(random.below(choices.count())));
  }
  void boot(DiskImage image) {
    disk_.reset();
    plan.crash_at(0);
    plan.heal();
    disk_ = std::make_unique<Disk>(std::move(image), plan, clock);
  }

 private:
  std::unique_ptr<Disk> disk_;
};

}  // namespace syncline::simulation
