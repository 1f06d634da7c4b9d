// Two records never share a created path, be they of two kinds.
#include "engine/config/path_overlap.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/config/config.h"
#include "engine/config/kind_patterns.h"
#include "engine/config/profiles.h"

namespace syncline {
namespace {

std::string kind(const std::string& name, const std::string& table, const std::string& path,
                 const std::string& mode = "create") {
  return fmt::format(R"toml(
[kind.{0}]
table = "{1}"
create_table = "CREATE TABLE IF NOT EXISTS {1} (id INTEGER PRIMARY KEY, title TEXT)"
subject = "{{title}}"
[[kind.{0}.field]]
name = "title"
required = true
[kind.{0}.columns]
title = "{{title}}"
[kind.{0}.file]
mode = "{3}"
path = "{2}"
text = "{{title}}"
)toml",
                     name, table, path, mode);
}

Status check(const std::string& kinds) {
  const Result<Config> config = parse_config("schema = 1\n" + kinds);
  if (!config) return config.error();
  return check_outside_config(*config);
}

bool apart(const std::string& one, const std::string& other) {
  const Status checked = check(kind("a", "a_rows", one) + kind("b", "b_rows", other));
  if (!checked) {
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_NE(checked.error().message.find("kind.a and kind.b"), std::string::npos)
        << checked.error().message;
  }
  return checked.has_value();
}

TEST(PathOverlapTest, TwoTablesCountTheirOwnIds) {
  EXPECT_FALSE(apart("n/{title|slug:20}-{id}.md", "n/{title|slug:20}-{id}.md"));
  EXPECT_FALSE(apart("n/{id}.md", "n/{id}.md"));
  EXPECT_TRUE(apart("n/{id}.md", "m/{id}.md"));
  EXPECT_TRUE(apart("n/{id}.md", "n/{id}.txt"));
  EXPECT_TRUE(apart("n/{id}.md", "n/x/{id}.md"));
}

TEST(PathOverlapTest, ASlugMayHoldWhatTheOtherPatternWrites) {
  EXPECT_FALSE(apart("{title|slug:20}-{id}.md", "memo-{title|slug:20}-{id}.md"));
  EXPECT_FALSE(apart("{title|slug:20}/{id}.md", "memo/{id}.md"));
  EXPECT_FALSE(apart("{title|slug:20}-{id}.md", "{date}-{id}.md"));
  EXPECT_TRUE(apart("{title|slug:20}-{id}.md", "Memo-{title|slug:20}-{id}.md"));
  EXPECT_TRUE(apart("{title|slug:20}_{id}.md", "{title|slug:20}-{id}.md"));
}

TEST(PathOverlapTest, WhatASlotCannotRenderKeepsPathsApart) {
  EXPECT_TRUE(apart("n/{id}.md", "n/x{id}.md"));
  EXPECT_TRUE(apart("n/{shard}/{id}.md", "n/all/{id}.md"));
  EXPECT_FALSE(apart("n/{shard}/{id}.md", "n/0000/{id}.md"));
  EXPECT_FALSE(apart("n/{shard}/{id}.md", "n/{date}/{id}.md"));
}

TEST(PathOverlapTest, KindsOfOneTableShareAPatternOnly) {
  const auto both = [](const std::string& one, const std::string& other) {
    return check(kind("a", "rows", one) + kind("b", "rows", other)).has_value();
  };
  EXPECT_TRUE(both("n/{title|slug:20}-{id}.md", "n/{title|slug:20}-{id}.md"));
  // Record 1 with the title "2", and record 2 with the title "1".
  EXPECT_FALSE(both("n/{title|slug:20}-{id}.md", "n/{id}-{title|slug:20}.md"));
}

TEST(PathOverlapTest, SectionsShareAFileButNotACreatedOne) {
  const auto both = [](const std::string& created, const std::string& appended) {
    return check(kind("a", "a_rows", created) + kind("b", "b_rows", appended, "append"))
        .has_value();
  };
  EXPECT_TRUE(both("n/{id}.md", "n/log.md"));
  EXPECT_FALSE(both("n/{title|slug:20}-{id}.md", "n/log-1.md"));
  EXPECT_TRUE(
      check(kind("a", "a_rows", "n/log.md", "append") + kind("b", "b_rows", "n/log.md", "append")));
}

TEST(PathOverlapTest, TheProfilesKeepTheirKindsApart) {
  for (const char* const name : {"elf", "notes", "packages"}) {
    const auto text = profile_text(name);
    ASSERT_TRUE(text) << name;
    const Result<Config> config = parse_config(std::string(*text));
    ASSERT_TRUE(config) << name << ": " << config.error().message;
    const Status checked = check_outside_config(*config);
    EXPECT_TRUE(checked) << name << ": " << checked.error().message;
  }
}

}  // namespace
}  // namespace syncline
