// Sections whose texts are parts of each other: each is found once, and none hides another.

#include "sync/publish/section_text.h"

#include <gtest/gtest.h>

#include <string>

namespace syncline {
namespace {

using Standing = FoundSection::Standing;

std::vector<Standing> find(std::string_view text, const std::vector<WantedSection>& sections) {
  ClaimedRanges claimed;
  std::vector<Standing> standings;
  for (const FoundSection& one : find_sections(text, sections, claimed)) {
    standings.push_back(one.standing);
  }
  return standings;
}

TEST(SectionText, APartOfAnotherIsNotFoundInIt) {
  const std::vector<WantedSection> sections = {{"- a\n"}, {"- a\n- b\n"}, {"- b\n"}};
  using enum Standing;
  EXPECT_EQ(find("", sections), (std::vector{kMissing, kMissing, kMissing}));
  EXPECT_EQ(find("- a\n- b\n", sections), (std::vector{kMissing, kWhole, kMissing}));
  EXPECT_EQ(find("- a\n", sections), (std::vector{kWhole, kMissing, kMissing}));
  EXPECT_EQ(find("x\n- a\n- a\n- b\ny\n- b\n", sections), (std::vector{kWhole, kWhole, kWhole}));
}

TEST(SectionText, EqualOnesAreFoundAsOftenAsTheyAreThere) {
  const std::vector<WantedSection> sections = {{"- a\n"}, {"- a\n"}};
  EXPECT_EQ(find("- a\n", sections), (std::vector{Standing::kWhole, Standing::kMissing}));
  EXPECT_EQ(find("- a\nx\n- a\n", sections), (std::vector{Standing::kWhole, Standing::kWhole}));
}

TEST(SectionText, TheHeadingsNumberTellsAnEditedOne) {
  const std::string twelve = "\n## H-12: rule\n\nbody\n";
  const std::string one = "\n## H-1: rule\n\nbody\n";
  const std::vector<WantedSection> sections = {{one, 1}, {twelve, 12}};
  using enum Standing;
  EXPECT_EQ(find(one + twelve, sections), (std::vector{kWhole, kWhole}));
  EXPECT_EQ(find("## H-12: retitled\n", sections), (std::vector{kMissing, kEdited}));
  EXPECT_EQ(find("## H-1\n## H-123: x\n", sections), (std::vector{kEdited, kMissing}));
  EXPECT_EQ(find("## H-12-a1b2c3: another store's\n", sections), (std::vector{kMissing, kMissing}));
  EXPECT_EQ(find("see ## H-12: rule\n", sections), (std::vector{kMissing, kMissing}));
}

TEST(SectionText, AHeadingInTheBodyOfAnotherIsNoSection) {
  const std::string quoting = "\n## H-2: quotes\n\n## H-1: rule\nbody\n";
  const std::vector<WantedSection> sections = {{"\n## H-1: rule\nbody\n", 1}, {quoting, 2}};
  EXPECT_EQ(find(quoting, sections), (std::vector{Standing::kMissing, Standing::kWhole}));
}

TEST(SectionText, BehindALastLineWithoutAnEndItIsFoundAllTheSame) {
  EXPECT_EQ(find("theirs- a\n", {{"- a\n"}}), std::vector{Standing::kWhole});
}

TEST(SectionText, ANumberElsewhereInTheFirstLineIsNone) {
  EXPECT_EQ(section_heading("\n\n## H-7: 8 of 7\n", 7), "## H-7");
  EXPECT_EQ(section_heading("## 17: x\n", 7), "");
  EXPECT_EQ(section_heading("- 7\n", 7), "");
  EXPECT_EQ(section_heading("", 7), "");
}

}  // namespace
}  // namespace syncline
