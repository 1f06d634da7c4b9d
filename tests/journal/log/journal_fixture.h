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

struct JournalTest : testing::Test {
  void SetUp() override { ASSERT_OK(Journal::create(*root, test_store(), clock, options)); }
  void open() {
    journal.reset();
    auto opened = open_journal(*root, clock, options);
    ASSERT_OK(opened);
    journal = std::move(*opened);
  }
  ControlPage page() { return ControlPage(std::move(*root->map_page("control", 4096))); }

  simulation::TestMachine machine;
  std::unique_ptr<Directory> root = machine.open();
  StillClock clock;
  JournalOptions options = small_options();
  std::unique_ptr<Journal> journal;
};

}  // namespace syncline
