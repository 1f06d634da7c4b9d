// The decision table by enumeration, and what recovery makes of every kind of fault in the bytes.
#include "journal/log/recovery.h"

#include <cerrno>

#include "journal/log/control_page.h"
#include "tests/journal/log/journal_fixture.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

TEST(DecisionTable, EveryInputHitsExactlyOneRow) {
  std::vector<size_t> hits(tail_rows().size());
  for (size_t found = 0; found < kTailFoundCount; ++found) {
    for (unsigned bits = 0; bits < 32; ++bits) {
      const TailEvidence evidence{static_cast<TailFound>(found),
                                  (bits & 1) != 0,
                                  (bits & 2) != 0,
                                  (bits & 4) != 0,
                                  (bits & 8) != 0,
                                  (bits & 16) != 0};
      int matching = 0;
      for (size_t i = 0; i < tail_rows().size(); ++i) {
        if (!tail_rows()[i].matches(evidence)) continue;
        ++matching;
        ++hits[i];
      }
      EXPECT_EQ(matching, 1) << "found " << found << " bits " << bits;
      const TailVerdict verdict = judge_tail(evidence).verdict;
      // The rule, said once more: nothing that is claimed is ever cut or appended to.
      if (evidence.later_claim || evidence.external_claim) {
        EXPECT_NE(verdict, TailVerdict::kTornTail);
        EXPECT_NE(verdict, TailVerdict::kCleanEnd);
      }
      EXPECT_TRUE(verdict != TailVerdict::kCleanEnd || (evidence.aligned && !evidence.later_frame));
    }
  }
  for (size_t i = 0; i < hits.size(); ++i) EXPECT_GT(hits[i], 0u) << tail_rows()[i].name;
}

// A log of four flushed groups and one that is not, at rest after a kill; every test works on a
// copy. The page is lost, so that everything is judged by the bytes.
struct RecoveryTest : JournalAtRestTest {
  void SetUp() override {
    JournalAtRestTest::SetUp();
    write_and_close(
        {{record_frame("one")},
         {record_frame("two")},
         {record_frame("three")},
         {record_frame("four")}},
        {record_frame("five"), record_frame(std::string(5000, '6')), control_frame("seven")});
  }
  // Opens the log as `bytes` leaves it; what it then holds, or the error.
  std::vector<std::string> recovered(ByteVector bytes, std::span<const DurableClaim> claims = {}) {
    for (uint64_t id = 2; machine.image().exists("journal/" + segment_name(id)); ++id) {
      machine.image().remove("journal/" + segment_name(id));
    }
    machine.image().set_bytes(path, bytes);
    std::ranges::fill(machine.page("control"), std::byte{0});
    auto journal = open_journal(*root, clock, options, claims);
    if (!journal) return {"error: " + error_of(journal)};
    report = (*journal)->recovery();
    std::vector<std::string> before = contents(*root, **journal);
    // Whatever it did, it goes on, and the next open finds a clean end.
    EXPECT_OK(record_text(**journal, "after"));
    journal->reset();
    journal = open_journal(*root, clock, options);
    EXPECT_OK(journal);
    if (!journal) return {"error: " + error_of(journal)};
    EXPECT_FALSE((*journal)->recovery().torn);
    std::vector<std::string> after = contents(*root, **journal);
    EXPECT_FALSE(after.empty());
    if (!after.empty()) {
      EXPECT_EQ(after.back(), "after");
      after.pop_back();
    }
    EXPECT_EQ(before, after);
    return before;
  }
  static bool refused(const std::vector<std::string>& what) {
    return what.size() == 1 && what[0].starts_with("error: corrupt: ") &&
           what[0].find("segment 1 offset ") != std::string::npos;
  }
  std::vector<std::string> first(size_t count) const {
    const std::vector<std::string> all{
        "one", "two", "three", "four", "five", std::string(5000, '6'), "seven"};
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  void zero(ByteVector& bytes, uint64_t from, uint64_t to) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from),
              bytes.begin() + static_cast<std::ptrdiff_t>(to), std::byte{0});
  }

  SimulatedRandom random{1};
  RecoveryReport report;
};

