// A backup is the store as of one moment, whoever writes meanwhile, and is read as a store is; what
// is restored from it goes on as the store did.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/e2e/running_ingest.h"
#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Backup : public ::testing::Test {
 protected:
  Backup() : store_("elf", directory_ / "store") {}

  void record(const std::string& name) const {
    store_.json({"record", "failure", "--title", name, "--domain", "d", "--key", name});
    store_.json({"record", "heuristic", "--rule", name, "--domain", "d", "--key", "h " + name});
  }
  static Json in(const fs::path& root, std::vector<std::string> words, int exit_code = 0) {
    return StoreUnderTest::existing("elf", root).json(words, exit_code);
  }
  static std::string exported(const fs::path& root) {
    const auto result = StoreUnderTest::existing("elf", root).syncline({"export"});
    EXPECT_TRUE(result.ok()) << result.describe();
    return result.out;
  }
  static void expect_sound(const fs::path& root) {
    const Json verified = in(root, {"verify"});
    EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
    EXPECT_EQ(verified["checked"], in(root, {"status"})["journaled"]);
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(Backup, HoldsEverythingAndIsReadAsAStoreIs) {
  record("published");
  store_.json({"sync"});
  store_.sql("CREATE TABLE mine(x); INSERT INTO mine VALUES('a person')");
  store_.sql("UPDATE heuristics SET times_validated = 5 WHERE id = 1");
  store_.git({"tag", "of-a-person"});
  store_.git({"branch", "topic"});
  record("unpublished");
  const fs::path copy = directory_ / "copy";
  const Json told = store_.json({"backup", copy.string()});
  EXPECT_EQ(told["journaled"], 4) << told.dump();
  EXPECT_EQ(told["applied"], 4);
  EXPECT_EQ(told["committed"], 4);

  expect_sound(copy);
  EXPECT_EQ(exported(copy), exported(store_.root()));
  const auto there = StoreUnderTest::existing("elf", copy);
  EXPECT_EQ(there.sql("SELECT x FROM mine")[0]["x"], "a person");
  EXPECT_EQ(there.sql("SELECT times_validated FROM heuristics WHERE id = 1")[0]["times_validated"],
            5);
  EXPECT_EQ(there.tree(there.own_ref()), store_.tree(store_.own_ref()));
  EXPECT_EQ(there.git({"rev-parse", "main", "topic", "of-a-person"}),
            store_.git({"rev-parse", "main", "topic", "of-a-person"}));
  const ProcessResult refused =
      there.syncline({"record", "failure", "--title", "x", "--domain", "d"});
  EXPECT_EQ(refused.exit_code, 1) << refused.describe();
  EXPECT_NE(refused.err.find("syncline restore"), std::string::npos) << refused.err;
  // The store that was read is as it was.
  store_.json({"sync"});
  expect_agreement(store_, 4);
}

TEST_F(Backup, OfAStoreThatOthersWriteToIsOneMomentOfIt) {
  RunningIngest ingest(store_, directory_ / "lines");
  const auto lines = [](int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) {
      const std::string name = std::to_string(i);
      text += R"({"kind":"failure","key":"k)" + name + R"(","fields":{"title":"t)" + name +
              R"(","domain":"d"}})" + "\n";
    }
    return text;
  };
  ingest.give_and_await(lines(0, 200), "k199");
  for (int round = 0; round < 3; ++round) {
    const int from = 200 + round * 400;
    ingest.give(lines(from, from + 400));
    const fs::path copy = directory_ / ("copy" + std::to_string(round));
    const Json told = store_.json({"backup", copy.string()});
    const auto journaled = told["journaled"].get<uint64_t>();
    EXPECT_GE(journaled, 200U) << "what was acknowledged before is in it";
    expect_sound(copy);
    const auto there = StoreUnderTest::existing("elf", copy);
    EXPECT_EQ(there.row_count(), journaled);
    EXPECT_EQ(in(copy, {"show", "--key", "k199"})["seq"], 200);
    ingest.give_and_await("", "k" + std::to_string(from + 399));
  }
  ingest.end();
  EXPECT_TRUE(ingest.wait().ok());
  store_.json({"sync"});
  expect_agreement(store_, 1400);
}

TEST_F(Backup, RestoredGoesOnWhereItWas) {
  const fs::path remote = directory_ / "remote.git";
  store_.git({"init", "-q", "--bare", remote.string()});
  store_.git({"remote", "add", "origin", remote.string()});
  record("one");
  store_.json({"sync", "--push"});
  record("two");
  const fs::path copy = directory_ / "copy";
  store_.json({"backup", copy.string()});
  fs::remove_all(store_.root());

  const fs::path again = directory_ / "again";
  const Json told =
      store_.existing("elf", copy).json({"restore", copy.string(), "--into", again.string()});
  EXPECT_EQ(told["journaled"], 4) << told.dump();
  const auto restored = StoreUnderTest::existing("elf", again);
  EXPECT_EQ(exported(again), exported(copy));
  // The first receipt still answers, and what is new comes behind it.
  EXPECT_EQ(restored.json({"record", "failure", "--title", "two", "--domain", "d", "--key",
                           "two"})["duplicate"],
            true);
  const Json next =
      restored.json({"record", "failure", "--title", "three", "--domain", "d", "--key", "three"});
  EXPECT_EQ(next["seq"], 5) << next.dump();
  EXPECT_EQ(next["id"], 3);
  const Json synced = restored.json({"sync", "--push"});
  EXPECT_EQ(synced["pushed"], 5) << synced.dump();
  expect_agreement(restored, 5);
  expect_sound(again);
}

