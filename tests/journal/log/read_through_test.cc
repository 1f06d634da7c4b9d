// A log read through: parts of it are read while others are looked at, and what is found is what
// reading step by step finds.
#include <gtest/gtest.h>

#include "journal/base/layout.h"
#include "journal/log/segment_scanner.h"
#include "tests/journal/log/journal_fixture.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

struct ReadThrough : JournalTest {
  // Some segments of records, many of which end in another part of the file than they begin in.
  void fill() {
    open();
    for (size_t i = 0; journal->end().position.segment < 5; ++i) {
      const size_t bytes = i % 7 == 6 ? 20'000 + i * 10 : i * 97 % 5000;
      ASSERT_OK(record_text(*journal, std::string(bytes, static_cast<char>('a' + i % 26))));
    }
  }
  std::vector<std::string> read(Reading reading, Mark from = {}) {
    std::vector<std::string> found;
    auto reader = Reader::open(*root, test_store(), from, reading);
    if (!reader) return {error_of(reader)};
    while (true) {
      const auto frame = (*reader)->next(journal->durable());
      if (!frame) found.push_back(error_of(frame));
      if (!frame || !*frame) return found;
      found.push_back(std::to_string((*frame)->seq) + std::string(as_text((*frame)->payload)));
    }
  }
  uint64_t count(Call call) const { return machine.plan.operations(call); }
};

TEST_F(ReadThrough, FindsWhatStepsFind) {
  fill();
  const auto steps = read(Reading::kSteps);
  ASSERT_GT(steps.size(), 20u);
  EXPECT_EQ(read(Reading::kThrough), steps);
}

TEST_F(ReadThrough, GoesOnWhereTheLogHasGrown) {
  fill();
  auto reader = *Reader::open(*root, test_store(), {}, Reading::kThrough);
  uint64_t seq = 0;
  for (int round = 0; round < 20; ++round) {
    const Mark durable = journal->durable();
    while (true) {
      const auto frame = reader->next(durable);
      ASSERT_OK(frame);
      if (!*frame) break;
      EXPECT_EQ((*frame)->seq, ++seq);
    }
    EXPECT_EQ(seq, durable.seq);
    for (int i = 0; i <= round; ++i) ASSERT_OK(record_text(*journal, std::string(4321, 'g')));
  }
}

TEST_F(ReadThrough, OpensEachSegmentOnceAndAgainForItsQueue) {
  fill();
  const uint64_t segments = journal->end().position.segment;
  auto opens = [&](Reading reading) {
    const uint64_t before = count(Call::kOpen);
    read(reading);
    return count(Call::kOpen) - before;
  };
  // One is of the base, which says where the log begins.
  EXPECT_EQ(opens(Reading::kSteps), segments + 1);
  const uint64_t through = opens(Reading::kThrough);
  EXPECT_GT(through, segments + 1);
  EXPECT_LE(through, 2 * segments + 1);
}

TEST_F(ReadThrough, AShortLogIsReadWithoutAQueue) {
  open();
  ASSERT_OK(record_text(*journal, "short"));
  const uint64_t before = count(Call::kOpen);
  const uint64_t reads = count(Call::kRead);
  EXPECT_EQ(read(Reading::kThrough).size(), 1u);
  EXPECT_EQ(count(Call::kOpen) - before, 2u);
  EXPECT_EQ(count(Call::kRead) - reads, 2u);  // the header, and the rest
}

// The nth read or open fails, once: what was asked for is read again, and nothing is lost by it.
// One that goes on failing ends the reading where the bytes were wanted, and says so.
TEST_F(ReadThrough, AReadThatFailsOnceIsMadeGoodOrTold) {
  fill();
  const auto all = read(Reading::kThrough);
  for (const Call call : {Call::kRead, Call::kOpen}) {
    const uint64_t before = count(call);
    read(Reading::kThrough);
    const uint64_t calls = count(call) - before;
    for (uint64_t nth = 1; nth <= calls; ++nth) {
      for (const auto duration : {FaultPlan::kOnce, FaultPlan::kSticky}) {
        machine.plan.fail_at(nth, EIO, duration, call);
        auto found = read(Reading::kThrough);
        machine.plan.heal();
        if (found == all) continue;
        ASSERT_FALSE(found.empty());
        EXPECT_NE(found.back().find("Input/output error"), std::string::npos) << found.back();
        found.pop_back();
        ASSERT_LE(found.size(), all.size());
        EXPECT_TRUE(std::equal(found.begin(), found.end(), all.begin()));
      }
    }
  }
}

TEST_F(ReadThrough, WhatTheDiskRefusesFurtherOnDoesNotHideWhatStandsBeforeIt) {
  fill();
  const auto all = read(Reading::kThrough);
  const std::string path = "journal/" + segment_name(2);
  auto& node = machine.image().writable(machine.image().find(path));
  for (uint64_t at = kSegmentHeaderBytes; at < 60'000; at += kBlockBytes) {
    node.unreadable = {{at, at + kBlockBytes}};
    EXPECT_EQ(read(Reading::kThrough), read(Reading::kSteps)) << at;
  }
  node.unreadable.clear();
  EXPECT_EQ(read(Reading::kThrough), all);
}

}  // namespace
}  // namespace syncline
