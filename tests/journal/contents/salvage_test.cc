// What journal/contents/salvage.h promises: a durable frame that no longer holds is put back where
// its content is known, at its place, and nothing is changed where it is not.
#include "journal/contents/salvage.h"

#include "journal/log/segment.h"
#include "journal/record/control_frame.h"
#include "tests/journal/log/journal_fixture.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

using Texts = std::vector<std::string>;

// Knows some records by their sequence, and counts what it was asked.
struct KnownFrames final : FrameSource {
  std::map<uint64_t, FoundFrame> by_seq;
  std::vector<LostFrame> asked;
  Result<std::optional<FoundFrame>> find(const LostFrame& lost) override {
    asked.push_back(lost);
    const auto found = by_seq.find(lost.seq);
    if (found == by_seq.end()) return std::optional<FoundFrame>{};
    return std::optional(found->second);
  }
};

FoundFrame found(std::string_view payload) {
  return {Operation::kCreate, 1, 1000,
          ByteVector(as_bytes(payload).begin(), as_bytes(payload).end()), "the test"};
}

// Four records, a control frame and one more record, all acknowledged, at rest.
struct SalvageTest : JournalAtRestTest {
  void SetUp() override {
    JournalAtRestTest::SetUp();
    write_and_close({{record_frame("one")},
                     {record_frame("two")},
                     {record_frame("three")},
                     {control_frame("batch")},
                     {record_frame("four")},
                     {record_frame("five")}});
  }
  uint64_t begin_of(size_t frame) const {
    return frame == 0 ? kSegmentHeaderBytes : ends[frame - 1];
  }
  void spoil(size_t frame, uint64_t from, uint64_t to) {
    ByteVector bytes = machine.image().bytes(path);
    for (uint64_t at = begin_of(frame) + from; at < begin_of(frame) + to; ++at) {
      bytes[at] = static_cast<std::byte>(at * 37 + 11);
    }
    machine.image().set_bytes(path, bytes);
  }
  void flip(uint64_t bit) {
    ByteVector bytes = machine.image().bytes(path);
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    machine.image().set_bytes(path, bytes);
  }
  SalvageReport salvage(bool dry_run = false) {
    auto report = salvage_journal(*root, test_store(), source, {}, "kept/journal", dry_run);
    EXPECT_OK(report);
    return report ? *report : SalvageReport{};
  }
  Texts read_all() {
    const auto journal = open_journal(*root, clock, options);
    if (!journal) return {error_of(journal)};
    EXPECT_FALSE((*journal)->recovery().torn);
    return contents(*root, **journal);
  }

  KnownFrames source;
  const Texts all{"one", "two", "three", "batch", "four", "five"};
};

TEST_F(SalvageTest, AWholeJournalIsLeftAsItIs) {
  const SalvageReport report = salvage();
  EXPECT_TRUE(report.put_back.empty());
  EXPECT_EQ(report.left, "");
  EXPECT_EQ(machine.image().bytes(path), good);
  EXPECT_FALSE(machine.image().exists("kept"));
}

TEST_F(SalvageTest, AFlippedBitAnywhereInAFrameIsUndone) {
  for (const size_t frame : {1u, 3u, 5u}) {
    for (uint64_t bit = 0; bit < (kFrameHeaderBytes + 10) * 8; ++bit) {
      flip(begin_of(frame) * 8 + bit);
      const SalvageReport report = salvage();
      ASSERT_EQ(report.left, "") << "frame " << frame << " bit " << bit;
      ASSERT_EQ(report.put_back.size(), 1u) << "frame " << frame << " bit " << bit;
      EXPECT_EQ(report.put_back[0].position.offset, begin_of(frame));
      EXPECT_EQ(report.put_back[0].source, "the frame itself");
      ASSERT_EQ(read_all(), all) << "frame " << frame << " bit " << bit;
    }
  }
  EXPECT_TRUE(source.asked.empty());
}

TEST_F(SalvageTest, ARecordWhosePayloadIsGoneIsPutBackFromElsewhereAndKeepsItsPlace) {
  spoil(1, kFrameHeaderBytes, 200);
  source.by_seq[2] = found("two");
  const SalvageReport report = salvage();
  EXPECT_EQ(report.left, "");
  ASSERT_EQ(report.put_back.size(), 1u);
  EXPECT_EQ(report.put_back[0].seq, 2u);
  EXPECT_EQ(report.put_back[0].source, "the test");
  ASSERT_EQ(source.asked.size(), 1u);
  ASSERT_TRUE(source.asked[0].header);
  EXPECT_EQ(source.asked[0].header->seq, 2u);
  EXPECT_EQ(read_all(), all);
  // What was there is kept.
  EXPECT_TRUE(machine.image().exists("kept/journal/" + segment_name(1)));
}

