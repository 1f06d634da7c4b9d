// What journal.h promises when a flush or a write fails, a process has died in the middle, a page
// rots, or the disk is full.
#include <cerrno>

#include "journal/log/journal.h"
#include "tests/journal/log/journal_fixture.h"
#include "tests/support/hooked_directory.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

using Texts = std::vector<std::string>;

TEST_F(JournalTest, FailedFlushLeavesTheSegmentAndLosesNothing) {
  open();
  ASSERT_OK(record_text(*journal, "durable"));
  auto other = open_journal(*root, clock, options);
  ASSERT_OK(other);
  const auto a = append_text(*journal, "a");
  const auto b = append_text(**other, "b");
  ASSERT_OK(b);
  machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
  EXPECT_OK(journal->flush(*a));
  EXPECT_OK((*other)->flush(*b));  // found in the new segment
  EXPECT_EQ(journal->epoch(), 2u);
  EXPECT_EQ((*other)->end().position.segment, 2u);
  EXPECT_EQ(journal->counter(Counter::kFlushFailures), 1u);
  EXPECT_EQ(journal->retries(RetryCause::kFlush), 1u);
  EXPECT_EQ(journal->retries_last_minute(), 1u);
  ASSERT_OK(record_text(**other, "c"));
  EXPECT_EQ(contents(*root, *journal), (Texts{"durable", "a", "b", "c"}));
  // A mark of before still finds its place.
  const auto rest = read_entries(*root, journal->end(), a->mark);
  ASSERT_OK(rest);
  EXPECT_EQ(payloads(*rest), (Texts{"b", "c"}));
}

TEST_F(JournalTest, FramesThatCouldNotBeCarriedOverHaveAnUnknownOutcome) {
  open();
  ASSERT_OK(record_text(*journal, "durable"));
  const auto lost = append_text(*journal, "lost");
  ASSERT_OK(lost);
  const std::string name = "journal/" + segment_name(1);
  ByteVector bytes = machine.image().bytes(name);
  bytes[lost->mark.position.offset - 4096 + 64] ^= std::byte{1};
  machine.image().set_bytes(name, bytes);
  machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
  const auto flushed = journal->flush(*lost);
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, Code::kOutcomeUnknown);
  // The sequence is given again, to the same bytes: still not the record that was lost.
  const auto again = record_text(*journal, "lost");
  ASSERT_OK(again);
  EXPECT_EQ(again->mark.seq, lost->mark.seq);
  EXPECT_FALSE(journal->flush(*lost));
  EXPECT_EQ(contents(*root, *journal), (Texts{"durable", "lost"}));
}

TEST_F(JournalTest, FlushThatKeepsFailingSaysSoAndIsMendedLater) {
  open();
  const auto a = append_text(*journal, "a");
  machine.plan.fail_at(1, EIO, FaultPlan::kSticky, Call::kSync);
  const auto flushed = journal->flush(*a);
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, Code::kOutcomeUnknown);
  EXPECT_FALSE(journal->flush(*a));
  machine.plan.heal();
  EXPECT_OK(journal->flush(*a));
  EXPECT_EQ(journal->epoch(), 2u);
  EXPECT_EQ(contents(*root, *journal), (Texts{"a"}));
}

// Whoever leaves the segment after the failed flush must not sync it again and believe that.
TEST_F(JournalTest, ASegmentWhoseFlushFailedIsNotSyncedAgainToLeaveIt) {
  open();
  ASSERT_OK(append_text(*journal, "a"));
  machine.plan.fail_at(1, EIO, FaultPlan::kSticky);
  EXPECT_FALSE(append_text(*journal, "no"));  // its write fails, and the sync of what was before it
  machine.plan.heal();
  ASSERT_OK(record_text(*journal, "b"));
  DiskImage after = with_nothing_kept(machine.image());
  journal.reset();
  root.reset();
  machine.boot(std::move(after));
  root = machine.open();
  open();
  EXPECT_EQ(contents(*root, *journal), (Texts{"a", "b"}));
}

