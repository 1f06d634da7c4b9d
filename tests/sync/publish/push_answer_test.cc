// What git's words about a push are taken for.

#include "sync/publish/push_answer.h"

#include <gtest/gtest.h>

#include "sync/git/git_words.h"

namespace syncline {
namespace {

constexpr std::string_view kBranch = "refs/heads/main";
constexpr std::string_view kOwn = "refs/syncline/00";

PushAnswer parse(const std::string& branch, const std::string& own,
                 const std::string& error_text = "error: failed to push some refs to 'there'\n") {
  return parse_push_answer("To there\n" + branch + own + "Done\n", error_text);
}

TEST(PushAnswer, TellsEachRefApart) {
  const PushAnswer answer = parse("!\trefs/heads/main:refs/heads/main\t[rejected] (fetch first)\n",
                                  "*\trefs/syncline/00:refs/syncline/00\t[new reference]\n");
  ASSERT_EQ(answer.refs.size(), 2u);
  EXPECT_FALSE(answer.find(kBranch)->arrived);
  EXPECT_TRUE(answer.find(kBranch)->is_behind());
  EXPECT_TRUE(answer.find(kOwn)->arrived);
  EXPECT_FALSE(answer.find(kOwn)->is_behind());
  EXPECT_EQ(answer.find("refs/heads/other"), nullptr);
  const PushAnswer even = parse(" \trefs/heads/main:refs/heads/main\t1234567..89abcde\n",
                                "=\trefs/syncline/00:refs/syncline/00\t[up to date]\n", "");
  EXPECT_TRUE(even.find(kBranch)->arrived);
  EXPECT_TRUE(even.find(kOwn)->arrived);
}

TEST(PushAnswer, TellsARaceFromWhatIsBehindAndFromARefusal) {
  const auto refused = [](const std::string& reason) {
    const PushAnswer answer =
        parse("!\trefs/heads/main:refs/heads/main\t[remote rejected] (" + reason + ")\n", "");
    EXPECT_EQ(answer.find(kBranch)->reason, reason);
    return *answer.find(kBranch);
  };
  for (const char* reason : {"failed to update ref", "incorrect old value provided",
                             "cannot lock ref 'refs/heads/main': is at 1 but expected 2"}) {
    EXPECT_TRUE(refused(reason).is_a_race()) << reason;
    // Of the own ref that would mean that a copy of the store has gone on.
    EXPECT_FALSE(refused(reason).is_behind()) << reason;
  }
  for (const char* reason : {"non-fast-forward", "fetch first"}) {
    EXPECT_TRUE(refused(reason).is_behind()) << reason;
    EXPECT_FALSE(refused(reason).is_a_race()) << reason;
  }
  for (const char* reason : {"hook declined", "pre-receive hook declined",
                             "deny updating a hidden ref", "protected branch hook declined"}) {
    EXPECT_FALSE(refused(reason).is_behind() || refused(reason).is_a_race()) << reason;
  }
}

TEST(PushAnswer, KeepsWhatTheRemoteSaid) {
  const PushAnswer answer =
      parse("!\trefs/heads/main:refs/heads/main\t[remote rejected] (hook declined)\n", "",
            "remote: main is protected        \nremote: \nremote: open a request\nerror: failed\n");
  EXPECT_EQ(answer.remote_said, "main is protected; open a request");
}

TEST(PushAnswer, HintsFitTheReason) {
  const auto hint = [](const char* reason, bool own) {
    return refused_ref_hint({.ref = "", .arrived = false, .reason = reason}, own, "origin");
  };
  EXPECT_NE(hint("deny updating a hidden ref", true).find("transfer.hideRefs"), std::string::npos);
  EXPECT_NE(hint("hook declined", false).find("[sync] branch"), std::string::npos);
  EXPECT_NE(hint("branch is currently checked out", false).find("updateInstead"),
            std::string::npos);
  EXPECT_EQ(unanswered_hint("fatal: detected dubious ownership in repository at '/a b'\nTo add an "
                            "exception for this directory, call:\n\n\tgit config --global --add "
                            "safe.directory '/a b'\nfatal: Could not read\n",
                            "origin"),
            "git config --global --add safe.directory '/a b'");
  EXPECT_NE(unanswered_hint("fatal: '/x' does not appear to be a git repository\n", "there")
                .find("set-url there"),
            std::string::npos);
  EXPECT_EQ(safe_directory_remedy("fatal: something else\n"), "");
}

}  // namespace
}  // namespace syncline
