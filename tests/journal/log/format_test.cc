// journal/FORMAT.md against the code: the checked-in bytes, and the second reader written from it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "journal/log/frame.h"
#include "journal/log/segment.h"
#include "tests/journal/log/journal_testing.h"
#include "tests/journal/log/second_reader.h"
#include "tests/journal/log/segment_files.h"
#include "tests/simulation/test_machine.h"
#include "tests/support/read_text.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

std::string store_bytes() {
  const StoreId store = test_store();
  return std::string(as_text(store.bytes));
}

// The example of FORMAT.md: a header and a group of two frames.
std::string example() {
  SegmentHeader header;
  header.store = test_store();
  header.segment = 1;
  header.epoch = 1;
  header.first_seq = 1;
  header.created_ms = 1'700'000'000'000;
  header.capacity_bytes = 64u << 20;
  ByteVector bytes(kSegmentHeaderBytes);
  encode_segment_header(header, bytes.data());
  const FrameContext context{test_store(), 1, 1};
  encode_frame(record_frame("hello", 7, 1'700'000'000'000), context,
               {.offset = 4096, .seq = 1, .durable_offset = 4096, .frame_bytes = 128}, bytes);
  encode_frame(control_frame("batch", 1'700'000'000'001), context,
               {.offset = 4224, .durable_offset = 4096, .frame_bytes = 3968}, bytes);
  return std::string(as_text(bytes));
}

// Lines of "offset: hex", everything else zero; what FORMAT.md shows and example.hex holds.
std::string dump(const std::string& bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 32) {
    const std::string line = bytes.substr(at, 32);
    if (line.find_first_not_of('\0') == std::string::npos) continue;
    text += fmt::format("{:05}: {}\n", at, to_hex(as_bytes(line)));
  }
  return text;
}

TEST(Format, GoldenBytesDoNotChange) {
  const std::string golden = read_text(SYNCLINE_SOURCE "/tests/journal/log/example.hex");
  EXPECT_EQ(dump(example()), golden);
}

TEST(Format, TheDocumentShowsTheGoldenBytes) {
  const std::string golden = read_text(SYNCLINE_SOURCE "/tests/journal/log/example.hex");
  ASSERT_FALSE(golden.empty());
  std::stringstream lines(golden);
  std::string indented;
  for (std::string line; std::getline(lines, line);) indented += "    " + line + "\n";
  EXPECT_NE(read_text(SYNCLINE_SOURCE "/journal/FORMAT.md").find(indented), std::string::npos);
}

// A cut would open an epoch after the last one that there is, and with it a segment that no open
// takes.
TEST(Format, AHeaderWithNumbersThatNobodyCountsToIsRefused) {
  using Field = uint64_t SegmentHeader::*;
  for (const Field field :
       {&SegmentHeader::epoch, &SegmentHeader::first_seq, &SegmentHeader::previous_end,
        &SegmentHeader::durable_end, &SegmentHeader::durable_seq}) {
    for (const uint64_t value : {uint64_t{1} << 61, uint64_t{1} << 62, UINT64_MAX - 4095}) {
      SegmentHeader header;
      header.store = test_store();
      header.segment = header.epoch = header.first_seq = 1;
      header.*field = value;
      header.durable_seq = std::max(header.durable_seq, header.first_seq - 1);
      ByteVector bytes(kSegmentHeaderBytes);
      encode_segment_header(header, bytes.data());
      EXPECT_EQ(decode_segment_header(bytes, test_store(), 1).has_value(),
                value < uint64_t{1} << 62);
    }
  }
}

TEST(Format, TheSecondReaderReadsTheGoldenBytes) {
  const auto journal = second_reader::read({{1, example()}}, store_bytes());
  EXPECT_EQ(journal.fault, "");
  ASSERT_EQ(journal.frames.size(), 2u);
  EXPECT_EQ(journal.frames[0].payload, "hello");
  EXPECT_EQ(journal.frames[0].seq, 1u);
  EXPECT_EQ(journal.frames[0].id, 7u);
  EXPECT_EQ(journal.frames[0].time_ms, 1'700'000'000'000);
  EXPECT_EQ(journal.frames[1].payload, "batch");
  EXPECT_EQ(journal.frames[1].operation, 36u);
  EXPECT_EQ(journal.end_offset, 8192u);
}

TEST(Format, BothReadersAgreeAcrossSegmentsEpochsAndFailedFlushes) {
  TestMachine machine;
  const auto root = machine.open();
  StillClock clock;
  ASSERT_OK(Journal::create(*root, test_store(), clock, small_options()));
  auto journal = open_journal(*root, clock, small_options());
  ASSERT_OK(journal);
  for (int i = 0; i < 60; ++i) {
    const std::string text = std::to_string(i) + std::string(static_cast<size_t>(i) * 97, 'z');
    if (i % 13 == 5) machine.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
    const auto appended = append(**journal, {record_frame(text), control_frame(text)});
    ASSERT_OK(appended);
    ASSERT_OK((*journal)->flush(*appended));
  }
  const auto first = read_entries(*root, (*journal)->end());
  ASSERT_OK(first);
  const auto second = second_reader::read(segment_files(machine), store_bytes());
  EXPECT_EQ(second.fault, "");
  EXPECT_TRUE(second.clean_end);
  EXPECT_GT(second.end_segment, 5u);
  EXPECT_EQ(second.end_offset, (*journal)->end().position.offset);
  ASSERT_EQ(first->size(), second.frames.size());
  for (size_t i = 0; i < first->size(); ++i) {
    const Entry& a = (*first)[i];
    const second_reader::Record& b = second.frames[i];
    EXPECT_EQ(static_cast<unsigned>(a.operation), b.operation);
    EXPECT_EQ(a.seq, b.seq);
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.time_ms, b.time_ms);
    EXPECT_EQ(a.payload, b.payload);
    EXPECT_EQ(a.position, (Position{b.segment, b.offset}));
  }
}

}  // namespace
}  // namespace syncline
