// Retries where they happen, thresholds that end `status` with 4, and the text of `metrics`, by the
// real program beside locks that others really hold.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"
#include "tests/support/exposition.h"

namespace syncline {
namespace {

class Metrics : public ::testing::Test {
 protected:
  // What is wrong with the text fails the test.
  ExpositionReader metrics() const {
    const ProcessResult ran = store_.syncline({"metrics"});
    EXPECT_TRUE(ran.ok()) << ran.describe();
    ExpositionReader read(ran.out);
    for (const std::string& fault : read.faults()) ADD_FAILURE() << fault;
    return read;
  }
  void alert(const std::string& settings) const {
    std::ofstream(store_.root() / "syncline.toml", std::ios::app) << "\n[alert]\n" << settings;
    store_.git({"commit", "-qm", "thresholds", "syncline.toml"});
  }

  TemporaryDirectory directory_;
  const StoreUnderTest store_{"notes", directory_ / "store"};
};

// A person's program that has the database's write lock.
class DatabaseLock {
 public:
  explicit DatabaseLock(const std::filesystem::path& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &handle_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~DatabaseLock() {
    EXPECT_EQ(sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle_);
  }
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

 private:
  sqlite3* handle_ = nullptr;
};

TEST_F(Metrics, TwentyCallersBehindAHeldDatabaseTryLessAndLessOften) {
  constexpr int kCallers = 20;
  store_.record_notes(1);
  {
    const DatabaseLock lock(store_.database());
    std::vector<std::pair<std::vector<std::string>, ProcessOptions>> calls;
    for (int i = 0; i < kCallers; ++i) {
      calls.emplace_back(
          store_.command({"record", "note", "--title", "behind", "--timeout", "3", "--json"}),
          ProcessOptions{});
    }
    for (const ProcessResult& ran : run_together(calls)) {
      EXPECT_EQ(ran.exit_code, 11) << ran.describe();
      EXPECT_NE(ran.out.find("\"seq\""), std::string::npos) << "it is durable: " << ran.out;
    }
  }
  const Json counters = store_.json({"status"})["counters"];
  const auto causes = counters["retries_by_cause"];
  EXPECT_GT(causes["sqlite_busy"].get<int>(), 0);
  EXPECT_GT(causes["lock_wait"].get<int>(), 0);
  EXPECT_LT(counters["retries"].get<int>(), 1500) << "every 20 ms would be some 3,000";
  EXPECT_EQ(counters["retries_last_minute"], counters["retries"]);
  const ExpositionReader read = metrics();
  double sum = 0;
  for (const auto& [cause, count] : causes.items()) {
    const auto told = read.value("syncline_retries_total", {{"cause", cause}});
    ASSERT_TRUE(told) << cause;
    EXPECT_GE(*told, count.get<double>()) << cause;
    sum += *told;
  }
  EXPECT_GE(sum, counters["retries"].get<double>());
  store_.json({"sync"});
  expect_agreement(store_, kCallers + 1);
}

TEST_F(Metrics, TellsWhatTheStoreHasDoneAndWhatWaits) {
  store_.record_notes(3);
  store_.json({"sync"});
  const ExpositionReader read = metrics();
  for (const char* stage : {"journaled", "applied", "committed", "published"}) {
    EXPECT_EQ(read.value("syncline_record_seq", {{"stage", stage}}), 3) << stage;
  }
  EXPECT_EQ(read.value("syncline_backlog_records"), 0);
  EXPECT_EQ(read.value("syncline_records_total"), 3);
  EXPECT_EQ(read.value("syncline_record_journaled_seconds_count"), 3);
  EXPECT_EQ(read.value("syncline_record_applied_seconds_count"), 3);
  EXPECT_EQ(read.value("syncline_record_committed_seconds_count"), 3);
  EXPECT_EQ(read.value("syncline_flush_seconds_count"), read.value("syncline_flushes_total"));
  EXPECT_GT(read.value("syncline_disk_free_bytes").value_or(0), 0);
  EXPECT_EQ(read.value("syncline_publish_waits"), 0);
  const Json json = store_.json({"metrics"});
  EXPECT_EQ(json["latencies"]["committed"]["count"], 3);
  EXPECT_EQ(json["journaled"], 3);
  EXPECT_EQ(json["alerts"], Json::array());
}

TEST_F(Metrics, ABreachedThresholdEndsStatusWith4AndNamesItself) {
  store_.record_notes(1);
  alert("unpublished_age_s_max = 0\nbacklog_records_max = 100\n");
  write_whole(store_.root() / ".git/index.lock", "");
  store_.record_notes(1);
  // By the end of its time limit the record is two seconds old.
  const ProcessResult waited = store_.syncline({"sync", "--timeout", "2"});
  EXPECT_EQ(waited.exit_code, 11) << waited.describe();
  const Json status = store_.json({"status"}, 4);
  ASSERT_EQ(status["alerts"].size(), 1U) << status.dump(1);
  const Json& breach = status["alerts"][0];
  EXPECT_EQ(breach["name"], "unpublished_age_s_max");
  EXPECT_EQ(breach["limit"], 0);
  EXPECT_GE(breach["value"].get<int>(), 1);
  const ProcessResult text = store_.syncline({"status"});
  EXPECT_EQ(text.exit_code, 4);
  EXPECT_NE(text.out.find("unpublished_age_s_max = 0 is breached"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("syncline sync"), std::string::npos) << "it says what to do";
  {
    const ExpositionReader read = metrics();
    EXPECT_EQ(read.value("syncline_alert_breached", {{"alert", "unpublished_age_s_max"}}), 1);
    EXPECT_EQ(read.value("syncline_alert_breached", {{"alert", "backlog_records_max"}}), 0);
    EXPECT_EQ(read.value("syncline_publish_waits"), 1);
    EXPECT_GE(read.value("syncline_oldest_record_age_seconds", {{"stage", "published"}}), 1);
  }
  std::filesystem::remove(store_.root() / ".git/index.lock");
  store_.json({"sync"});
  EXPECT_EQ(store_.json({"status"})["alerts"], Json::array());
  expect_agreement(store_, 2);
}

TEST_F(Metrics, ACopyThatCannotBeWrittenIsReadAsItIs) {
  store_.record_notes(2);
  store_.json({"sync"});
  const auto copy = directory_ / "copy";
  std::filesystem::copy(
      store_.root(), copy,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  const ProcessResult ran = run_process({syncline_binary(), "--store", copy.string(), "metrics"});
  ASSERT_TRUE(ran.ok()) << ran.describe();
  const ExpositionReader read(ran.out);
  EXPECT_TRUE(read.faults().empty()) << read.faults().front();
  EXPECT_EQ(read.value("syncline_record_seq", {{"stage", "published"}}), 2);
}

}  // namespace
}  // namespace syncline