TEST_F(RecoveryTest, WholeLogIsACleanEnd) {
  EXPECT_EQ(recovered(good), first(7));
  EXPECT_FALSE(report.torn);
}

TEST_F(RecoveryTest, LastGroupTornAtEverySectorIsCut) {
  for (uint64_t at = ends[3]; at < ends[4]; at += 512) {
    ByteVector torn = good;
    zero(torn, at, ends[4]);
    const auto left = recovered(torn);
    ASSERT_FALSE(refused(left)) << at << left[0];
    EXPECT_GE(left.size(), 4u);
    EXPECT_EQ(left, first(left.size())) << at;
    // Zeros lost from the padding are no loss.
    EXPECT_EQ(report.torn, at != ends[3] && torn != good) << at;
    EXPECT_TRUE(!report.torn || report.torn_at.offset >= ends[3]) << at;
  }
}

TEST_F(RecoveryTest, LastGroupWithAnySubsetOfItsSectorsIsCut) {
  const uint64_t sectors = (ends[4] - ends[3]) / 512;
  for (int seed = 0; seed < 300; ++seed) {
    ByteVector torn = good;
    bool all = true;
    for (uint64_t s = 0; s < sectors; ++s) {
      if (random.coin()) continue;
      zero(torn, ends[3] + s * 512, ends[3] + (s + 1) * 512);
      all = false;
    }
    const auto left = recovered(torn);
    ASSERT_FALSE(refused(left)) << left[0];
    EXPECT_GE(left.size(), 4u);
    EXPECT_EQ(left, first(left.size()));
    EXPECT_TRUE(all || report.torn || left.size() == 7 || left.size() == 4) << seed;
  }
}

TEST_F(RecoveryTest, LaterAppendKeptAndEarlierLostIsATornTail) {
  // Two more groups by two processes, unflushed; the power cut keeps the later one alone.
  machine.image().set_bytes(path, good);
  std::ranges::fill(machine.page("control"), std::byte{0});
  auto journal = open_journal(*root, clock, options);
  ASSERT_OK(journal);
  const auto a = append_text(**journal, "A");
  const auto b = append_text(**journal, "B");
  ASSERT_OK(b);
  journal->reset();
  ByteVector bytes = machine.image().bytes(path);
  zero(bytes, ends[4], a->mark.position.offset);
  EXPECT_EQ(recovered(bytes), first(7));
  EXPECT_TRUE(report.torn);
}

TEST_F(RecoveryTest, FlippedBitsAreRefusedWhereALaterFrameClaimsThemAndCutWhereNothingDoes) {
  // Groups one to three were durable when four was written, four when five was.
  for (uint64_t bit = 4096 * 8; bit < ends[4] * 8; bit += 37) {
    const uint64_t at = bit / 8;
    ByteVector bad = good;
    bad[at] ^= static_cast<std::byte>(1u << (bit % 8));
    const auto left = recovered(bad);
    if (at < ends[3]) {
      EXPECT_TRUE(refused(left)) << "offset " << at << ": " << left.size();
    } else {
      ASSERT_FALSE(refused(left)) << "offset " << at << ": " << left[0];
      EXPECT_TRUE(report.torn) << at;
      EXPECT_GE(left.size(), 4u);
      EXPECT_EQ(left, first(left.size()));
    }
  }
}

TEST_F(RecoveryTest, FlippedBitBehindTheEndIsCut) {
  ByteVector bad = good;
  bad[ends[4] + 5000] ^= std::byte{4};
  EXPECT_EQ(recovered(bad), first(7));
  EXPECT_TRUE(report.torn);
}

TEST_F(RecoveryTest, EveryBitOfTheHeaderIsGuarded) {
  for (uint64_t bit = 0; bit < 4096 * 8; bit += 7) {
    ByteVector bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_TRUE(refused(recovered(bad))) << "bit " << bit;
  }
  ByteVector bad = good;
  zero(bad, 0, 4096);
  EXPECT_TRUE(refused(recovered(bad)));
  bad.resize(100);
  EXPECT_TRUE(refused(recovered(bad)));
}

