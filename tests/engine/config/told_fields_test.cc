// Fields out of texts that others have made, and paths looked at by a pattern.
#include "engine/config/told_fields.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/config/kind_patterns.h"
#include "engine/config/path_match.h"
#include "engine/config/profiles.h"

namespace syncline {
namespace {

Config profile(const char* name) {
  return *parse_config(*profile_text(name));
}

std::map<std::string, std::string> told(const Config& config, const char* kind_name,
                                        const std::string& text) {
  const KindSpec& kind = *config.find_kind(kind_name);
  std::map<std::string, std::string> named;
  for (const auto& [field, value] : told_fields(kind, text).fields) {
    named[kind.fields[field].name] = value;
  }
  return named;
}

using Told = std::map<std::string, std::string>;

TEST(ToldFields, AFileOfTheSameLayoutTellsWhatStandsWhereTheKindPutsIt) {
  const Config elf = profile("elf");
  const std::string failure =
      "# It broke\n\n**Domain**: ci\n**Severity**: high\n**Date**: 2025-12-01\n\n"
      "## Summary\n\nOne.\n\nTwo.\n\n## What Happened\n\nIt fell.\n";
  EXPECT_EQ(told(elf, "failure", failure), (Told{{"title", "It broke"},
                                                 {"domain", "ci"},
                                                 {"severity", "high"},
                                                 {"summary", "One.\n\nTwo."}}));
  EXPECT_EQ(told_fields(*elf.find_kind("failure"), failure).date, "2025-12-01");
  EXPECT_EQ(
      told(elf, "heuristic", "## H-0: pull first\n\n**Confidence**: 0.9\n\nOr else.\n\n---\n"),
      (Told{{"rule", "pull first"}, {"confidence", "0.9"}, {"explanation", "Or else."}}));
  EXPECT_EQ(told(elf, "decision",
                 "# ADR-7: Use C++: now\n\n## context\n\nNone.\n\n## Files Touched\n\na.cc\n"),
            (Told{{"title", "Use C++: now"}, {"context", "None."}, {"files", "a.cc"}}));
}

TEST(ToldFields, AnyTextTellsItsFirstHeadingAndTheRest) {
  const Config notes = profile("notes");
  EXPECT_EQ(told(notes, "note", "intro\n## A heading: of mine\n\ntext\n"),
            (Told{{"title", "A heading: of mine"}, {"body", "intro\n\ntext"}}));
  EXPECT_EQ(told(notes, "note", ""), Told());
  EXPECT_EQ(section_heading_prefix(*notes.find_kind("note")), "");
  EXPECT_EQ(section_heading_prefix(*profile("elf").find_kind("heuristic")), "## H-");
}

TEST(ToldFields, PathsFitWithAndWithoutTheId) {
  const Config elf = profile("elf"), notes = profile("notes");
  const auto fits = [](const Config& config, const char* kind, const char* path) {
    return match_path(config.find_kind(kind)->patterns->path, path);
  };
  for (const char* path :
       {"memory/failures/20251201_it-broke.md", "memory/failures/20251201_it-broke_7.md"}) {
    const auto match = fits(elf, "failure", path);
    ASSERT_TRUE(match) << path;
    EXPECT_EQ(match->date, "2025-12-01");
  }
  EXPECT_EQ(fits(elf, "heuristic", "memory/heuristics/ci.md")->fields.begin()->second, "ci");
  EXPECT_TRUE(fits(notes, "note", "notes/0000/mine.md"));
  EXPECT_TRUE(fits(notes, "note", "notes/0000/mine-sab12-7.md"));
  for (const char* path :
       {"memory/failures/README.md", "memory/failures/20251201_.md", "memory/failures/20251201.md",
        "memory/failures/2025120_x.md", "memory/failures/a/20251201_x.md",
        "memory/failures/20251201_x.md.tmp", "memory/failures/20251201_.hidden.md",
        "memory/successes/20251201_x.md"}) {
    EXPECT_FALSE(fits(elf, "failure", path)) << path;
  }
  EXPECT_EQ(kind_folder(*elf.find_kind("failure")), "memory/failures");
}

}  // namespace
}  // namespace syncline
