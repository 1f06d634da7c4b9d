// What stands behind the end of the log: zeros that were prepared ahead are read again only where
// somebody may have written there since they were known.
#include <gtest/gtest.h>

#include "tests/journal/log/journal_fixture.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

struct BlankRestTest : JournalTest {
  // Bytes of the last segment that an open reads.
  struct Bytes : FaultPlan {
    Answer before(const DiskOperation& operation) override {
      if (operation.call == Call::kRead && operation.path.ends_with(".seg")) {
        bytes += operation.bytes;
      }
      return FaultPlan::before(operation);
    }
    uint64_t bytes = 0;
  };
  uint64_t opened_bytes() {
    journal.reset();
    Bytes counted;
    machine.disk().set_conductor(counted);
    open();
    machine.disk().set_conductor(machine.plan);
    return counted.bytes;
  }
  const std::string path = "journal/" + segment_name(1);
};

TEST_F(BlankRestTest, ZerosAheadAreNotReadAgainAfterACleanEnd) {
  options.segment_bytes_max = 1u << 20;
  options.prepare_bytes = 256u << 10;
  open();
  for (int i = 0; i < 3; ++i) ASSERT_OK(record_text(*journal, "text"));
  for (int i = 0; i < 3; ++i) EXPECT_LE(opened_bytes(), 4 * kBlockBytes);
  EXPECT_EQ(contents(*root, *journal).size(), 3u);
}

TEST_F(BlankRestTest, AWriteOfWhoeverBehindTheEndIsSeen) {
  open();
  ASSERT_OK(record_text(*journal, "text"));
  const uint64_t end = journal->end().position.offset;
  journal.reset();
  const auto file = *root->open_file(path, {.write = true});
  ASSERT_OK(file->write_at(end + 2 * kBlockBytes, as_bytes("the remains of a group")));
  open();
  EXPECT_TRUE(journal->recovery().torn);
  EXPECT_EQ(journal->recovery().torn_at, (Position{1, end}));
}

TEST_F(BlankRestTest, AfterAnotherBootAllIsLookedAt) {
  open();
  ASSERT_OK(record_text(*journal, "text"));
  const uint64_t end = journal->end().position.offset;
  journal.reset();
  ByteVector bytes = machine.image().bytes(path);
  bytes[end + 2 * kBlockBytes] = std::byte{1};
  machine.image().set_bytes(path, bytes);  // as a power cut may, which changes no time
  ++machine.image().boot;
  open();
  EXPECT_TRUE(journal->recovery().torn);
}

// Its group arrived without its beginning, within the tick of the clock in which another left.
TEST_F(BlankRestTest, AnAppendThatDiedIsLookedFor) {
  open();
  ASSERT_OK(record_text(*journal, "text"));
  const uint64_t end = journal->end().position.offset;
  journal.reset();
  ByteVector bytes = machine.image().bytes(path);
  bytes[end + kBlockBytes] = std::byte{1};
  machine.image().set_bytes(path, bytes);
  page().set_pending_append(PendingAppend::kUnderWay);
  open();
  EXPECT_TRUE(journal->recovery().torn);
}

TEST_F(BlankRestTest, NothingIsSaidOfATailThatWasNotBlank) {
  open();
  ASSERT_OK(record_text(*journal, "text"));
  page().set_blank_segment(0);
  journal.reset();
  EXPECT_GT(opened_bytes(), 16u << 10);
}

}  // namespace
}  // namespace syncline
