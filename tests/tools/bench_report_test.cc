#include "tools/bench_report.h"

#include <gtest/gtest.h>

#include "tools/json_output.h"

namespace syncline {
namespace {

BenchReport make_report(double disk_flushes) {
  BenchReport report{
      .directory = "/a/place", .record_bytes = 1000, .rounds = 3, .seconds = 98.6, .figures = {}};
  const auto add = [&](const char* name, const char* unit, double rate) {
    report.figures.push_back(
        {name, std::string("label of ") + name, unit, {rate, rate / 2, rate * 2}});
  };
  add(kBenchDisk, "flushes", disk_flushes);
  add(kBenchOneCaller, "records", 8000);
  add(kBenchManyCallers, "records", 40'000);
  add(kBenchJournaled, "records", 100'000);
  add(kBenchApplied, "records", 20'000);
  add(kBenchCommitted, "records", 10'000);
  add(kBenchOneShot, "calls", 400);
  return report;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(BenchReport, MedianLeastAndMostOfEachFigure) {
  const BenchFigure odd{"", "", "", {5, 1, 3}};
  EXPECT_EQ(odd.median(), 3);
  EXPECT_EQ(odd.least(), 1);
  EXPECT_EQ(odd.most(), 5);
  const BenchFigure even{"", "", "", {4, 1, 3, 2}};
  EXPECT_EQ(even.median(), 2.5);
}

TEST(BenchReport, TheTableShowsTheSpreadAndWhatItMeans) {
  const std::string text = bench_table(make_report(10'000));
  EXPECT_TRUE(
      has(text, "in /a/place: records of 1000 bytes; median, least and most of 3 rounds, 99 s"))
      << text;
  EXPECT_TRUE(has(text, "10000      5000     20000  flushes/s")) << text;
  EXPECT_TRUE(has(text, "400       200       800  calls/s")) << text;
  EXPECT_TRUE(has(text, "A flush takes 100 µs here.")) << text;
  EXPECT_TRUE(has(text, "waits 125 µs (80 % of what the\ndisk allows)")) << text;
  EXPECT_TRUE(has(text, "record 5.0 times as many")) << text;
  EXPECT_TRUE(has(text, "durable after 10 s, in rows and files after 50 s")) << text;
  EXPECT_TRUE(has(text, "after 100 s.")) << text;
  EXPECT_TRUE(has(text, "takes a process: 2.5 ms each")) << text;
  EXPECT_FALSE(has(text, "power cut")) << text;
}

TEST(BenchReport, AFlushThatWaitsForNoDiskIsSaid) {
  EXPECT_TRUE(has(bench_table(make_report(600'000)), "does not outlive a power cut"));
}

TEST(BenchReport, TheJsonAnswerHasEveryFigureWithItsSpread) {
  const std::string json = bench_json(make_report(10'000));
  for (const char* name : {kBenchDisk, kBenchOneCaller, kBenchManyCallers, kBenchJournaled,
                           kBenchApplied, kBenchCommitted, kBenchOneShot}) {
    EXPECT_TRUE(has(json, name)) << json;
  }
  EXPECT_TRUE(has(json, "flushes/s")) << json;
  EXPECT_TRUE(has(json, "\"most\"")) << json;
}

}  // namespace
}  // namespace syncline
