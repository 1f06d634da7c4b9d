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
  EXPECT_EQ(section_key("\n\n## H-7: 8 of 7\n", 7), (SectionKey{"## H-7", ""}));
  EXPECT_EQ(section_key("## 17: x\n", 7), SectionKey{});
  EXPECT_EQ(section_key("- 7\n", 7), SectionKey{});
  EXPECT_EQ(section_key("", 7), SectionKey{});
}

TEST(SectionText, TheStoresTagTellsTwoOfOneNumberApart) {
  const std::string first = "\n## H-3: rule\n\nbody\n";
  const std::string second = "\n## H-3: rule\n<!-- store-sa1b2c3 -->\n\nbody\n";
  const std::string old = "\n## H-3-sa1b2c3: rule\n\nbody\n";
  EXPECT_EQ(section_key(second, 3), (SectionKey{"## H-3", "-sa1b2c3"}));
  EXPECT_EQ(section_key(old, 3), (SectionKey{"## H-3-sa1b2c3", ""}));
  const std::vector<WantedSection> sections = {{first, 3}, {second, 3}, {old, 3}};
  using enum Standing;
  EXPECT_EQ(find(old + second + first, sections), (std::vector{kWhole, kWhole, kWhole}));
  EXPECT_EQ(find("## H-3: retitled\nbody\n", sections), (std::vector{kEdited, kMissing, kMissing}));
  EXPECT_EQ(find("## H-3: retitled\n\n<!-- store-sa1b2c3 -->  \n", sections),
            (std::vector{kMissing, kEdited, kMissing}));
  EXPECT_EQ(find("## H-3: retitled\n<!-- store-sa1b2c4 -->\n## H-3-sa1b2c3: old\n", sections),
            (std::vector{kMissing, kMissing, kEdited}));
}

TEST(SectionText, OnlyATagIsATag) {
  EXPECT_EQ(leading_tag("\n\n<!-- store-s1f -->\n"), "-s1f");
  EXPECT_EQ(leading_tag("<!-- store-s1f -->\r\nx"), "-s1f");
  for (const char* text :
       {"", "<!-- store -->", "<!-- store-s -->", "<!-- store-s1 2 -->", "<!-- store",
        "x <!-- store-s1f -->", "<!-- a note -->\n<!-- store-s1f -->"}) {
    EXPECT_EQ(leading_tag(text), "") << text;
  }
}

}  // namespace
}  // namespace syncline
