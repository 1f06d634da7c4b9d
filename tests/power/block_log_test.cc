// Every write that reached the disk is recorded while clients work; then the disk is made as a cut
// could have left it at any later moment, with any subset of what was not flushed, and the store on
// it must hold all that had been acknowledged by then.
//
//   SYNCLINE_POWER_STATES   states over all three file systems (default 150)
//   SYNCLINE_TEST_SEED      workload, moments and subsets
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/e2e/claims.h"
#include "tests/e2e/client_calls.h"
#include "tests/e2e/store_under_test.h"
#include "tests/power/loop_image.h"
#include "tests/power/recorded_disk.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kStatesPerWorkload = 25;
constexpr int kThreads = 3;
constexpr int kCallsPerThread = 6;

uint64_t states_wanted() {
  const char* given = std::getenv("SYNCLINE_POWER_STATES");
  const uint64_t states = given == nullptr ? 150 : std::strtoull(given, nullptr, 10);
  return std::max<uint64_t>(1, states / 3);  // of each file system
}

// What a client asked, what it was told, and how much the disk had recorded by then.
struct Told {
  ClientCall call;
  ProcessResult result;
  uint64_t events = 0;
};

class BlockLogRun {
 public:
  BlockLogRun(const std::string& type, uint64_t seed)
      : type_(type), seed_(seed), chance_(seed), base_(directory_ / "base") {}