TEST_F(JournalTest, PendingFlushOfADeadProcessIsHonoured) {
  open();
  ASSERT_OK(record_text(*journal, "a"));
  ASSERT_OK(append_text(*journal, "b"));
  page().set_pending_flush({1, 1});
  journal.reset();
  open();  // alone
  EXPECT_TRUE(journal->recovery().abandoned);
  EXPECT_EQ(journal->epoch(), 2u);
  EXPECT_EQ(journal->durable().seq, 2u);
  EXPECT_EQ(contents(*root, *journal), (Texts{"a", "b"}));
  // And by a process that had the store open all along.
  const auto c = append_text(*journal, "c");
  page().set_pending_flush({2, 2});
  EXPECT_OK(journal->flush(*c));
  EXPECT_EQ(journal->epoch(), 3u);
  // One of another segment means nothing.
  page().set_pending_flush({1, 1});
  ASSERT_OK(record_text(*journal, "d"));
  EXPECT_EQ(journal->epoch(), 3u);
  EXPECT_EQ(contents(*root, *journal), (Texts{"a", "b", "c", "d"}));
}

TEST_F(JournalTest, AppendMarkOfADeadProcessKeepsWhatIsWholeAndCutsWhatIsTorn) {
  open();
  ASSERT_OK(record_text(*journal, "a"));
  const auto before = page().end();
  const auto dead = append(*journal, {record_frame("b"), record_frame(std::string(6000, 'c'))});
  ASSERT_OK(dead);
  const std::string name = "journal/" + segment_name(1);
  const ByteVector whole = machine.image().bytes(name);
  const auto die = [&] {
    page().set_end(*before);
    page().set_durable(*before);
    page().set_pending_append(PendingAppend::kUnderWay);
  };
  die();
  ASSERT_OK(record_text(*journal, "d"));
  EXPECT_EQ(journal->epoch(), 1u);
  EXPECT_EQ(contents(*root, *journal), (Texts{"a", "b", std::string(6000, 'c'), "d"}));

  ByteVector torn = whole;
  std::fill(torn.begin() + static_cast<std::ptrdiff_t>(dead->mark.position.offset - 4096),
            torn.end(), std::byte{0});
  machine.image().set_bytes(name, torn);
  die();
  ASSERT_OK(record_text(*journal, "e"));
  EXPECT_EQ(journal->epoch(), 2u);
  EXPECT_EQ(contents(*root, *journal), (Texts{"a", "b", "e"}));
}

TEST_F(JournalTest, GarbageInTheControlPageIsNotBelieved) {
  open();
  ASSERT_OK(record_text(*journal, "a"));
  ASSERT_OK(append_text(*journal, "b"));
  SimulatedRandom random(1);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    journal.reset();
    const MutableByteSpan bytes = machine.page("control");
    for (size_t i = seed % 2 == 0 ? 0 : 32; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(random.next_u64());
    }
    open();
    EXPECT_EQ(contents(*root, *journal), (Texts{"a", "b"}));
    EXPECT_EQ(journal->watermark(Watermark::kApplied), 0u);
  }
  // While others have the store open there is nothing else to go by.
  std::ranges::fill(machine.page("control"), std::byte{0});
  const auto joined = open_journal(*root, clock, options);
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().code, Code::kCorrupt);
  EXPECT_FALSE(append_text(*journal, "c"));
}

