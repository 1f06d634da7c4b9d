// The end of a log as FORMAT.md judges it (the second reader) and as the program does.
#include <gtest/gtest.h>

#include "tests/journal/log/journal_testing.h"
#include "tests/journal/log/second_reader_tail.h"
#include "tests/simulation/test_machine.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

struct TailTest : testing::Test {
  void SetUp() override {
    ASSERT_OK(Journal::create(*root, test_store(), clock, small_options()));
    auto journal = open_journal(*root, clock, small_options());
    ASSERT_OK(journal);
    for (const char* text : {"one", "two", "three"}) ASSERT_OK(record_text(**journal, text));
    // Unflushed, so that what comes last claims nothing of what comes before it.
    ASSERT_OK(append(**journal, {record_frame("four"), record_frame(std::string(5000, '5')),
                                 control_frame("six")}));
    ASSERT_OK(append_text(**journal, "seven"));
    good = std::string(as_text(machine.image().bytes(path)));
    end = (*journal)->end().position.offset;
  }

  std::string judged_by_the_program(const std::string& bytes) {
    for (uint64_t id = 2; machine.image().exists("journal/" + segment_name(id)); ++id) {
      machine.image().remove("journal/" + segment_name(id));
    }
    machine.image().set_bytes(path, as_bytes(bytes));
    std::ranges::fill(machine.page("control"), std::byte{0});
    const auto journal = open_journal(*root, clock, small_options());
    if (journal) return (*journal)->recovery().torn ? "torn tail" : "clean end";
    const std::string& said = journal.error().message;
    for (const auto& [words, verdict] :
         {std::pair{"is damaged", "damage"}, std::pair{"has a gap", "gap"},
          std::pair{"has lost data", "lost"}}) {
      if (said.find(words) != std::string::npos) return verdict;
    }
    return said;
  }
  void compare(const std::string& bytes, const std::string& what) {
    const std::string store(as_text(store_id.bytes));
    const auto header = second_reader::header(bytes, store, 1);
    ASSERT_TRUE(header);
    const auto tail = second_reader::judge_tail(bytes, store, *header);
    EXPECT_EQ(judged_by_the_program(bytes), tail.verdict) << what;
    ++verdicts[tail.verdict];
  }

  TestMachine machine;
  std::unique_ptr<Directory> root = machine.open();
  StillClock clock;
  const StoreId store_id = test_store();
  const std::string path = "journal/" + segment_name(1);
  std::string good;
  uint64_t end = 0;
  std::map<std::string, int> verdicts;
};

TEST_F(TailTest, EveryDamageIsJudgedAsTheFormatSays) {
  compare(good, "as it was written");
  for (uint64_t slot = 4096; slot < end + 8192 && slot + 64 <= good.size(); slot += 64) {
    const bool in_block_zero = slot % 4096 < 256;
    if (!in_block_zero && slot % 1024 != 0) continue;  // padding, most of it
    const std::string at = " at " + std::to_string(slot);
    std::string bytes = good;
    bytes[slot + 9] = static_cast<char>(bytes[slot + 9] ^ 4);
    compare(bytes, "a bit" + at);
    bytes = good;
    bytes.replace(slot, 64, 64, '\0');
    compare(bytes, "zeros" + at);
    bytes.replace(slot, good.size() - slot, good.size() - slot, '\0');
    compare(bytes, "zeros from" + at);
    bytes = good;
    bytes.replace(slot, 64, good.substr(4096, 64));
    compare(bytes, "a frame of elsewhere" + at);
    compare(good.substr(0, slot), "cut" + at);
    compare(good.substr(0, slot + 13), "cut behind" + at);
  }
  for (const char* verdict : {"clean end", "torn tail", "damage"}) {
    EXPECT_GT(verdicts[verdict], 5) << verdict;
  }
}

TEST_F(TailTest, ClaimsOfOthersAreCountedByPositionAndBySequence) {
  const std::string store(as_text(store_id.bytes));
  const auto header = second_reader::header(good, store, 1).value();
  const auto judged = [&](const second_reader::Claim& claim) {
    return second_reader::judge_tail(good, store, header, {claim}).verdict;
  };
  const uint64_t last = second_reader::judge_tail(good, store, header).seq;
  EXPECT_EQ(judged({1, end, last}), "clean end");
  EXPECT_EQ(judged({1, end + 64, last}), "lost");
  EXPECT_EQ(judged({0, 0, last + 1}), "lost");
  EXPECT_EQ(judged({2, 4096, last}), "lost");
}

}  // namespace
}  // namespace syncline
