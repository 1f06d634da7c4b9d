// A journal of small segments on a simulated disk, opened by the test.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "journal/log/control_page.h"
#include "journal/log/journal.h"
#include "tests/journal/log/journal_testing.h"
#include "tests/simulation/test_machine.h"

namespace syncline {

struct JournalDiskTest : testing::Test {
  void SetUp() override { ASSERT_OK(Journal::create(*root, test_store(), clock, options)); }

  simulation::TestMachine machine;
  std::unique_ptr<Directory> root = machine.open();
  StillClock clock;
  JournalOptions options = small_options();
};

struct JournalTest : JournalDiskTest {
  void open() {
    journal.reset();
    auto opened = open_journal(*root, clock, options);
    ASSERT_OK(opened);
    journal = std::move(*opened);
  }
  ControlPage page() { return ControlPage(std::move(*root->map_page("control", 4096))); }

  std::unique_ptr<Journal> journal;
};

// A journal of one segment, closed. Tests spoil its bytes, and open it by themselves.
struct JournalAtRestTest : JournalDiskTest {
  // Appends the groups and flushes each; then `unflushed`, where there is any.
  void write_and_close(const std::vector<std::vector<NewFrame>>& flushed,
                       const std::vector<NewFrame>& unflushed = {}) {
    auto journal = open_journal(*root, clock, options);
    ASSERT_OK(journal);
    for (const std::vector<NewFrame>& group : flushed) {
      const auto appended = append(**journal, group);
      ASSERT_OK(appended);
      ASSERT_OK((*journal)->flush(*appended));
      ends.push_back(appended->mark.position.offset);
    }
    if (!unflushed.empty()) {
      const auto appended = append(**journal, unflushed);
      ASSERT_OK(appended);
      ends.push_back(appended->mark.position.offset);
    }
    journal->reset();
    good = machine.image().bytes(path);
  }

  const std::string path = "journal/" + segment_name(1);
  std::vector<uint64_t> ends;  // of the groups
  ByteVector good;             // the segment's bytes
};

}  // namespace syncline