  void run(uint64_t states) {
    const auto started = std::chrono::steady_clock::now();
    while (states_ < states && !::testing::Test::HasFailure()) {
      if (states_ % kStatesPerWorkload == 0) record_workload();
      SCOPED_TRACE("state " + std::to_string(states_) +
                   ", SYNCLINE_TEST_SEED=" + std::to_string(seed_));
      check_one_state();
      ++states_;
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    if (::testing::Test::HasFailure()) keep_evidence();
    std::printf(
        "block log on %s: %llu states of %llu workloads, acknowledged %llu, lost %llu, "
        "doubled %llu; %.0f s, seed %llu\n",
        type_.c_str(), static_cast<unsigned long long>(states_),
        static_cast<unsigned long long>(workloads_), static_cast<unsigned long long>(acknowledged_),
        static_cast<unsigned long long>(lost_), static_cast<unsigned long long>(doubled_), seconds,
        static_cast<unsigned long long>(seed_));
  }

 private:
  StoreUnderTest store() const {
    return StoreUnderTest::existing("elf", directory_ / "mounted/store");
  }

  // The base is a store with a little in it; a workload goes on from there.
  void make_base() {
    fs::remove(base_);
    make_file_system(type_, base_);
    LoopImage image(base_, type_, directory_ / "mounted");
    image.mount();
    const StoreUnderTest made("elf", directory_ / "mounted/store");
    for (const std::string key : {"base-1", "base-2", "base-3"}) {
      const ClientCall call = record_call(key);
      told_.push_back({call, made.syncline(call.arguments), 0});
    }
    image.unmount();
  }

  std::vector<std::vector<ClientCall>> plans() {
    std::vector<std::vector<ClientCall>> plans;
    for (int thread = 0; thread < kThreads; ++thread) {
      std::vector<ClientCall> calls;
      for (int call = 0; call < kCallsPerThread; ++call) {
        const std::string name = std::to_string(thread) + "-" + std::to_string(call);
        if (chance_.one_in(6)) {
          calls.push_back({.arguments = {"sync", "--json"}});
        } else if (chance_.one_in(5)) {
          calls.push_back(ingest_call({"line-1-" + name, "line-2-" + name, "line-3-" + name}));
        } else {
          calls.push_back(record_call("key-" + name, chance_.stage()));
        }
      }
      plans.push_back(std::move(calls));
    }
    return plans;
  }

  void record_workload() {
    told_.clear();
    make_base();
    ++workloads_;
    disk_.emplace(base_, directory_ / "block-log", directory_ / "recorded");
    LoopImage image(disk_->disk(), type_, directory_ / "mounted");
    image.mount();
    first_event_ = disk_->events();
    const StoreUnderTest subject = store();
    std::mutex mutex;
    {
      std::vector<std::jthread> threads;
      for (const std::vector<ClientCall>& calls : plans()) {
        threads.emplace_back([&, calls] {
          for (const ClientCall& call : calls) {
            const ProcessResult result =
                run_process(subject.command(call.arguments), call.options());
            const uint64_t events = disk_->events();
            const std::scoped_lock lock(mutex);
            told_.push_back({call, result, events});
          }
        });
      }
    }
    last_event_ = disk_->events();
    image.unmount();
    disk_->stop();
    for (const Told& told : told_) {
      EXPECT_TRUE(told.result.ok()) << told.call.arguments[0] << ": " << told.result.describe();
    }
  }

  void check_one_state() {
    const uint64_t events = chance_.between(first_event_, last_event_);
    const fs::path state = directory_ / "state";
    copy_image(base_, state);
    disk_->apply_state(state, events, chance_);
    fs::remove(directory_ / "acknowledged");
    Claims claims(directory_ / "acknowledged");
    for (const Told& told : told_) {
      if (told.events <= events) {
        claims.hear(told.call, told.result);
      } else {
        for (const std::string& key : told.call.keys) claims.ask(key);
      }
    }
    LoopImage image(state, type_, directory_ / "mounted");
    image.mount();
    const StoreUnderTest subject = store();
    const Json synced = subject.json({"sync"});
    EXPECT_TRUE(synced.value("waiting", Json()).is_null()) << synced.dump();
    claims.expect_kept(subject);
    expect_agreement(subject, subject.row_count());
    image.unmount();
    acknowledged_ += claims.acknowledged();
    lost_ += claims.lost();
    doubled_ += claims.doubled();
  }

  // The last state was recovered already; it is made again from what stays: base, log and seed.
  void keep_evidence() {
    const fs::path kept =
        fs::temp_directory_path() / ("syncline-block-log-" + type_ + "-" + std::to_string(seed_));
    fs::create_directories(kept);
    fs::copy_file(directory_ / "block-log", kept / "block-log",
                  fs::copy_options::overwrite_existing);
    copy_image(base_, kept / "base");
    std::printf(
        "the workload's base and writes: %s\n"
        "again: SYNCLINE_TEST_SEED=%llu meson test -C build --suite power -v\n",
        kept.c_str(), static_cast<unsigned long long>(seed_));
  }

  TemporaryDirectory directory_;
  std::string type_;
  uint64_t seed_;
  Chance chance_;
  fs::path base_;
  std::optional<RecordedDisk> disk_;
  std::vector<Told> told_;
  uint64_t first_event_ = 0;
  uint64_t last_event_ = 0;
  uint64_t states_ = 0;
  uint64_t workloads_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t lost_ = 0;
  uint64_t doubled_ = 0;
};

void cut_recorded_disk(const std::string& type) {
  if (const std::string reason = enter_private_mounts(); !reason.empty()) GTEST_SKIP() << reason;
  if (!program_exists("mkfs." + type)) GTEST_SKIP() << "mkfs." << type << " is not installed";
  if (access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "there is no /dev/fuse";
  BlockLogRun(type, test_seed()).run(states_wanted());
}

TEST(BlockLog, Ext4AnySubsetOfWhatWasNotFlushedKeepsWhatWasAcknowledged) {
  cut_recorded_disk("ext4");
}
TEST(BlockLog, XfsAnySubsetOfWhatWasNotFlushedKeepsWhatWasAcknowledged) {
  cut_recorded_disk("xfs");
}
// Its log is replayed by names: one that was renamed away can come back.
TEST(BlockLog, BtrfsAnySubsetOfWhatWasNotFlushedKeepsWhatWasAcknowledged) {
  cut_recorded_disk("btrfs");
}

}  // namespace
}  // namespace syncline
