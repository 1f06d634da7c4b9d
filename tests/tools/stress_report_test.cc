#include "tools/stress_report.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tools/stress_calls.h"

namespace syncline {
namespace {

StressReport make_report() {
  StressReport report;
  report.levels = {{.processes = 5,
                    .calls = 15,
                    .exit_zero = 15,
                    .rows = 15,
                    .files = 15,
                    .seconds = 0.5,
                    .flushes = 4,
                    .commits = 1},
                   {.processes = 50,
                    .calls = 150,
                    .exit_zero = 149,
                    .rows = 149,
                    .files = 149,
                    .seconds = 1.5,
                    .flushes = 20,
                    .commits = 2,
                    .failures = {"exit 75: the disk is full"}}};
  return report;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) found.push_back(line);
  return found;
}

TEST(StressTable, HasALineALevelAndASum) {
  const auto table = lines(stress_table(make_report()));
  ASSERT_GE(table.size(), 4u);
  EXPECT_NE(table[0].find("processes"), std::string::npos);
  EXPECT_NE(table[1].find("30.0"), std::string::npos);  // calls a second
  EXPECT_EQ(table[0].size(), table[1].size());
  EXPECT_EQ(table[1].size(), table[2].size());
  std::istringstream sum(table[3]);
  std::string name;
  uint64_t calls = 0, exit_zero = 0, rows = 0, files = 0;
  sum >> name >> calls >> exit_zero >> rows >> files;
  EXPECT_EQ(name, "all");
  EXPECT_EQ(calls, 165u);
  EXPECT_EQ(exit_zero, 164u);
  EXPECT_EQ(rows, 164u);
  EXPECT_EQ(files, 164u);
}

TEST(StressTable, SaysWhatFailedAndThatNothingWasLost) {
  const std::string table = stress_table(make_report());
  EXPECT_NE(table.find("50 processes: exit 75: the disk is full"), std::string::npos);
  EXPECT_NE(table.find("nothing was lost"), std::string::npos);
}

TEST(StressReport, AnySingleLossIsALoss) {
  EXPECT_TRUE(make_report().nothing_lost());
  StressReport report = make_report();
  report.levels[0].lost = 1;
  EXPECT_FALSE(report.nothing_lost());
  report = make_report();
  report.levels[1].duplicate_ids = 1;
  EXPECT_FALSE(report.nothing_lost());
  report = make_report();
  report.levels[1].id_zero = 1;
  EXPECT_FALSE(report.nothing_lost());
  report = make_report();
  report.findings = 1;
  EXPECT_FALSE(report.nothing_lost());
  EXPECT_NE(stress_table(report).find("SOMETHING WAS LOST"), std::string::npos);
}

TEST(StressTable, HasWhatTheReportsTablesHave) {
  StressReport report = make_report();
  report.sequential = {.processes = 1, .calls = 20, .exit_zero = 20, .rows = 20, .seconds = 4};
  report.levels[0].retries = 71;
  report.levels[0].git_lock_waits = 72;
  report.levels[0].reads = 73;
  report.levels[0].reads_failed = 74;
  const auto table = lines(stress_table(report));
  EXPECT_EQ(table[1].find("one by one"), 0u);
  for (const char* heading : {"retries", "git locks", "reads failed", "lost"}) {
    EXPECT_NE(table[0].find(heading), std::string::npos) << heading;
  }
  EXPECT_EQ(table[0].size(), table[2].size());
  EXPECT_TRUE(table[2].ends_with("71        72     73           74")) << table[2];
  const StressLevel sum = sum_levels(report.levels);
  EXPECT_EQ(sum.retries + sum.git_lock_waits + sum.reads + sum.reads_failed, 290u);
  report.sequential.lost = 1;
  EXPECT_FALSE(report.nothing_lost());
}

TEST(StressTable, SetsTheOldWayBesideOurs) {
  StressReport report = make_report();
  EXPECT_EQ(stress_table(report).find("against"), std::string::npos);
  report.against = {.script = "old_way",
                    .sequential = {.calls = 20, .exit_zero = 20},
                    .levels = {{.processes = 5, .calls = 15, .exit_zero = 15, .rows = 9, .lost = 6},
                               {.processes = 50, .calls = 150, .rows = 31, .lost = 1}},
                    .orphans = 88};
  const std::string table = stress_table(report);
  EXPECT_NE(table.find("against old_way"), std::string::npos);
  EXPECT_NE(table.find("orphans: 88 there, 0 here"), std::string::npos) << table;
  std::string last;
  for (const std::string& line : lines(table)) {
    if (line.find(" all ") != std::string::npos) last = line;
  }
  std::istringstream sum(last);
  std::string name;
  uint64_t calls = 0, exit_zero = 0, rows = 0, files = 0, commits = 0, silent = 0;
  sum >> name >> calls >> exit_zero >> rows >> files >> commits >> silent;
  EXPECT_EQ(calls, 165u);
  EXPECT_EQ(rows, 40u);
  EXPECT_EQ(silent, 7u);
  EXPECT_NE(table.find("nothing was lost"), std::string::npos) << "by us";
}

TEST(StressCalls, TakeTheKindsInTurnAndFillWhatIsRequired) {
  Config config;
  KindSpec first;
  first.name = "failure";
  first.fields = {{.name = "title", .required = true, .length_max = 500},
                  {.name = "tags"},
                  {.name = "domain", .required = true, .length_max = 100}};
  KindSpec second;
  second.name = "score";
  second.fields = {{.name = "value", .type = FieldSpec::Type::kInteger, .required = true}};
  second.fields[0].minimum = 3;
  second.fields[0].maximum = 9;
  config.kinds = {first, second};

  const StressCall one = make_stress_call(config, "ab", 0);
  EXPECT_EQ(one.arguments, (std::vector<std::string>{"failure", "--field", "title=" + one.token,
                                                     "--field", "domain=stress"}));
  const StressCall two = make_stress_call(config, "ab", 1);
  EXPECT_EQ(two.arguments, (std::vector<std::string>{"score", "--field", "value=3"}));
  EXPECT_NE(one.token, two.token);
  EXPECT_NE(make_stress_call(config, "cd", 0).token, one.token);
}

}  // namespace
}  // namespace syncline
