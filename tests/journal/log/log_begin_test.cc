// Which segments the log has to hold: FORMAT.md, "The directory". A missing one is damage, named.
#include <gtest/gtest.h>

#include "journal/base/layout.h"
#include "tests/journal/log/journal_testing.h"
#include "tests/simulation/test_machine.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

// A log of some segments, at rest.
struct LogBegin : testing::Test {
  void SetUp() override {
    ASSERT_OK(Journal::create(*root, test_store(), clock, small_options()));
    auto journal = open_journal(*root, clock, small_options());
    ASSERT_OK(journal);
    const std::string text(6000, 'x');
    while ((*journal)->end().position.segment < 5) ASSERT_OK(record_text(**journal, text));
    directory = *root->open_directory(kJournalDirectory);
  }
  void lose(uint64_t segment) { machine.image().remove("journal/" + segment_name(segment)); }
  // What listing, reading from the begin and opening each say.
  std::vector<std::string> answers() {
    std::vector<std::string> said;
    const auto listed = list_segments(*directory, test_store());
    said.push_back(listed ? "begins with " + std::to_string(listed->front().segment)
                          : error_of(listed));
    const auto reader = Reader::open(*root, test_store(), {});
    said.push_back(reader ? "begins with " + std::to_string((*reader)->position().position.segment)
                          : error_of(reader));
    const auto journal = open_journal(*root, clock, small_options());
    const auto begin = journal ? (*journal)->begin() : Result<Mark>(journal.error());
    said.push_back(begin ? "begins with " + std::to_string(begin->position.segment)
                         : error_of(begin));
    return said;
  }
  void expect_all(const std::string& answer) {
    for (const std::string& said : answers()) EXPECT_EQ(said, answer);
  }

  TestMachine machine;
  std::unique_ptr<Directory> root = machine.open();
  std::unique_ptr<Directory> directory;
  StillClock clock;
};

TEST_F(LogBegin, AMissingSegmentIsDamageAndNamed) {
  expect_all("begins with 1");
  lose(1);
  expect_all("corrupt: segment 1 offset 0: the segment is missing");
  lose(3);
  expect_all("corrupt: segment 3 offset 0: the segment is missing");
}

TEST_F(LogBegin, WhatIsLeftOfATrimBelowTheBaseCounts) {
  ASSERT_OK(write_base(*directory, test_store(), 3));
  expect_all("begins with 1");
  lose(1);
  expect_all("begins with 2");
  lose(2);
  expect_all("begins with 3");
}

TEST_F(LogBegin, WhatStandsBeforeAGapBelowTheBaseIsLeftOut) {
  ASSERT_OK(write_base(*directory, test_store(), 4));
  lose(2);
  expect_all("begins with 3");
  lose(4);
  expect_all("corrupt: segment 4 offset 0: the segment is missing");
  lose(3);  // below the base nobody misses it
  expect_all("corrupt: segment 4 offset 0: the segment is missing");
}

TEST_F(LogBegin, ABaseBehindTheLastSegmentNamesOneThatWasLost) {
  ASSERT_OK(write_base(*directory, test_store(), 5));
  expect_all("begins with 1");
  ASSERT_OK(write_base(*directory, test_store(), 6));
  expect_all("corrupt: segment 6 offset 0: the segment is missing");
}

TEST_F(LogBegin, ABaseOfNothingIsDamaged) {
  ASSERT_OK(write_base(*directory, test_store(), 0));
  expect_all("corrupt: journal/base, which names the first segment, is damaged");
}

TEST_F(LogBegin, ALogWithoutAnySegmentCannotBeRead) {
  for (uint64_t segment = 1; segment <= 5; ++segment) lose(segment);
  EXPECT_EQ(error_of(Reader::open(*root, test_store(), {})),
            "corrupt: segment 1 offset 0: the segment is missing");
  ASSERT_OK(write_base(*directory, test_store(), 3));
  expect_all("corrupt: segment 3 offset 0: the segment is missing");
}

}  // namespace
}  // namespace syncline
