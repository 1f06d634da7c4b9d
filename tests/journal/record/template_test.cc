#include "journal/record/template.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <limits>

namespace syncline {
namespace {

Template slot_of(Slot slot) {
  Template made;
  made.add(slot);
  return made;
}

TEST(TemplateTest, AdjacentLiteralsAreOne) {
  Template parts;
  parts.add("");
  parts.add("a");
  parts.add("b");
  parts.add("c");
  parts.add(Slot::kId);
  parts.add("");
  parts.add(Slot::kId);
  parts.add("d");
  Template whole = Template::literal("abc");
  whole.add(Slot::kId);
  whole.add(Slot::kId);
  whole.add("d");
  EXPECT_EQ(parts, whole);
  EXPECT_EQ(parts.piece_count(), 4U);
  EXPECT_TRUE(Template::literal("").empty());
  EXPECT_TRUE(parts.uses(Slot::kId));
  EXPECT_FALSE(parts.uses(Slot::kPath));
}

TEST(TemplateTest, SlotsRenderAsTheFormatPageSays) {
  const SlotValues values{.id = 12'345, .time_ms = 1'769'903'999'123, .path = "notes/0012/x.md"};
  EXPECT_EQ(render(slot_of(Slot::kId), values), "12345");
  EXPECT_EQ(render(slot_of(Slot::kShard), values), "0012");
  EXPECT_EQ(render(slot_of(Slot::kTime), values), "2026-01-31T23:59:59.123Z");
  EXPECT_EQ(render(slot_of(Slot::kDate), values), "2026-01-31");
  EXPECT_EQ(render(slot_of(Slot::kDateBasic), values), "20260131");
  EXPECT_EQ(render(slot_of(Slot::kPath), values), "notes/0012/x.md");
  EXPECT_EQ(render(slot_of(Slot::kTimeSeconds), values), "2026-01-31 23:59:59");
  EXPECT_EQ(render(Template{}, values), "");
}

TEST(TemplateTest, ShardsAreOfAThousandIds) {
  const Template shard = slot_of(Slot::kShard);
  EXPECT_EQ(render(shard, {.id = 1}), "0000");
  EXPECT_EQ(render(shard, {.id = 999}), "0000");
  EXPECT_EQ(render(shard, {.id = 1000}), "0001");
  EXPECT_EQ(render(shard, {.id = 12'345'678}), "12345");
  EXPECT_EQ(render(shard, {.id = std::numeric_limits<uint64_t>::max()}), "18446744073709551");
}

TEST(TimeTest, KnownTimesAreWrittenRight) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(-86'400'000), "1969-12-31T00:00:00.000Z");
  EXPECT_EQ(format_time(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(format_time(4'107'542'399'999), "2100-02-28T23:59:59.999Z");
  EXPECT_EQ(format_time(4'107'542'400'000), "2100-03-01T00:00:00.000Z");
  EXPECT_EQ(format_time(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(253'402'300'800'000), "+10000-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(-62'167'219'200'000), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(-62'167'219'200'001), "-0001-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(std::numeric_limits<int64_t>::max()), "+292278994-08-17T07:12:55.807Z");
  EXPECT_EQ(format_time(std::numeric_limits<int64_t>::min()), "-292275055-05-16T16:47:04.192Z");
}

TEST(TimeTest, AgreesWithTheCLibraryOverTenThousandYears) {
  // A prime step, so that every month, weekday and leap rule is met at changing times of day.
  for (int64_t second = -62'167'219'200; second < 253'402'300'800; second += 7'654'321) {
    const auto time = static_cast<time_t>(second);
    tm civil{};
    ASSERT_NE(gmtime_r(&time, &civil), nullptr);
    char expected[96];
    std::snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.007Z",
                  civil.tm_year + 1900, civil.tm_mon + 1, civil.tm_mday, civil.tm_hour,
                  civil.tm_min, civil.tm_sec);
    ASSERT_EQ(format_time(second * 1000 + 7), expected);
  }
}

}  // namespace
}  // namespace syncline