TEST_F(RecoveryTest, DurableControlFrameThatRotsIsRefusedThoughItHasNoSequence) {
  machine.image().set_bytes(path, good);
  std::ranges::fill(machine.page("control"), std::byte{0});
  auto journal = open_journal(*root, clock, options);
  ASSERT_OK(journal);
  const auto control = append(**journal, {control_frame("eight")});
  ASSERT_OK((*journal)->flush(*control));
  ASSERT_OK(append(**journal, {control_frame("nine")}));  // knows that eight was durable
  journal->reset();
  ByteVector bytes = machine.image().bytes(path);
  bytes[ends[4] + 64] ^= std::byte{1};
  EXPECT_TRUE(refused(recovered(bytes)));
}

TEST_F(RecoveryTest, LogEndingBelowAClaimHasLostData) {
  const DurableClaim claims[] = {{{{}, 3}, "trailer of a commit"}, {{{}, 5}, "applied watermark"}};
  EXPECT_EQ(recovered(good, claims), first(7));
  ByteVector lost = good;
  zero(lost, ends[3], ends[4]);
  const auto left = recovered(lost, claims);
  ASSERT_TRUE(refused(left));
  EXPECT_NE(left[0].find("lost data"), std::string::npos) << left[0];
  EXPECT_NE(left[0].find("applied watermark"), std::string::npos) << left[0];
  ByteVector bad = good;
  bad[ends[3] + 70] ^= std::byte{1};
  EXPECT_TRUE(refused(recovered(bad, claims)));
  lost.resize(ends[3]);
  EXPECT_TRUE(refused(recovered(lost, claims)));
}

TEST_F(RecoveryTest, AClaimByPositionSpeaksForAControlFrameToo) {
  // "seven", the last frame, is a control frame: by its sequence nobody can claim it.
  const DurableClaim all{{{1, ends[4]}, 6}, "applied watermark"};
  EXPECT_EQ(recovered(good, {&all, 1}), first(7));
  ByteVector bad = good;
  const uint64_t seven = ends[3] + frame_bytes_for(4) + frame_bytes_for(5000);
  bad[seven + kFrameHeaderBytes] ^= std::byte{1};
  const DurableClaim by_sequence{{{}, 6}, "trailer of a commit"};
  EXPECT_EQ(recovered(bad, {&by_sequence, 1}), first(6));
  const auto refusal = recovered(bad, {&all, 1});
  ASSERT_TRUE(refused(refusal)) << refusal[0];
  EXPECT_NE(refusal[0].find("applied watermark"), std::string::npos) << refusal[0];
}

TEST_F(RecoveryTest, AClaimOfASegmentThatIsNotThereIsALoss) {
  const DurableClaim later{{{2, kSegmentHeaderBytes}, 6}, "sync.state"};
  const auto refusal = recovered(good, {&later, 1});
  ASSERT_TRUE(refused(refusal)) << refusal[0];
  EXPECT_NE(refusal[0].find("lost data"), std::string::npos) << refusal[0];
}

TEST_F(RecoveryTest, AClaimOfAPlaceThatWasLeftForALaterSegmentHolds) {
  // An earlier segment was left before this place, and what stood there was carried over: the
  // sequence alone counts.
  EXPECT_FALSE(reaches_beyond({{{1, 1u << 20}, 6}, "applied watermark"}, {{2, 4096}, 6}));
  EXPECT_TRUE(reaches_beyond({{{1, 1u << 20}, 7}, "applied watermark"}, {{2, 4096}, 6}));
}

TEST_F(RecoveryTest, FileCutShortOnABlockBoundaryIsACleanEnd) {
  ByteVector shorter = good;
  shorter.resize(ends[3]);
  EXPECT_EQ(recovered(shorter), first(4));
  EXPECT_FALSE(report.torn);
}