TEST_F(Backup, IsRefusedWhereSomethingIsAndRestoringWhereNoBackupIs) {
  record("one");
  fs::create_directory(directory_ / "full");
  write_whole(directory_ / "full/file", "x");
  EXPECT_EQ(store_.syncline({"backup", (directory_ / "full").string()}).exit_code, 1);
  EXPECT_EQ(read_whole(directory_ / "full/file"), "x");
  const ProcessResult live =
      store_.syncline({"restore", store_.root().string(), "--into", (directory_ / "new").string()});
  EXPECT_EQ(live.exit_code, 64) << live.describe();
  EXPECT_FALSE(fs::exists(directory_ / "new"));
  EXPECT_EQ(store_.syncline({"backup"}).exit_code, 64);
  EXPECT_EQ(store_.syncline({"restore", "x"}).exit_code, 64);
}

// Whatever it had copied by then, nobody takes it for a store.
TEST_F(Backup, OverAStoreOrABackupIsRefusedWithoutAdviceToRemoveIt) {
  record("one");
  const fs::path other = directory_ / "other", copy = directory_ / "copy";
  const StoreUnderTest there("notes", other);
  store_.json({"backup", copy.string()});
  for (const fs::path& full : {other, copy}) {
    const ProcessResult refused = store_.syncline({"backup", full.string()});
    EXPECT_EQ(refused.exit_code, 1) << refused.describe();
    EXPECT_NE(refused.err.find("is not empty"), std::string::npos) << refused.describe();
    EXPECT_NE(refused.err.find("nothing was done"), std::string::npos) << refused.describe();
    EXPECT_EQ(refused.err.find("remove"), std::string::npos) << refused.describe();
  }
  expect_sound(copy);
}

TEST_F(Backup, ThatWasKilledIsNoStore) {
  record("one");
  store_.json({"sync"});
  int unfinished = 0;
  for (int round = 0; round < 12; ++round) {
    const fs::path copy = directory_ / ("copy" + std::to_string(round));
    Process process(store_.command({"backup", copy.string()}));
    // At a moment that its own progress sets: when it has made so many entries.
    const auto entries = [&] {
      size_t count = 0;
      std::error_code ignored;
      for (auto it = fs::recursive_directory_iterator(copy, ignored);
           it != fs::recursive_directory_iterator(); it.increment(ignored)) {
        ++count;
      }
      return count;
    };
    while (entries() < static_cast<size_t>(8 * round) &&
           !process.ended_within(std::chrono::milliseconds(0))) {
    }
    process.send(SIGKILL);
    process.wait();
    const auto there = StoreUnderTest::existing("elf", copy);
    const ProcessResult status = there.syncline({"status"});
    if (status.ok()) {
      expect_sound(copy);  // it was faster
      continue;
    }
    ++unfinished;
    EXPECT_EQ(status.exit_code, 10) << status.describe();
  }
  EXPECT_GT(unfinished, 0);
  expect_agreement(store_, 2);
}

// A trimmed journal cannot be replayed, but it can be copied.
TEST_F(Backup, OfATrimmedStoreKeepsItsKeys) {
  store_.set("retain_bytes_max", "65536");
  store_.set("segment_bytes_max", "65536");
  const std::string file = (directory_ / "many").string();
  for (int round = 0; round < 4; ++round) {
    std::string lines;
    for (int i = 0; i < 80; ++i) {
      const std::string name = std::to_string(80 * round + i);
      lines += R"({"kind":"failure","key":"k)" + name + R"(","fields":{"title":"t)" + name +
               R"(","domain":"d","summary":")" + std::string(1000, 's') + R"("}})" + "\n";
    }
    write_whole(file, lines);
    store_.json({"ingest", file});
    store_.json({"sync"});
  }
  record("last");
  store_.json({"sync"});
  EXPECT_EQ(store_.syncline({"replay", "--into", (directory_ / "replayed").string()}).exit_code, 1);
  const fs::path copy = directory_ / "copy";
  store_.json({"backup", copy.string()});
  const Json verified = in(copy, {"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
  const fs::path again = directory_ / "again";
  store_.json({"restore", copy.string(), "--into", again.string()});
  const Json duplicate = in(again, {"record", "failure", "--title", "t0", "--domain", "d",
                                    "--summary", std::string(1000, 's'), "--key", "k0"});
  EXPECT_EQ(duplicate["duplicate"], true) << duplicate.dump();
  EXPECT_EQ(duplicate["seq"], 1);
}

}  // namespace
}  // namespace syncline