// What the last frame's acknowledgement rests on, once nothing later speaks for it: the control
// page. Its durable mark was set after the flush, so it is a claim in every boot in which it is
// there.
struct IdleJournal : JournalTest {
  // Flips a bit of the frame that ends the log, or zeroes it, and opens the journal again.
  std::string damaged(bool reboot, uint64_t bit, bool zero) {
    open();
    const uint64_t end = journal->end().position.offset;
    const uint64_t frame = page().durable()->last_frame;
    journal.reset();
    DiskImage image(machine.image());
    ByteVector bytes = machine.image().bytes(path);
    if (zero) {
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(frame),
                bytes.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
    } else {
      bytes[frame + bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    }
    machine.image().set_bytes(path, bytes);
    if (reboot) ++machine.image().boot;
    const auto opened = open_journal(*root, clock, options);
    // Nothing was changed, so that another look says the same.
    EXPECT_EQ(machine.image().bytes(path), bytes);
    EXPECT_FALSE(machine.image().exists("journal/" + segment_name(2)));
    EXPECT_EQ(error_of(open_journal(*root, clock, options)), error_of(opened));
    root.reset();
    machine.boot(std::move(image));
    root = machine.open();
    return error_of(opened);
  }
  void expect_refused_wherever_it_is_damaged() {
    for (const bool reboot : {false, true}) {
      for (uint64_t bit = 0; bit < (64 + 4) * 8; ++bit) {
        const std::string told = damaged(reboot, bit, false);
        ASSERT_TRUE(told.starts_with("corrupt: the journal is damaged: segment 1 offset "))
            << "bit " << bit << ": " << told;
      }
      const std::string lost = damaged(reboot, 0, true);
      EXPECT_NE(lost.find("lost data that was durable: segment 1 offset "), std::string::npos)
          << lost;
    }
  }
  const std::string path = "journal/" + segment_name(1);
};

TEST_F(IdleJournal, RotInTheLastAcknowledgedRecordIsDamageInThisBootAndTheNext) {
  open();
  ASSERT_OK(record_text(*journal, "first"));
  ASSERT_OK(record_text(*journal, "last"));
  expect_refused_wherever_it_is_damaged();
}

TEST_F(IdleJournal, RotInTheLastAcknowledgedControlFrameIsDamageInThisBootAndTheNext) {
  open();
  ASSERT_OK(record_text(*journal, "record"));
  const auto control = append(*journal, {control_frame("last")});
  ASSERT_OK(control);
  ASSERT_OK(journal->flush(*control));
  expect_refused_wherever_it_is_damaged();
}

TEST_F(IdleJournal, AnOpenThatDiesBeforeItFlushedLeavesThePagesClaimInPlace) {
  open();
  ASSERT_OK(record_text(*journal, "last"));
  const EpochMark durable = *page().durable();
  journal.reset();
  ++machine.image().boot;
  machine.plan.fail_at(1, EIO, FaultPlan::kSticky, Call::kSync);
  static_cast<void>(open_journal(*root, clock, options));
  machine.plan.heal();
  EXPECT_EQ(page().durable(), durable);
}

TEST_F(JournalTest, FullDiskAnswersRetryLaterAndStillTakesControlFrames) {
  open();
  machine.image().capacity_bytes = 120u << 10;
  uint64_t records = 0;
  Code code = Code::kInternal;
  for (; records < 1000; ++records) {
    const auto recorded = record_text(*journal, std::string(3000, 'f'));
    if (recorded) continue;
    code = recorded.error().code;
    break;
  }
  EXPECT_EQ(code, Code::kRetryLater);
  EXPECT_GT(records, 10u);
  const auto control = append(*journal, {control_frame("still in")});
  ASSERT_OK(control);
  EXPECT_OK(journal->flush(*control));
  EXPECT_FALSE(record_text(*journal, "x"));
  machine.image().capacity_bytes = UINT64_MAX;
  EXPECT_OK(record_text(*journal, "x"));
  open();
  EXPECT_EQ(contents(*root, *journal).size(), records + 2);
}

TEST_F(JournalTest, AFullDiskIsMetBeforeALargeGroupIsAppended) {
  options.segment_bytes_max = 16u << 20;
  open();
  const std::string text(1u << 20, 'l');
  ASSERT_OK(record_text(*journal, text));
  const uint64_t segment = journal->end().position.segment;
  machine.image().capacity_bytes = (1u << 20) + (512u << 10);
  const auto refused = record_text(*journal, text);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRetryLater);
  EXPECT_EQ(journal->end().position.segment, segment);
  EXPECT_OK(record_text(*journal, "small"));
  machine.image().capacity_bytes = UINT64_MAX;
  EXPECT_OK(record_text(*journal, text));
  open();
  EXPECT_EQ(contents(*root, *journal), (Texts{text, "small", text}));
}

TEST_F(JournalTest, FailedWriteIsNeverInTheLog) {
  open();
  ASSERT_OK(record_text(*journal, "a"));
  for (const int error : {EIO, ENOSPC}) {
    machine.plan.fail_at(1, error, FaultPlan::kOnce, Call::kWrite);
    const auto failed = append(*journal, {record_frame("no"), record_frame("no either")});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, error == EIO ? Code::kIo : Code::kRetryLater);
  }
  ASSERT_OK(record_text(*journal, "b"));
  EXPECT_EQ(contents(*root, *journal), (Texts{"a", "b"}));
}

TEST_F(JournalTest, NothingIsAcknowledgedIntoAnUnlinkedSegment) {
  open();
  ASSERT_OK(
      record_text(*journal, "while it had its name"));  // what flushes has it open from now on
  const auto a = append_text(*journal, "a");
  machine.image().remove("journal/" + segment_name(1));
  const auto flushed = journal->flush(*a);
  ASSERT_FALSE(flushed);
  EXPECT_TRUE(flushed.error().code == Code::kOutcomeUnknown ||
              flushed.error().code == Code::kNotFound)
      << error_of(flushed);
}

}  // namespace
}  // namespace syncline
