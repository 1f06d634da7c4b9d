#include "tools/text_output.h"

#include <gtest/gtest.h>

#include "tools/failure.h"

namespace syncline {
namespace {

TEST(TextOutput, ARecordIsOneLine) {
  Receipt receipt{.seq = 12,
                  .kind = "note",
                  .table = "notes",
                  .id = 12,
                  .path = "notes/0000/hello-12.md",
                  .stage = Stage::kApplied};
  EXPECT_EQ(recorded_text(receipt),
            "recorded seq 12: notes id 12, notes/0000/hello-12.md (applied)\n");
  receipt.duplicate = true;
  EXPECT_TRUE(recorded_text(receipt).starts_with("already recorded as seq 12"));
}

TEST(TextOutput, AReceiptEndsWithTheFieldsThatWereHandedOver) {
  Receipt receipt{.seq = 3, .kind = "note"};
  EXPECT_EQ(receipt_text(receipt).find("title"), std::string::npos);
  receipt.fields = {{"title", std::string("one\033[2J")},
                    {"body", std::string("first\n\nlast")},
                    {"severity", int64_t{4}}};
  const std::string text = receipt_text(receipt);
  EXPECT_NE(text.find("\nbody:\n  first\n\n  last\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nseverity: 4\n"), std::string::npos) << text;
  EXPECT_EQ(text.find('\033'), std::string::npos) << text;
}

TEST(TextOutput, WhatAPersonDidIsALineEach) {
  Receipt receipt{.seq = 3, .kind = "note"};
  EXPECT_EQ(receipt_text(receipt).find("by a person"), std::string::npos);
  receipt.change = {.on_branch = PersonsChange::Kind::kEdited,
                    .in_work_tree = PersonsChange::Kind::kRemoved,
                    .moved_to = "kept\033.md",
                    .moved_by = "0123456789abcdef",
                    .edited_by = "fedcba9876543210"};
  const std::string text = receipt_text(receipt);
  EXPECT_NE(text.find(".md by 0123456789\n"), std::string::npos) << text;
  EXPECT_NE(text.find("by a person    edited by fedcba9876\n"), std::string::npos) << text;
  EXPECT_NE(text.find("by a person    removed from the work tree\n"), std::string::npos) << text;
  EXPECT_EQ(text.find('\033'), std::string::npos) << text;
}

TEST(TextOutput, SetAsideIsSaidWithItsReason) {
  const Receipt receipt{.seq = 3, .set_aside = "a directory is in the way\033[2J"};
  const std::string text = recorded_text(receipt);
  EXPECT_NE(text.find("set aside: a directory is in the way"), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

TEST(TextOutput, StatusSaysHowFarBehindEachStageIs) {
  StoreStatus status;
  status.journaled = 100;
  status.applied = 100;
  status.committed = 90;
  status.git = "a rebase is under way";
  const std::string text = status_text(status);
  EXPECT_NE(text.find("90  (10 behind)"), std::string::npos);
  EXPECT_NE(text.find("no remote"), std::string::npos);
  EXPECT_NE(text.find("a rebase is under way"), std::string::npos);
  EXPECT_EQ(text.find("due"), std::string::npos);
  status.publish_due_ms = 1500;
  EXPECT_NE(status_text(status).find("due in 1.5 s"), std::string::npos);
  status.publish_due_ms = 0;
  EXPECT_NE(status_text(status).find("due now"), std::string::npos);
}

TEST(TextOutput, StatusNamesBreachesAndTheCausesOfRetries) {
  StoreStatus status;
  status.git = "ok";
  EXPECT_EQ(status_text(status).find("alert"), std::string::npos);
  status.retries = 5;
  status.retries_by_cause = {{"sqlite_busy", 5}, {"git_lock", 0}};
  status.retries_last_minute = 2;
  status.thresholds = {{.name = "set_aside_max",
                        .value = 1,
                        .limit = 0,
                        .breached = true,
                        .detail = "1 record is set aside; look"},
                       {.name = "backlog_records_max", .value = 2, .limit = 5, .detail = "two"}};
  const std::string text = status_text(status);
  EXPECT_NE(text.find("sqlite_busy 5, 2 in the last minute"), std::string::npos) << text;
  EXPECT_NE(text.find("set_aside_max = 0 is breached: 1 record is set aside; look\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("backlog_records_max"), std::string::npos);
}

TEST(TextOutput, IngestCountsEverything) {
  const std::string text = ingest_text({.read = 4,
                                        .accepted = 1,
                                        .duplicates = 1,
                                        .rejected = 2,
                                        .set_aside = 1,
                                        .first_seq = 7,
                                        .last_seq = 7,
                                        .seconds = 2});
  EXPECT_EQ(text,
            "read 4 records: 1 accepted, 1 duplicate, 2 rejected, 1 set aside; seq 7 to 7; 2.00 s, "
            "2 records/s\n");
}

TEST(TextOutput, BytesHaveUnits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(64u << 20), "64.0 MiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16.0 EiB");
}

TEST(FailureText, SaysWhatHappenedWhatWasKeptAndWhatToTry) {
  const std::string text =
      failure_text({.error = make_error(Code::kInvalid, "title is missing", "give --title"),
                    .kept = "nothing was written",
                    .stage = {}});
  EXPECT_EQ(text,
            "syncline: title is missing\n  kept: nothing was written\n  try:  give --title\n");
}

TEST(FailureText, ADurableRecordIsNeverCalledUnwritten) {
  Error error = make_error(Code::kIo, "the database cannot be opened");
  error.seq = 5;
  const std::string text =
      failure_text({.error = error, .kept = "nothing was written", .stage = "journaled"});
  EXPECT_NE(text.find("seq 5 is durable in the journal (stage journaled)"), std::string::npos);
  EXPECT_EQ(text.find("nothing was written"), std::string::npos);
}

}  // namespace
}  // namespace syncline