TEST_F(RecoveryTest, StaleFramesOfARecycledSegmentAreACleanEnd) {
  // Behind the end stand frames that were whole in an earlier segment, at these very offsets.
  ByteVector bytes = good;
  SegmentHeader header = *decode_segment_header(ByteSpan(good).first(4096), test_store(), 1);
  header.epoch = 2;
  encode_segment_header(header, bytes.data());
  // The same log in epoch 2, then the old frames of epoch 1 behind two of its groups.
  const FrameContext now{test_store(), 1, 2};
  ByteVector fresh;
  encode_frame(record_frame("one"), now, {.offset = 4096, .seq = 1, .frame_bytes = 4096}, fresh);
  std::ranges::copy(fresh, bytes.begin() + 4096);
  EXPECT_EQ(recovered(bytes), (std::vector<std::string>{"one"}));
  EXPECT_FALSE(report.torn);
}

TEST_F(RecoveryTest, MisplacedAndRepeatedGroupsDoNotPass) {
  for (const auto& [from, to] : std::vector<std::pair<size_t, size_t>>{{0, 2}, {2, 0}, {1, 3}}) {
    ByteVector bytes = good;
    std::copy_n(good.begin() + static_cast<std::ptrdiff_t>(4096 + from * 4096), 4096,
                bytes.begin() + static_cast<std::ptrdiff_t>(4096 + to * 4096));
    EXPECT_TRUE(refused(recovered(bytes))) << from << " over " << to;
  }
  // A group repeated behind the end.
  ByteVector bytes = good;
  std::copy_n(good.begin() + 4096, 4096, bytes.begin() + static_cast<std::ptrdiff_t>(ends[4]));
  EXPECT_EQ(recovered(bytes), first(7));
  EXPECT_TRUE(report.torn);
}

// The bytes that recovery declared void reach the disk after all, and something was appended since:
// killed after the append, and with recovery itself killed half-way before.
TEST_F(RecoveryTest, WhatRecoveryCutNeverComesBack) {
  for (uint64_t crash = 0; crash < 8; ++crash) {
    ByteVector torn = good;
    torn[ends[3] + 70] ^= std::byte{1};
    EXPECT_EQ(recovered(torn), first(4));  // makes room: what is behind is new below
    for (uint64_t id = 2; machine.image().exists("journal/" + segment_name(id)); ++id) {
      machine.image().remove("journal/" + segment_name(id));
    }
    machine.image().set_bytes(path, torn);
    std::ranges::fill(machine.page("control"), std::byte{0});
    if (crash > 0) {
      machine.plan.crash_at(crash);
      try {
        static_cast<void>(open_journal(*root, clock, options));
      } catch (const SimulatedCrash&) {
      }
      root.reset();
      machine.kill();
      root = machine.open();
    }
    auto journal = open_journal(*root, clock, options);
    ASSERT_OK(journal);
    ASSERT_OK(record_text(**journal, "after"));
    journal->reset();
    machine.image().set_bytes(path, good);
    journal = open_journal(*root, clock, options);
    ASSERT_OK(journal);
    auto expected = first(4);
    expected.push_back("after");
    EXPECT_EQ(contents(*root, **journal), expected) << "crash at " << crash;
  }
}

TEST_F(RecoveryTest, GapBetweenWholeFramesIsRefused) {
  ByteVector frame;
  encode_frame(record_frame("gap"), {test_store(), 1, 1},
               {.offset = ends[4], .seq = 9, .frame_bytes = 4096}, frame);
  ByteVector bytes = good;
  std::ranges::copy(frame, bytes.begin() + static_cast<std::ptrdiff_t>(ends[4]));
  const auto left = recovered(bytes);
  ASSERT_TRUE(refused(left));
  EXPECT_NE(left[0].find("gap"), std::string::npos);
}

TEST_F(RecoveryTest, UnreadableBytesAreRefused) {
  machine.image().make_unreadable(path, ends[2], ends[2] + 512);
  const auto left = recovered(good);
  EXPECT_TRUE(refused(left)) << left[0];
  machine.image().writable(machine.image().find(path)).unreadable.clear();
  EXPECT_EQ(recovered(good), first(7));
}

}  // namespace
}  // namespace syncline
