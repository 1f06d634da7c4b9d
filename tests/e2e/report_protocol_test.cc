// The report's own protocol: 5, 10, 15, 20, 30 and 50 processes at once, three rounds, 390 calls.
// The scripts it was written against kept 155 rows of 387 calls that exited 0.
#include <gtest/gtest.h>

#include <set>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

using Commands = std::vector<std::pair<std::vector<std::string>, ProcessOptions>>;

std::vector<std::string> failure_call(const StoreUnderTest& store, int round, int level, int call) {
  const std::string name =
      std::to_string(round) + "-" + std::to_string(level) + "-" + std::to_string(call);
  return store.command({"record", "failure", "--title", "Deploy failed " + name, "--domain",
                        "deployment", "--severity", "high", "--tags", "ci,deploy", "--summary",
                        "The build of " + name + " broke.\nSecond line.", "--json"});
}

TEST(ReportProtocol, EveryOf390CallsIsOneRowOneFileOneCommitOfEachRef) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  std::set<int64_t> ids;
  std::set<std::string> paths;
  uint64_t calls = 0;
  for (int round = 1; round <= 3; ++round) {
    for (const int level : {5, 10, 15, 20, 30, 50}) {
      Commands commands;
      for (int call = 0; call < level; ++call) {
        commands.emplace_back(failure_call(store, round, level, call), ProcessOptions{});
      }
      for (const ProcessResult& result : run_together(commands)) {
        ++calls;
        ASSERT_EQ(result.exit_code, 0) << result.describe();
        const Json receipt = Json::parse(result.out);
        EXPECT_GT(receipt["id"].get<int64_t>(), 0);
        EXPECT_TRUE(ids.insert(receipt["id"].get<int64_t>()).second) << receipt.dump();
        EXPECT_TRUE(paths.insert(receipt["path"].get<std::string>()).second) << receipt.dump();
        EXPECT_FALSE(receipt["duplicate"].get<bool>());
      }
    }
  }
  ASSERT_EQ(calls, 390U);
  // The last caller left nothing behind: before any sync, all is applied and folded.
  const Json status = store.json({"status"});
  EXPECT_EQ(status["applied"], 390);
  EXPECT_EQ(status["committed"], 390);
  expect_applied_and_folded(store, 390);

  store.json({"sync"});
  expect_agreement(store, 390);
  const Json titles = store.sql("SELECT count(DISTINCT title) AS n FROM learnings");
  EXPECT_EQ(titles[0]["n"], 390);
}

TEST(ReportProtocol, MixedKindsAtOnceLoseNothing) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  Commands commands;
  for (int call = 0; call < 12; ++call) {
    const std::string number = std::to_string(call);
    commands.emplace_back(failure_call(store, 1, 1, call), ProcessOptions{});
    commands.emplace_back(store.command({"record", "heuristic", "--domain", "Testing", "--rule",
                                         "Rule " + number, "--confidence", "high"}),
                          ProcessOptions{});
    commands.emplace_back(store.command({"record", "decision", "--title", "Choice " + number,
                                         "--context", "c", "--decision", "d", "--rationale", "r"}),
                          ProcessOptions{});
    commands.emplace_back(store.command({"record", "success", "--title", "Same title", "--domain",
                                         "x y/z", "--severity", "5"}),
                          ProcessOptions{});
  }
  for (const ProcessResult& result : run_together(commands)) {
    ASSERT_EQ(result.exit_code, 0) << result.describe();
  }
  store.json({"sync"});
  expect_agreement(store, 48);
  EXPECT_EQ(store.count("SELECT count(*) FROM heuristics"), 12);
  EXPECT_EQ(store.count("SELECT count(*) FROM learnings WHERE type = 'success'"), 12);
}

// Alone on the machine (tests/e2e/meson.build runs it so): the time is printed, not judged.
TEST(Timing, FiftyAtOnceNeedAHandfulOfFlushesAndCommits) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  const Json before = store.json({"status"});
  Commands commands;
  for (int call = 0; call < 50; ++call) {
    commands.emplace_back(failure_call(store, 1, 50, call), ProcessOptions{});
  }
  const auto started = std::chrono::steady_clock::now();
  for (const ProcessResult& result : run_together(commands)) {
    ASSERT_EQ(result.exit_code, 0) << result.describe();
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  RecordProperty("milliseconds", static_cast<int>(seconds * 1000));
  const Json after = store.json({"status"});
  const auto grown = [&](const char* counter) {
    return after["counters"][counter].get<int64_t>() - before["counters"][counter].get<int64_t>();
  };
  std::printf("fifty at once: %.0f ms, %lld flushes, %lld batches\n", seconds * 1000,
              static_cast<long long>(grown("flushes")), static_cast<long long>(grown("batches")));
  EXPECT_LE(grown("batches"), 25);
  EXPECT_EQ(after["committed"], 50);
}

}  // namespace
}  // namespace syncline
