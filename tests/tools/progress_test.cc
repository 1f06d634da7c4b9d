#include "tools/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace syncline {
namespace {

TEST(RenderProgress, AKnownSizeGivesShareAndTimeLeft) {
  const std::string line = render_progress(
      {.label = "ingest", .records = 500, .done = 25, .total = 100, .seconds = 10}, 200);
  EXPECT_EQ(line, "ingest [#####...............]  25% 500 records, 50/s, 0:30 left");
}

TEST(RenderProgress, AnUnknownSizeGivesRateAndTimeSoFar) {
  const std::string line =
      render_progress({.label = "ingest", .records = 7200, .seconds = 3661}, 200);
  EXPECT_EQ(line, "ingest 7200 records, 2/s, 1:01:01");
}

TEST(RenderProgress, NothingDoneYetDividesByNothing) {
  EXPECT_EQ(render_progress({.label = "verify"}, 200), "verify 0 records, 0:00");
  EXPECT_EQ(render_progress({.label = "verify", .total = 10}, 200),
            "verify [....................]   0% 0 records, 0:00");
}

TEST(RenderProgress, MoreThanTheTotalIsFull) {
  EXPECT_NE(render_progress({.label = "x", .done = 20, .total = 10, .seconds = 1}, 200)
                .find("[####################] 100%"),
            std::string::npos);
}

TEST(RenderProgress, NeverWiderThanTheTerminal) {
  EXPECT_EQ(render_progress({.label = "ingest", .records = 1, .remark = "waiting"}, 10).size(),
            10u);
}

TEST(RenderProgress, RemarksAreMadeSafe) {
  const std::string line = render_progress({.label = "x", .remark = "a\033[2J"}, 200);
  EXPECT_EQ(line.find('\033'), std::string::npos);
}

TEST(Progress, WhatIsNoTerminalSeesNoBar) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* stream = open_memstream(&text, &size);
  ASSERT_NE(stream, nullptr);
  {
    Progress progress({.out = stream, .err = stream}, "ingest");
    for (uint64_t i = 0; i < 1000; ++i) progress.update(i, i, 1000);
  }
  std::fflush(stream);
  EXPECT_EQ(size, 0u);
  std::fclose(stream);
  std::free(text);
}

TEST(Progress, RemarksAreSaidOnceWithoutATerminal) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* stream = open_memstream(&text, &size);
  ASSERT_NE(stream, nullptr);
  {
    Progress progress({.out = stream, .err = stream}, "ingest");
    progress.remark("the backlog is full");
    progress.remark("the backlog is full");
    progress.remark("");
    progress.remark("the backlog is full");  // the next try: within the minute it is no news
    progress.remark("");
    progress.remark("the disk is full");
  }
  std::fclose(stream);
  EXPECT_EQ(std::string(text), "syncline: the backlog is full\nsyncline: the disk is full\n");
  std::free(text);
}

}  // namespace
}  // namespace syncline
