#include "sync/git/git_command.h"

#include <gtest/gtest.h>

#include <vector>

namespace syncline {
namespace {

using Words = std::vector<std::string_view>;

TEST(GitCommand, TheSubcommandStandsBehindGitsOwnOptions) {
  EXPECT_EQ(git_subcommand(Words{"git", "commit", "-m", "x"}), "commit");
  EXPECT_EQ(git_subcommand(Words{"/usr/bin/git", "-C", "there", "-c", "a=b", "--no-pager",
                                 "--git-dir", "x", "--work-tree=y", "commit"}),
            "commit");
  EXPECT_EQ(git_subcommand(Words{"/usr/lib/git-core/git-rebase", "-i"}), "rebase");
  EXPECT_EQ(git_subcommand(Words{"/usr/lib/git-core/git", "merge"}), "merge");
  EXPECT_EQ(git_subcommand(Words{"git"}), "");
  EXPECT_EQ(git_subcommand(Words{"git", "-C"}), "");
  EXPECT_EQ(git_subcommand(Words{}), "");
}

TEST(GitCommand, WhatMovesHeadIsSeen) {
  for (const char* name :
       {"commit", "merge",     "rebase",   "am",         "cherry-pick",
        "revert", "pull",      "stash",    "checkout",   "switch",
        "reset",  "restore",   "add",      "rm",         "mv",
        "apply",  "submodule", "worktree", "update-ref", "an-alias-of-somebody"}) {
    EXPECT_TRUE(may_move_head(Words{"git", name})) << name;
    EXPECT_TRUE(may_move_head(Words{"git", "-C", "log", name, "log"})) << name;
  }
}

TEST(GitCommand, AnAliasMayButIsNotKnownTo) {
  EXPECT_TRUE(may_move_head(Words{"git", "rec"}));
  EXPECT_FALSE(moves_head(Words{"git", "rec"}));
  EXPECT_TRUE(moves_head(Words{"git", "-C", "there", "commit"}));
  EXPECT_FALSE(moves_head(Words{"git", "stash", "list"}));
  EXPECT_FALSE(moves_head(Words{"git", "log"}));
}

// A pager may be open for hours.
TEST(GitCommand, WhatOnlyLooksIsNot) {
  for (const char* name : {"log", "diff", "show", "status", "blame", "grep", "push", "fetch", "gc",
                           "maintenance", "cat-file", "branch", "tag", "reflog", "rev-list",
                           "pack-objects", "upload-pack", "daemon", "help"}) {
    EXPECT_FALSE(may_move_head(Words{"git", name})) << name;
    EXPECT_FALSE(may_move_head(Words{"git", "-c", "commit", name, "commit"})) << name;
  }
  EXPECT_FALSE(may_move_head(Words{"git", "stash", "list"}));
  EXPECT_FALSE(may_move_head(Words{"git", "stash", "show", "-p"}));
  EXPECT_TRUE(may_move_head(Words{"git", "stash", "pop"}));
  EXPECT_FALSE(may_move_head(Words{"git", "--version"}));
}

}  // namespace
}  // namespace syncline
