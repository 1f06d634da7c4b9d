// A disk whose every write is recorded while `syncline init` makes a store on it; then the disk as
// a cut at any moment could have left it. Init again must finish there, and leave nothing of the
// first try behind.
//
//   SYNCLINE_POWER_INITS   states of each file system (default 20)
//   SYNCLINE_TEST_SEED     moments and subsets
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "tests/e2e/client_calls.h"
#include "tests/e2e/store_under_test.h"
#include "tests/power/loop_image.h"
#include "tests/power/recorded_disk.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

uint64_t init_states_wanted() {
  const char* given = std::getenv("SYNCLINE_POWER_INITS");
  return given == nullptr ? 20 : std::max<uint64_t>(1, std::strtoull(given, nullptr, 10));
}

std::vector<std::string> left_behind(const fs::path& directory) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    const bool lock =
        name.ends_with(".lock") && entry.path().parent_path().filename() != "syncline";
    if (lock || name.starts_with(".syncline") || name.starts_with("syncline-index-") ||
        name.ends_with(".keep")) {
      found.push_back(entry.path().string());
    }
  }
  return found;
}

void expect_init_again(const fs::path& root) {
  fs::create_directories(root);
  const ProcessResult again = run_process({syncline_binary(), "init", root.string()});
  ASSERT_TRUE(again.ok()) << again.describe();
  const StoreUnderTest store = StoreUnderTest::existing("notes", root);
  const Json status = store.json({"status"});
  EXPECT_EQ(status["git"], "ok") << status.dump();
  const ProcessResult recorded =
      store.syncline({"record", "note", "--title", "after", "--wait", "published"});
  EXPECT_TRUE(recorded.ok()) << recorded.describe();
  expect_agreement(store, 1);
  for (const std::string& path : left_behind(root)) ADD_FAILURE() << path << " was left";
}

void cut_init(const std::string& type) {
  if (const std::string reason = enter_private_mounts(); !reason.empty()) GTEST_SKIP() << reason;
  if (!program_exists("mkfs." + type)) GTEST_SKIP() << "mkfs." << type << " is not installed";
  if (access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "there is no /dev/fuse";
  const uint64_t seed = test_seed();
  const TemporaryDirectory directory;
  const fs::path base = directory / "base", point = directory / "mounted",
                 state = directory / "state";
  make_file_system(type, base);
  RecordedDisk disk(base, directory / "block-log", directory / "recorded");
  uint64_t first = 0, last = 0;
  {
    LoopImage image(disk.disk(), type, point);
    image.mount();
    first = disk.events();
    const StoreUnderTest made("notes", point / "store");
    last = disk.events();
    image.unmount();
    disk.stop();
  }
  Chance chance(seed);
  const uint64_t states = init_states_wanted();
  uint64_t not_mountable = 0;
  for (uint64_t n = 0; n < states && !::testing::Test::HasFailure(); ++n) {
    // Spread evenly over the writes; which of them were kept is left to chance.
    const uint64_t events = first + (last - first) * n / std::max<uint64_t>(1, states - 1);
    SCOPED_TRACE("after event " + std::to_string(events) +
                 ", SYNCLINE_TEST_SEED=" + std::to_string(seed));
    copy_image(base, state);
    disk.apply_state(state, events, chance);
    LoopImage image(state, type, point);
    try {
      image.mount();
    } catch (const std::runtime_error& error) {
      // A superblock that the cut tore is the file system's to mend, and no matter of init's.
      std::printf("not mountable after event %llu: %s\n", static_cast<unsigned long long>(events),
                  error.what());
      ++not_mountable;
      continue;
    }
    expect_init_again(point / "store");
    image.unmount();
  }
  EXPECT_LE(not_mountable, states / 10);
  std::printf("init on %s: %llu states of %llu writes, seed %llu\n", type.c_str(),
              static_cast<unsigned long long>(states),
              static_cast<unsigned long long>(last - first), static_cast<unsigned long long>(seed));
}

TEST(InitCut, Ext4InitAgainFinishesAfterACutAnywhere) {
  cut_init("ext4");
}
TEST(InitCut, XfsInitAgainFinishesAfterACutAnywhere) {
  cut_init("xfs");
}
TEST(InitCut, BtrfsInitAgainFinishesAfterACutAnywhere) {
  cut_init("btrfs");
}

}  // namespace
}  // namespace syncline
