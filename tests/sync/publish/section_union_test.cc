// Two texts of one append file become one with the sections of both.

#include "sync/publish/section_union.h"

#include <gtest/gtest.h>

#include <string>

namespace syncline {
namespace {

const std::string kHead = "# Rules\n\nWhat was learned.\n\n---\n";
std::string section(const std::string& number, const std::string& text) {
  return "\n## H-" + number + ": " + text + "\n\nbody of " + text + "\n";
}
const std::string kOne = section("1", "one");
const std::string kTwo = section("2", "two");
const std::string kTagged = section("1-sa1b2c3", "another's");
const WantedSection kRecorded[] = {{kOne, 1}, {kTwo, 2}};

std::optional<UnitedText> unite(const std::optional<std::string>& base,
                                const std::optional<std::string>& ours,
                                const std::optional<std::string>& theirs) {
  const auto view = [](const std::optional<std::string>& text) {
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
  };
  return unite_sections({view(base), view(ours), view(theirs)}, heading_prefixes(kRecorded));
}

void expect_text(const std::optional<UnitedText>& united, const std::string& text) {
  ASSERT_TRUE(united);
  EXPECT_EQ(united->text, text);
}

TEST(SectionUnion, WhatBothAddedIsThereOnceOursBehindTheirs) {
  expect_text(unite(kHead + kOne, kHead + kOne + kTwo, kHead + kOne + kTagged),
              kHead + kOne + kTagged + kTwo);
  expect_text(unite(kHead, kHead + kOne + kTwo, kHead + kOne + kTagged),
              kHead + kOne + kTagged + kTwo);
}

TEST(SectionUnion, AFileThatBothBeganHasOneBeginning) {
  expect_text(unite({}, kHead + kOne, kHead + kTagged), kHead + kTagged + kOne);
  EXPECT_FALSE(unite({}, kHead + kOne, "# Something else\n" + kTagged));
}

TEST(SectionUnion, AnEditAndARemovalOfOneSideStand) {
  const std::string edited = section("1", "one, as they see it");
  expect_text(unite(kHead + kOne, kHead + kOne + kTwo, kHead + edited + kTagged),
              kHead + edited + kTagged + kTwo);
  expect_text(unite(kHead + kOne, kHead + edited + kTwo, kHead + kOne + kTagged),
              kHead + edited + kTagged + kTwo);
  expect_text(unite(kHead + kOne, kHead + kOne + kTwo, kHead + kTagged), kHead + kTagged + kTwo);
  expect_text(unite(kHead + kOne, kHead + kTwo, kHead + kOne + kTagged), kHead + kTagged + kTwo);
  expect_text(unite(kHead + kOne, "new head\n" + kOne + kTwo, kHead + kOne + kTagged),
              "new head\n" + kOne + kTagged + kTwo);
}

TEST(SectionUnion, TwoEditsOfOneSectionTakeAPerson) {
  EXPECT_FALSE(
      unite(kHead + kOne, kHead + section("1", "mine"), kHead + section("1", "theirs") + kTagged));
  EXPECT_FALSE(unite(kHead + kOne, kHead + section("1", "mine"), kHead + kTagged));
  EXPECT_FALSE(unite(kHead, kHead + section("2", "mine"), kHead + section("2", "theirs")));
  const std::string edited = section("1", "alike");
  expect_text(unite(kHead + kOne, kHead + edited + kTwo, kHead + edited + kTagged),
              kHead + edited + kTagged + kTwo);
}

TEST(SectionUnion, OfAFileThatOneSideRemovedTheNewSectionsStay) {
  const auto added = unite(kHead + kOne, kHead + kOne + kTwo, {});
  expect_text(added, kHead + kTwo);
  EXPECT_TRUE(added->has_sections);
  const auto theirs = unite(kHead + kOne, {}, kHead + kOne + kTagged);
  expect_text(theirs, kHead + kTagged);
  const auto nothing = unite(kHead + kOne, "a person's head\n" + kOne, {});
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(nothing->has_sections) << nothing->text;
}

TEST(SectionUnion, TheTagBehindTheHeadingTellsStoresApart) {
  const std::string tagged = "\n## H-1: another's\n<!-- store-sa1b2c3 -->\n\nbody\n";
  const std::string edited = "\n## H-1: retitled\n<!-- store-sa1b2c3 -->\n\nbody\n";
  expect_text(unite(kHead, kHead + kOne + kTwo, kHead + tagged), kHead + tagged + kOne + kTwo);
  expect_text(unite(kHead + kOne + tagged, kHead + kOne + edited + kTwo, kHead + kOne + tagged),
              kHead + kOne + edited + kTwo);
  EXPECT_FALSE(unite(kHead, kHead + tagged + edited, kHead + kOne));
}

TEST(SectionUnion, ANumberThatIsThereTwiceTakesAPerson) {
  EXPECT_FALSE(unite(kHead + kOne, kHead + kOne + kOne, kHead + kOne + kTagged));
}

TEST(SectionUnion, AHeadingIsKnownByItsWordsAndItsNumber) {
  // A person's heading, and one in a body, belong to the section before.
  const std::string notes = "\n## Notes 2024\n\n   ## H-9: quoted\n";
  expect_text(unite(kHead + kOne, kHead + kOne + notes + kTwo, kHead + kOne + kTagged),
              kHead + kOne + notes + kTagged + kTwo);
}

TEST(SectionUnion, ALastLineWithoutAnEndGetsOne) {
  std::string theirs = kHead + kOne + kTagged;
  theirs.pop_back();
  expect_text(unite(kHead + kOne, kHead + kOne + kTwo, theirs), kHead + kOne + kTagged + kTwo);
}

TEST(SectionUnion, WithoutNumbersNothingIsMerged) {
  const WantedSection plain[] = {{"- a line\n", 1}};
  EXPECT_FALSE(unite_sections({"a\n", "a\n- a line\n", "a\n- theirs\n"}, heading_prefixes(plain)));
}

}  // namespace
}  // namespace syncline
