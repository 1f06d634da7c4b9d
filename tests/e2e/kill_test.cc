// kill -9 at any moment, then the same again: nothing lost, nothing twice.
#include <gtest/gtest.h>

#include <csignal>
#include <random>
#include <set>

#include "tests/e2e/store_under_test.h"
#include "tests/support/corpus.h"

namespace syncline {
namespace {

using std::chrono::milliseconds;

// A failure prints the seed; SYNCLINE_TEST_SEED repeats the moments (as far as a scheduler allows).
uint64_t seed() {
  const char* given = std::getenv("SYNCLINE_TEST_SEED");
  return given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
}

class Kill : public ::testing::Test {
 protected:
  Kill() : seed_(seed()), random_(seed_), trace_(__FILE__, __LINE__, seed_text()) {}
  std::string seed_text() const { return "SYNCLINE_TEST_SEED=" + std::to_string(seed_); }
  milliseconds moment(milliseconds before) {
    return milliseconds(random_() % static_cast<uint64_t>(before.count() + 1));
  }

  uint64_t seed_;
  std::mt19937_64 random_;
  ::testing::ScopedTrace trace_;
};

TEST_F(Kill, IngestAtAnyMomentThenAgainLosesAndDoublesNothing) {
  constexpr uint64_t kRecords = 2500;
  TemporaryDirectory directory;
  const std::string file = (directory / "packages.ndjson").string();
  write_whole(file, package_corpus(kRecords, 3));
  milliseconds whole{};
  {
    const StoreUnderTest store("packages", directory / "timed");
    const ProcessResult result = store.syncline({"ingest", file});
    ASSERT_TRUE(result.ok()) << result.describe();
    whole = milliseconds(static_cast<int64_t>(result.seconds * 1000));
  }
  for (uint64_t round = 0; round < 4 * test_scale(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const StoreUnderTest store("packages", directory / ("store" + std::to_string(round)));
    for (int kill = 0; kill < 4; ++kill) {
      Process ingest(store.command({"ingest", file}));
      if (!ingest.ended_within(moment(whole))) ingest.send(SIGKILL);
      ingest.wait();
      // What the person's git sees between a kill and the next run is sound.
      const ProcessResult fsck = store.try_git({"fsck", "--strict", "--no-dangling"});
      EXPECT_TRUE(fsck.ok()) << fsck.describe();
    }
    const Json report = store.json({"ingest", file});
    EXPECT_EQ(report["accepted"].get<uint64_t>() + report["duplicates"].get<uint64_t>(), kRecords);
    EXPECT_EQ(report["rejected"], 0);
    store.json({"sync"});
    expect_agreement(store, kRecords);
    std::filesystem::remove_all(store.root());
  }
}

TEST_F(Kill, RandomClientsThenTheSameKeysAgainIsOneRecordEach) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  constexpr int kClients = 24;
  uint64_t records = 0;
  for (uint64_t round = 0; round < 4 * test_scale(); ++round) {
    std::vector<std::vector<std::string>> calls;
    for (int client = 0; client < kClients; ++client) {
      const std::string name = std::to_string(round) + "-" + std::to_string(client);
      std::vector<std::string> call =
          client % 3 == 0
              ? std::vector<std::string>{"record", "heuristic", "--domain", "kill", "--rule", name}
              : std::vector<std::string>{"record", "failure", "--domain", "kill", "--title", name};
      call.insert(call.end(), {"--key", "kill-" + name, "--json"});
      calls.push_back(std::move(call));
    }
    std::vector<Process> clients;
    for (const auto& call : calls) clients.emplace_back(store.command(call));
    for (Process& client : clients) {
      if (random_() % 2 == 0 && !client.ended_within(moment(milliseconds(15)))) {
        client.send(SIGKILL);
      }
    }
    std::vector<ProcessResult> first;
    for (Process& client : clients) first.push_back(client.wait());
    for (int client = 0; client < kClients; ++client) {
      const ProcessResult& before = first[static_cast<size_t>(client)];
      ASSERT_TRUE(before.exit_code == 0 || before.signal == SIGKILL) << before.describe();
      const ProcessResult again = store.syncline(calls[static_cast<size_t>(client)]);
      ASSERT_TRUE(again.ok()) << again.describe();
      const Json receipt = Json::parse(again.out);
      if (before.exit_code == 0) {
        // An answer that was given holds: same id, and known as a duplicate.
        const Json acknowledged = Json::parse(before.out);
        EXPECT_EQ(receipt["id"], acknowledged["id"]);
        EXPECT_EQ(receipt["seq"], acknowledged["seq"]);
        EXPECT_TRUE(receipt["duplicate"].get<bool>());
      }
    }
    records += kClients;
  }
  store.json({"sync"});
  expect_agreement(store, records);
}

TEST_F(Kill, SyncAtAnyMomentThenAgainPublishesEachFileOnce) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  uint64_t records = 0;
  for (uint64_t round = 0; round < 6 * test_scale(); ++round) {
    for (int note = 0; note < 3; ++note) {
      store.json({"record", "note", "--title", "note " + std::to_string(++records)});
    }
    Process sync(store.command({"sync"}));
    if (!sync.ended_within(moment(milliseconds(40)))) sync.send(SIGKILL);
    sync.wait();
  }
  // A killed sync may leave git's own lock behind; it is taken away only where it is known as ours.
  store.json({"sync"});
  expect_agreement(store, records);
}

TEST_F(Kill, SyncAndRecordStoppedForGoodKeepNobodyWaiting) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  for (int round = 0; round < 5; ++round) {
    Process client(store.command({"record", "note", "--title", "stopped"}));
    const bool ended = client.ended_within(moment(milliseconds(10)));
    if (!ended) client.send(SIGSTOP);
    // Killed while stopped: its locks go with it.
    if (!ended) client.send(SIGKILL);
    client.wait();
    EXPECT_TRUE(store.syncline({"record", "note", "--title", "after"}).ok());
  }
  store.json({"sync"});
  expect_agreement(store, store.row_count());
}

}  // namespace
}  // namespace syncline
