// What a stretch of the log says, whoever asks.
#include "journal/contents/log_tail.h"

#include <gtest/gtest.h>

#include "journal/record/intent.h"

namespace syncline {
namespace {

constexpr unsigned kEverything = LogTail::kOutcomes | LogTail::kOffsets | LogTail::kCommits |
                                 LogTail::kClaims | LogTail::kConfig | LogTail::kKeys |
                                 LogTail::kIds;

// A log of frames that follow each other, and what takes them in.
class LogTailTest : public testing::Test {
 protected:
  Status take(LogTail& tail, Operation operation, const ByteVector& payload, uint64_t seq = 0,
              uint64_t id = 0) {
    FrameView frame{.operation = operation, .seq = seq, .id = id, .payload = payload};
    frame.position = {1, offset_};
    frame.frame_bytes = 64;
    offset_ += 64;
    return tail.take(frame);
  }
  Status take_record(LogTail& tail, uint64_t seq, uint64_t id, const std::string& key,
                     const std::string& table = "notes") {
    Intent intent{.kind = "note", .key = key, .table = table, .id_column = "id"};
    if (!key.empty()) intent.content_hash = Sha256Hash{};
    intent.path.add("notes/");
    intent.path.add(Slot::kId);
    intent.text.add("text");
    intent.subject.add("subject");
    return take(tail, Operation::kCreate, encode_intent(intent), seq, id);
  }
  Status take_rebind(LogTail& tail, uint64_t seq, uint64_t new_id) {
    return take(tail, Operation::kRebind,
                encode(Outcome{.seq = seq, .kind = Outcome::Kind::kRebind, .new_id = new_id}));
  }
  static BatchFrame batch(uint64_t first_seq, uint64_t last_seq) {
    BatchFrame frame{.first_seq = first_seq, .last_seq = last_seq};
    frame.tree.bytes.fill(std::byte{1});
    frame.commit.bytes.fill(std::byte{2});
    frame.author_name = "Author";
    frame.author_email = "author@localhost";
    return frame;
  }