TEST_F(SalvageTest, ALastFrameThatIsWhollyGoneIsPutBackUpToThePlaceThatIsClaimed) {
  spoil(5, 0, kBlockBytes);
  source.by_seq[5] = found("five, from its row");
  const SalvageReport report = salvage();
  EXPECT_EQ(report.left, "");
  ASSERT_EQ(source.asked.size(), 1u);
  EXPECT_FALSE(source.asked[0].header);
  Texts expected = all;
  expected.back() = "five, from its row";
  EXPECT_EQ(read_all(), expected);
}

TEST_F(SalvageTest, ManyFramesThatAreGoneArePutBackTogetherAndTheRoomIsFilled) {
  spoil(1, 0, 2 * kBlockBytes);  // "two" and "three"
  source.by_seq[2] = found("two");
  source.by_seq[3] = found("three");
  EXPECT_EQ(salvage().left, "");
  Texts read = read_all();
  const ByteVector filler = encode(CheckpointFrame{});
  std::erase(read, std::string(as_text(filler)));
  EXPECT_EQ(read, all);
}

TEST_F(SalvageTest, NothingIsChangedWhereTheContentIsNotToBeHad) {
  spoil(1, kFrameHeaderBytes, 200);
  spoil(4, kFrameHeaderBytes, 200);
  source.by_seq[2] = found("two");  // and "four" nowhere
  const ByteVector before = machine.image().bytes(path);
  const SalvageReport report = salvage();
  EXPECT_TRUE(report.put_back.empty());
  EXPECT_NE(report.left.find("segment 1 offset " + std::to_string(begin_of(4))), std::string::npos)
      << report.left;
  EXPECT_EQ(machine.image().bytes(path), before);
  EXPECT_FALSE(machine.image().exists("journal/" + unborn_segment_name(1)));
}

TEST_F(SalvageTest, ADryRunSaysTheSameAndChangesNothing) {
  flip(begin_of(5) * 8 + 70);
  const ByteVector before = machine.image().bytes(path);
  EXPECT_EQ(salvage(/*dry_run=*/true).put_back.size(), 1u);
  EXPECT_EQ(machine.image().bytes(path), before);
  EXPECT_EQ(salvage().put_back.size(), 1u);
  EXPECT_EQ(read_all(), all);
}

TEST_F(SalvageTest, WhoHasTheStoreOpenKeepsItFromBeingSalvaged) {
  const auto journal = open_journal(*root, clock, options);
  ASSERT_OK(journal);
  const auto report = salvage_journal(*root, test_store(), source, {}, "kept/journal", false);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kBusy);
}

TEST_F(SalvageTest, SectorsThatCannotBeReadArePutBackFromElsewhere) {
  machine.image().make_unreadable(path, begin_of(2), begin_of(2) + kBlockBytes);
  source.by_seq[3] = found("three");
  EXPECT_EQ(salvage().left, "");
  EXPECT_EQ(read_all(), all);
}

TEST_F(SalvageTest, ADeathAtAnyMomentIsFinishedByRunningItAgain) {
  spoil(1, kFrameHeaderBytes, 200);
  source.by_seq[2] = found("two");
  const DiskImage damaged(machine.image());
  for (uint64_t nth = 1;; ++nth) {
    root.reset();
    machine.boot(damaged);
    root = machine.open();
    machine.plan.crash_at(nth);
    bool died = false;
    try {
      static_cast<void>(
          salvage_journal(*root, test_store(), source, {}, "kept/journal", /*dry_run=*/false));
    } catch (const SimulatedCrash&) {
      died = true;
    }
    SimulatedRandom random(nth);
    root.reset();
    if (nth % 2 == 0) {
      machine.kill();
    } else {
      machine.power_cut(random);
    }
    root = machine.open();
    ASSERT_EQ(salvage().left, "") << "died before operation " << nth;
    ASSERT_EQ(read_all(), all) << "died before operation " << nth;
    if (!died) {
      EXPECT_GT(nth, 5u);
      break;
    }
  }
}

TEST_F(SalvageTest, AFrameThatWasCarriedOverIsPutBackFromTheSegmentThatWasLeft) {
  auto journal = open_journal(*root, clock, options);
  ASSERT_OK(journal);
  const auto appended = append_text(**journal, "carried");
  ASSERT_OK(appended);
  machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
  ASSERT_OK((*journal)->flush(*appended));
  ASSERT_EQ((*journal)->end().position.segment, 2u);
  journal->reset();
  const std::string second = "journal/" + segment_name(2);
  ByteVector bytes = machine.image().bytes(second);
  for (uint64_t at = kSegmentHeaderBytes; at < kSegmentHeaderBytes + 128; ++at) {
    bytes[at] = std::byte{0x55};
  }
  machine.image().set_bytes(second, bytes);
  const SalvageReport report = salvage();
  EXPECT_EQ(report.left, "");
  ASSERT_EQ(report.put_back.size(), 1u);
  EXPECT_EQ(report.put_back[0].source, "segment 1");
  Texts expected = all;
  expected.push_back("carried");
  EXPECT_EQ(read_all(), expected);
}

}  // namespace
}  // namespace syncline
