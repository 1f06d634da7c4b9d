// What the applier finds where the journal was trimmed up to the place it had come to.
#include "engine/projection/projection.h"
#include "journal/log/control_page.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

class ApplierTrimTest : public ApplyTest {
 protected:
  // Records two notes, applied; then, as after a power cut that left the page with a pending flush,
  // the whole segment is carried over into a new one, and the old one is trimmed.
  void carry_over_and_trim() {
    open_applier();
    append(note("first"), 1);
    apply_all();
    append(note("second"), 2);
    apply_all();
    const Mark applied = applier->applied();
    {
      ControlPage page(must(store_directory->map_page("control", kControlPageBytes)));
      // The page as it was before its durable mark was written, but for the pending flush.
      const uint64_t epoch = journal->epoch();
      page.format(journal->store(), "of another boot");
      page.set_pending_flush({applied.position.segment, epoch});
    }
    close();
    open_journal();
    ASSERT_TRUE(journal->recovery().abandoned);
    open_applier();
    const Mark limit = must(position_before(applier->database(), applied.seq + 1));
    ASSERT_EQ(must(journal->trim(limit)), 1u);
  }
};

// Retention now keeps the segment (mutant TRIM_UNDER_THE_MARK of tests/model); a reader manages
// without.
TEST_F(ApplierTrimTest, GoesOnInTheSameProcessWhereItsSegmentWasCarriedOverAndTrimmed) {
  carry_over_and_trim();
  append(note("third"), 3);
  apply_all();
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|first\n2|second\n3|third\n");
}

TEST_F(ApplierTrimTest, GoesOnInANewProcessWhereItsSegmentWasCarriedOverAndTrimmed) {
  carry_over_and_trim();
  reopen();
  append(note("third"), 3);
  apply_all();
  EXPECT_EQ(query("SELECT id, title FROM notes ORDER BY id"), "1|first\n2|second\n3|third\n");
}

}  // namespace
}  // namespace syncline