  uint64_t offset_ = 4096;
};

TEST_F(LogTailTest, TheLastOutcomeHoldsAndEarlierIdsAreKnown) {
  LogTail tail(kEverything);
  ASSERT_TRUE(take_rebind(tail, 7, 20));
  const Position first{1, offset_ - 64};
  ASSERT_TRUE(take_rebind(tail, 7, 30));
  ASSERT_NE(tail.outcome(7), nullptr);
  EXPECT_EQ(tail.outcome(7)->new_id, 30u);
  EXPECT_EQ(std::vector<uint64_t>(tail.earlier_ids(7).begin(), tail.earlier_ids(7).end()),
            std::vector<uint64_t>{20});
  EXPECT_EQ(tail.outcome(8), nullptr);
  // The first is projected: it is not the last word. Then the second is.
  Outcome outcome{.seq = 7, .kind = Outcome::Kind::kRebind, .new_id = 20};
  EXPECT_FALSE(tail.pass_outcome(outcome, first));
  EXPECT_TRUE(tail.pass_outcome(outcome, {1, first.offset + 64}));
  EXPECT_EQ(outcome.new_id, 30u);
  EXPECT_EQ(tail.outcome(7), nullptr);
  EXPECT_TRUE(tail.earlier_ids(7).empty());
}

TEST_F(LogTailTest, AnOutcomeBehindABatchIsSettledByItWhateverIsKept) {
  LogTail tail(LogTail::kOutcomes);
  ASSERT_TRUE(take(tail, Operation::kBatch, encode(batch(1, 9))));
  ASSERT_TRUE(take(tail, Operation::kBatch, encode(batch(1, 5))));
  EXPECT_TRUE(tail.batches().empty());
  EXPECT_EQ(tail.batched(), 9u);
  ASSERT_TRUE(take_rebind(tail, 9, 40));
  ASSERT_TRUE(take_rebind(tail, 10, 41));
  EXPECT_EQ(tail.outcome(9)->file_id, 0u);
  EXPECT_EQ(tail.outcome(10)->file_id, std::nullopt);
}

TEST_F(LogTailTest, ARetractionIsTheLastWordOnItsRecordAndLeavesItsFileInTheCommits) {
  LogTail tail(LogTail::kOutcomes);
  ASSERT_TRUE(take_rebind(tail, 3, 40));
  const Position rebound{1, offset_ - 64};
  ASSERT_TRUE(take(tail, Operation::kBatch, encode(batch(1, 9))));
  Intent intent{.operation = Operation::kRetract,
                .kind = "note",
                .table = "notes",
                .id_column = "id",
                .subject = Template::literal("retract: note"),
                .retracted = RetractedRecord{.seq = 3, .operation = Operation::kCreate}};
  ASSERT_TRUE(take(tail, Operation::kRetract, encode_intent(intent), 10, 40));
  const Outcome* const outcome = tail.outcome(3);
  ASSERT_NE(outcome, nullptr);
  EXPECT_TRUE(outcome->is_retracted());
  EXPECT_EQ(outcome->retracted_by, 10u);
  EXPECT_FALSE(outcome->has_row());
  EXPECT_TRUE(outcome->has_file());
  EXPECT_EQ(EffectIds(3, outcome).file, 40u);
  Outcome rebind{.seq = 3, .kind = Outcome::Kind::kRebind, .new_id = 40};
  EXPECT_FALSE(tail.pass_outcome(rebind, rebound));
}

TEST_F(LogTailTest, AnOutcomeIsSettledAgainstWhatCameBeforeTheStretch) {
  LogTail tail(LogTail::kOutcomes);
  ASSERT_TRUE(take(tail, Operation::kBatch, encode(batch(1, 9))));
  const ByteVector payload =
      encode(Outcome{.seq = 3, .kind = Outcome::Kind::kRebind, .new_id = 40});
  const FrameView frame{.operation = Operation::kRebind, .payload = payload};
  ASSERT_TRUE(tail.take(frame, [](uint64_t seq) -> Result<std::optional<Outcome>> {
    return std::optional(Outcome{.seq = seq, .kind = Outcome::Kind::kRebind, .new_id = 12});
  }));
  EXPECT_EQ(tail.outcome(3)->file_id, 12u);
  const Status failed = tail.take(frame, [](uint64_t) -> Result<std::optional<Outcome>> {
    ADD_FAILURE() << "one of the stretch is nearer";
    return std::optional<Outcome>();
  });
  EXPECT_TRUE(failed);
}

TEST_F(LogTailTest, OffsetsConfigurationAndClaimsAreTheNewest) {
  LogTail tail(kEverything);
  for (const uint64_t offset : {100u, 200u}) {
    ASSERT_TRUE(take(tail, Operation::kAppendOffsets,
                     encode(AppendOffsetsFrame{.offsets = {{4, offset}, {5, 7}}})));
  }
  EXPECT_EQ(tail.offset(4), 200u);
  EXPECT_FALSE(tail.pass_offset(4, {1, offset_ - 128}));
  EXPECT_TRUE(tail.pass_offset(4, {1, offset_ - 64}));
  EXPECT_EQ(tail.offset(4), std::nullopt);
  ASSERT_TRUE(take(tail, Operation::kConfig, encode(ConfigFrame{"one"})));
  ASSERT_TRUE(take(tail, Operation::kConfig, encode(ConfigFrame{"two"})));
  EXPECT_EQ(tail.config_text(), "two");
  ASSERT_TRUE(take(tail, Operation::kCheckpoint,
                   encode(CheckpointFrame{.files_synced = 3, .applied = 6, .committed = 2})));
  ASSERT_TRUE(take(tail, Operation::kCheckpoint,
                   encode(CheckpointFrame{.files_synced = 4, .applied = 5, .committed = 2})));
  EXPECT_EQ(tail.claimed_applied(), 6u);
  EXPECT_EQ(tail.claimed_files_synced(), 4u);
  ASSERT_TRUE(take(tail, Operation::kBatch, encode(batch(1, 8))));
  EXPECT_EQ(tail.claimed_applied(), 8u) << "what is committed was applied";
}

TEST_F(LogTailTest, KeysAndIdsOfRecordsAndOfTheirRebinds) {
  LogTail tail(kEverything);
  ASSERT_TRUE(take_record(tail, 1, 11, "a"));
  ASSERT_TRUE(take_record(tail, 2, 12, "", "NOTES"));
  ASSERT_TRUE(take_record(tail, 3, 5, "b", "rules"));
  EXPECT_EQ(tail.find_key("a")->seq, 1u);
  EXPECT_FALSE(tail.find_key("c"));
  EXPECT_EQ(tail.highest_id("Notes"), 12u);
  ASSERT_TRUE(take_rebind(tail, 3, 90));
  ASSERT_TRUE(take_rebind(tail, 400, 99));  // of a record that SQLite answers for
  EXPECT_EQ(tail.highest_id("rules"), 90u);
  EXPECT_EQ(tail.highest_id("other"), 0u);
  tail.forget_records(1);
  EXPECT_EQ(tail.records(), 2u);
  EXPECT_FALSE(tail.find_key("a"));
  EXPECT_TRUE(tail.find_key("b"));
  EXPECT_EQ(tail.highest_id("notes"), 12u) << "an id stays given out";
}

TEST_F(LogTailTest, BatchesThatStandAreThoseNoLaterOneBeganWithin) {
  LogTail tail(LogTail::kCommits);
  for (const auto& [first, last] : {std::pair{1, 4}, {5, 9}, {10, 12}, {8, 11}, {12, 12}}) {
    ASSERT_TRUE(take(tail, Operation::kBatch, encode(batch(first, last))));
  }
  EXPECT_EQ(tail.batches().size(), 5u);
  std::vector<uint64_t> ends;
  for (const BatchFrame& each : standing_batches(tail.batches())) ends.push_back(each.last_seq);
  EXPECT_EQ(ends, (std::vector<uint64_t>{4, 11, 12}));
}

TEST_F(LogTailTest, AFrameThatCannotBeActedOnIsRefusedWithItsPlaceAndKeepsNothing) {
  for (const unsigned parts : {0u, kEverything}) {
    LogTail tail(parts);
    const Status unknown = take(tail, static_cast<Operation>(40), {});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Code::kUnsupported);
    EXPECT_NE(unknown.error().message.find("segment 1 offset"), std::string::npos)
        << unknown.error().message;
    ByteVector newer = encode(ConfigFrame{"text"});
    newer.front() = std::byte{9};
    EXPECT_FALSE(take(tail, Operation::kConfig, newer));
    ByteVector cut = encode(batch(1, 2));
    cut.pop_back();
    const Status malformed = take(tail, Operation::kBatch, cut);
    ASSERT_FALSE(malformed);
    EXPECT_EQ(malformed.error().code, Code::kCorrupt);
    EXPECT_EQ(tail.batched(), 0u);
    EXPECT_TRUE(tail.config_text().empty());
    EXPECT_FALSE(take(tail, static_cast<Operation>(9), {}, 1, 1)) << "a record's operation, too";
  }
}

}  // namespace
}  // namespace syncline
