// The power is cut on a real file system while clients record, ingest and sync; then it is mounted
// again and everything that anybody was told must be so, by the word of git and sqlite3.
//
//   SYNCLINE_POWER_CUTS   cuts over both file systems (default 300)
//   SYNCLINE_TEST_SEED    the choices of a run, moments of the cuts among them
//
// A round: clients start; at a random moment the power goes; half of the time the clients are
// killed with it, else they go on against a file system that answers EIO, and what they say then
// counts too. The image is mounted again; in every third round the power goes once or twice more,
// while the first commands recover. Then any command may come first, all of expect_agreement() must
// hold, and some clients ask again with the same keys. The store is kept over the rounds of an
// image, so later cuts hit rotated segments, packs and a database of some size.
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <semaphore>
#include <thread>

#include "tests/e2e/claims.h"
#include "tests/e2e/client_calls.h"
#include "tests/e2e/store_under_test.h"
#include "tests/power/loop_image.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;
using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr uint64_t kRoundsPerImage = 25;
constexpr std::chrono::seconds kClientLimit{60};
constexpr microseconds kGrace{300'000};

uint64_t cuts_wanted() {
  const char* given = std::getenv("SYNCLINE_POWER_CUTS");
  const uint64_t cuts = given == nullptr ? 300 : std::strtoull(given, nullptr, 10);
  return std::max<uint64_t>(1, cuts / 2);  // of each file system
}

// Cuts a while after it was armed, whatever the test is doing then.
class Cutter {
 public:
  Cutter(LoopImage& image, microseconds after)
      : thread_([this, &image, after] {
          armed_.acquire();
          try {
            // Nobody releases it: the moment is chosen, not waited for.
            (void)moment_.try_acquire_for(after);
            image.cut();
          } catch (...) {
            failure_ = std::current_exception();
          }
        }) {}
  void arm() { armed_.release(); }
  void wait() {
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::binary_semaphore armed_{0};
  std::binary_semaphore moment_{0};
  std::exception_ptr failure_;
  std::jthread thread_;
};

struct Client {
  ClientCall call;
  Process process;
};

class PowerRun {
 public:
  PowerRun(const std::string& type, uint64_t seed)
      : type_(type), seed_(seed), chance_(seed), claims_(directory_ / "acknowledged") {
    make_file_system(type, directory_ / "pristine");
    LoopImage image(directory_ / "pristine", type, directory_ / "mounted");
    image.mount();
    const StoreUnderTest made("elf", directory_ / "mounted/store");
    image.unmount();
  }

  void run(uint64_t cuts) {
    const auto started = steady_clock::now();
    while (cuts_ < cuts && !::testing::Test::HasFailure()) {
      if (rounds_++ % kRoundsPerImage == 0) fresh_image();
      SCOPED_TRACE("round " + std::to_string(rounds_) +
                   ", SYNCLINE_TEST_SEED=" + std::to_string(seed_));
      round();
    }
    const double seconds = std::chrono::duration<double>(steady_clock::now() - started).count();
    if (::testing::Test::HasFailure()) keep_evidence();
    std::printf("power cuts on %s: %llu (%llu during recovery), %s; %.0f s, seed %llu; exits%s\n",
                type_.c_str(), static_cast<unsigned long long>(cuts_),
                static_cast<unsigned long long>(recovery_cuts_), claims_.figures().c_str(), seconds,
                static_cast<unsigned long long>(seed_), exits().c_str());
  }

 private:
  StoreUnderTest store() const {
    return StoreUnderTest::existing("elf", directory_ / "mounted/store");
  }

  void fresh_image() {
    if (image_) {
      image_->unmount();
      image_.reset();
    }
    copy_image(directory_ / "pristine", directory_ / "image");
    claims_.forget();
    image_ = std::make_unique<LoopImage>(directory_ / "image", type_, directory_ / "mounted");
    image_->mount();
  }

  std::string fresh_key() {
    return "key-" + std::to_string(rounds_) + "-" + std::to_string(++keys_);
  }
  std::vector<std::string> fresh_keys(uint64_t count) {
    std::vector<std::string> keys;
    while (keys.size() < count) keys.push_back(fresh_key());
    return keys;
  }

  // What the clients of a round ask for, in the order in which they are started.
  std::vector<ClientCall> calls() {
    std::vector<ClientCall> calls;
    for (uint64_t record = chance_.between(2, 7); record > 0; --record) {
      const std::string key = fresh_key();
      calls.push_back(record_call(key, chance_.stage()));
      if (chance_.one_in(3)) calls.push_back(record_call(key, chance_.stage()));
    }
    if (chance_.one_in(2)) {
      std::vector<std::string> keys = fresh_keys(chance_.between(1, 40));
      calls.push_back(ingest_call(keys));
      if (chance_.one_in(3)) {
        keys.erase(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(keys.size() / 2));
        keys.push_back(fresh_key());
        calls.push_back(ingest_call(keys));
      }
    }
    if (chance_.one_in(2)) calls.push_back({.arguments = {"sync", "--json"}});
    if (chance_.one_in(4)) calls.push_back({.arguments = {"status", "--json"}});
    std::ranges::shuffle(calls, chance_.engine());
    return calls;
  }

  // Starts all, cuts meanwhile, and hears what they say.
  void run_and_cut(const std::vector<ClientCall>& calls, microseconds moment) {
    const StoreUnderTest subject = store();
    const bool killed_with_it = chance_.one_in(2);
    Cutter cutter(*image_, moment);
    // Most have been started when the clock starts to run; the rest may meet a dead file system.
    const size_t armed_at = calls.size() / 2 + chance_.below(calls.size() - calls.size() / 2);
    std::vector<Client> clients;
    for (const ClientCall& call : calls) {
      if (clients.size() == armed_at) cutter.arm();
      ProcessOptions options = call.options();
      options.own_group = true;
      options.time_limit = kClientLimit;
      clients.push_back({call, Process(subject.command(call.arguments), options)});
    }
    cutter.wait();
    ++cuts_;
    // The others meet EIO; a sync tries again for ten seconds, which is seen out now and then only.
    const bool seen_out = !killed_with_it && chance_.one_in(20);
    const auto until = steady_clock::now() + (killed_with_it ? microseconds(0) : kGrace);
    for (Client& client : clients) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
      const bool killed = !seen_out && !client.process.ended_within(left);
      if (killed) client.process.send(SIGKILL);
    }
    for (Client& client : clients) {
      const ProcessResult result = client.process.wait();
      expect_honest_end(client.call, result, !seen_out);
      claims_.hear(client.call, result);
    }
    image_->unmount();
    copy_image(directory_ / "image", directory_ / "after-the-cut");
    image_->mount();
  }

  void expect_honest_end(const ClientCall& call, const ProcessResult& result, bool killed) {
    ++ends_[result.signal != 0 ? -result.signal : result.exit_code];
    EXPECT_FALSE(result.timed_out) << call.arguments[0] << " hangs: " << result.describe();
    EXPECT_TRUE(result.signal == 0 || (killed && result.signal == SIGKILL))
        << call.arguments[0] << ": " << result.describe();
  }

  microseconds moment(uint64_t most_us) { return microseconds(chance_.below(most_us)); }

  void round() {
    const std::vector<ClientCall> asked = calls();
    run_and_cut(asked, moment(30'000));
    if (chance_.one_in(3)) {
      for (uint64_t again = chance_.between(1, 2); again > 0; --again) {
        run_and_cut({first_call()}, moment(15'000));
        ++recovery_cuts_;
      }
    }
    recover();
    check();
    ask_again(asked);
  }

  // Any command may be the first that finds what the cut left.
  ClientCall first_call() {
    switch (chance_.below(4)) {
      case 0:
        return {.arguments = {"status", "--json"}};
      case 1:
        return {.arguments = {"sync", "--json"}};
      case 2:
        return ingest_call(fresh_keys(3));
      default:
        return record_call(fresh_key(), chance_.stage());
    }
  }

  void recover() {
    const ClientCall first = first_call();
    const ProcessResult result = store().syncline(first.arguments, first.options());
    EXPECT_TRUE(result.ok()) << "first after the cut, " << first.arguments[0] << ": "
                             << result.describe();
    claims_.hear(first, result);
  }

  void check() {
    const StoreUnderTest subject = store();
    Json synced = subject.json({"sync"});
    EXPECT_TRUE(synced["waiting"].is_null()) << synced.dump();
    Json status = subject.json({"status"});
    EXPECT_EQ(status["git"], "ok") << status.dump();
    EXPECT_EQ(status["journaled"], status["published"]) << status.dump();
    EXPECT_EQ(status["set_aside"], 0) << status.dump();
    claims_.expect_kept(subject);
    expect_agreement(subject, subject.row_count());
  }

  // Same keys again: the receipts of before, or the record that had not made it. The next round's
  // check looks at the outcome.
  void ask_again(const std::vector<ClientCall>& asked) {
    for (const ClientCall& call : asked) {
      if (call.keys.empty() || !chance_.one_in(3)) continue;
      const ProcessResult result = store().syncline(call.arguments, call.options());
      EXPECT_TRUE(result.ok()) << result.describe();
      claims_.hear(call, result);
    }
  }

  // The image as the last cut left it, before any recovery: mount a copy to see the failure again.
  void keep_evidence() {
    const fs::path kept = fs::temp_directory_path() /
                          ("syncline-power-" + type_ + "-" + std::to_string(seed_) + ".image");
    copy_image(directory_ / "after-the-cut", kept);
    std::printf(
        "the image as the cut left it: %s\n"
        "again: SYNCLINE_TEST_SEED=%llu meson test -C build --suite power -v\n",
        kept.c_str(), static_cast<unsigned long long>(seed_));
  }

  std::string exits() const {
    std::string text;
    for (const auto& [end, times] : ends_) {
      text += (end < 0 ? " signal " + std::to_string(-end) : " " + std::to_string(end)) + "×" +
              std::to_string(times);
    }
    return text;
  }

  TemporaryDirectory directory_;
  std::string type_;
  uint64_t seed_;
  Chance chance_;
  Claims claims_;
  std::unique_ptr<LoopImage> image_;
  uint64_t rounds_ = 0;
  uint64_t keys_ = 0;
  uint64_t cuts_ = 0;
  uint64_t recovery_cuts_ = 0;
  std::map<int, uint64_t> ends_;  // exit code, or minus the signal
};

void cut_power_on(const std::string& type) {
  if (const std::string reason = enter_private_mounts(); !reason.empty()) GTEST_SKIP() << reason;
  if (!program_exists("mkfs." + type)) GTEST_SKIP() << "mkfs." << type << " is not installed";
  PowerRun(type, test_seed()).run(cuts_wanted());
}

TEST(PowerCut, Ext4LosesAndDoublesNothingAcknowledged) {
  cut_power_on("ext4");
}
TEST(PowerCut, XfsLosesAndDoublesNothingAcknowledged) {
  cut_power_on("xfs");
}

}  // namespace
}  // namespace syncline
