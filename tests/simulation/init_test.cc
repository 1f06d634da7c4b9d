// Making a store, by a process that dies at any of its changes, or with the power: init again goes
// on where it stopped, and nothing of the first try is in its way.
#include <gtest/gtest.h>

#include "tests/simulation/machine.h"
#include "tests/simulation/persistence.h"

namespace syncline::simulation {
namespace {

struct Try {
  DiskImage image;
  bool crashed = false;
  std::string error;
};

// Makes the store; dies at the nth change, where that is not 0.
Try init(const DiskImage& image, uint64_t crash_at) {
  FaultPlan plan;
  Machine machine(image, plan, SimulatedClock{}, 7);
  plan = FaultPlan(&machine.clock);
  plan.crash_at(crash_at);
  std::string error;
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    InitOptions options;
    options.platform = &platform;
    const auto made = Store::init(kRoot, options);
    if (!made) error = made.error().message;
  }
  return {machine.disk.image(), plan.crashed(), error};
}

// A directory with the configuration in it, as a person leaves it.
DiskImage directory() {
  FaultPlan plan;
  Machine machine(DiskImage{}, plan, SimulatedClock{}, 7);
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const auto root = platform.open_directory("/");
    EXPECT_TRUE(root.has_value());
    EXPECT_TRUE((*root)->make_directories(kRoot.substr(1)).has_value());
    EXPECT_TRUE(replace_file(**root, kRoot.substr(1) + "/syncline.toml", as_bytes(configuration(0)))
                    .has_value());
  }
  DiskImage image = machine.disk.image();
  image.sync_all();
  return image;
}

void expect_nothing_left(const DiskImage& image) {
  FaultPlan plan;
  Machine machine(image, plan, SimulatedClock{}, 7);
  SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
  const auto root = platform.open_directory(kRoot);
  ASSERT_TRUE(root.has_value());
  for (const char* directory : {".", ".git", ".git/info", ".git/syncline", ".git/refs/heads"}) {
    const auto names = (*root)->list(directory);
    ASSERT_TRUE(names.has_value()) << directory;
    const bool git = std::string_view(directory) != ".git/syncline";
    for (const std::string& name : *names) {
      EXPECT_FALSE(name.starts_with(kTemporaryPrefix)) << directory << "/" << name;
      EXPECT_FALSE(git && name.ends_with(".lock")) << directory << "/" << name;
    }
  }
}

void expect_store(const DiskImage& image) {
  FaultPlan plan;
  Machine machine(image, plan, SimulatedClock{}, 7);
  plan = FaultPlan(&machine.clock);
  Ledger ledger;
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const LeftAlone fate;
    Client client(platform, kRoot, ledger, fate);
    ASSERT_TRUE(client.open().has_value());
    for (const Step step : {Step::kCreate, Step::kAppend, Step::kFold}) client.run(step);
    client.verify();
    client.close();
  }
  EXPECT_EQ(judge(look_at(machine.disk.image()), ledger.told()), std::vector<std::string>{});
  EXPECT_EQ(ledger.faults, std::vector<std::string>{});
}

TEST(Init, IsFinishedByInitAgainWhereverItDies) {
  const DiskImage start = directory();
  uint64_t deaths = 0;
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE("a death at change " + std::to_string(n));
    const Try first = init(start, n);
    if (!first.crashed) {
      EXPECT_EQ(first.error, "");
      break;
    }
    ++deaths;
    const DiskImage everything =
        PersistenceChoices(first.image, {.enumerate_max = 1, .sample = 1}).everything_kept();
    for (const DiskImage& image : {first.image, with_nothing_kept(first.image), everything}) {
      const Try second = init(image, 0);
      ASSERT_EQ(second.error, "");
      expect_nothing_left(second.image);
      expect_store(second.image);
    }
  }
  EXPECT_GT(deaths, 40u);
}

}  // namespace
}  // namespace syncline::simulation
