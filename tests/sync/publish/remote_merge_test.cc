// Pushing where somebody has pushed before: theirs is brought in, and nothing of anybody is lost.

#include "sync/publish/remote_merge.h"

#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class RemoteMergeTest : public PublisherTest {
 protected:
  void SetUp() override {
    PublisherTest::SetUp();
    commit_file(".gitignore", "*.ignored\n");
    store.repository.git("init -q --bare -b main " + quoted_for_shell(remote.string()));
    store.repository.git("remote add origin " + quoted_for_shell(remote.string()));
    store.record(rule_intent("git", "one"));
    publish_and_push();
    store.repository.git("clone -q -b main " + quoted_for_shell(remote.string()) + " " +
                         quoted_for_shell(clone().string()));
    store.repository.git(in_clone("config user.name Another"));
    store.repository.git(in_clone("config user.email another@example.org"));
  }

  fs::path clone() const { return other.path() / "clone"; }
  std::string in_clone(const std::string& arguments) const {
    return "-C " + quoted_for_shell(clone().string()) + " " + arguments;
  }
  // A commit of another person at the remote.
  void they_push(const std::string& path, const std::string& text) {
    write_file(clone() / path, text);
    store.repository.git(in_clone("add -A -f"));
    they_push_what_is_staged();
  }
  void they_push_what_is_staged() {
    store.repository.git(in_clone("commit -q -m theirs"));
    store.repository.git(in_clone("push -q origin main"));
  }
  Status push() {
    return store.syncer->pusher().push(
        system_clock().after_ms(60'000),
        [this](const std::function<Status(OutcomeSource&)>& work) { return work(store.outcomes); });
  }
  void publish_and_push() {
    time_passes();
    store.publish_all();
    ASSERT_TRUE(ok(push()));
  }
  std::string at_remote(const std::string& ref) const {
    return store.repository.git("ls-remote origin " + ref).substr(0, 40);
  }
  uint64_t pushed() { return store.syncer->pusher().pushed().value().value(); }

  struct Seen {
    std::string head, status, staged;
    bool operator==(const Seen&) const = default;
  };
  Seen seen() const {
    return {store.head(), store.status(), store.repository.git("diff --cached")};
  }
  void expect_refused(const std::string& message_part, const std::string& hint_part) {
    const Seen before = seen();
    const std::string theirs = at_remote("main");
    const Status refused = push();
    ASSERT_TRUE(fails_with(refused, Code::kRetryLater));
    EXPECT_NE(refused.error().message.find(message_part), std::string::npos)
        << refused.error().message;
    EXPECT_NE(refused.error().hint.find(hint_part), std::string::npos) << refused.error().hint;
    EXPECT_EQ(seen(), before);
    EXPECT_EQ(at_remote("main"), theirs);
    store.expect_clean();
  }
  void expect_pushed() {
    EXPECT_EQ(at_remote("main"), store.head());
    EXPECT_EQ(at_remote(store.own_ref()), store.tip());
    EXPECT_EQ(pushed(), store.last_seq);
    store.expect_clean();
    // What was published is known to be on the branch still.
    const PublishReport again = store.publish();
    EXPECT_TRUE(again.commit.is_zero());
    EXPECT_TRUE(again.republished.empty());
  }
  static std::string rule(int id, const std::string& text) {
    return fmt::format("\n## H-{}: {}\n", id, text);
  }
  const std::string head_ = "# Rules: git\n";

  TemporaryDirectory remote{"syncline remote"};
  TemporaryDirectory other;
};

TEST_F(RemoteMergeTest, BothSidesAreInTheMergeAndThePushGoesThrough) {
  they_push("theirs.txt", "a person's file, edited\n");
  store.record(note_intent("two"));
  time_passes();
  store.publish_all();
  ASSERT_TRUE(ok(push()));
  EXPECT_EQ(store.branch_file("theirs.txt"), "a person's file, edited");
  EXPECT_EQ(store.branch_file(store.note_path(2)) + "\n",
            read_text(store.work(store.note_path(2))));
  EXPECT_EQ(read_text(store.work("theirs.txt")), "a person's file, edited\n");
  EXPECT_EQ(store.repository.git("log -1 --format=%s main"), "syncline: merge main on origin");
  EXPECT_EQ(store.repository.git("log -1 --format=%an main"), "Syncline");
  EXPECT_EQ(store.syncer->pusher().take_notes().size(), 1u);
  expect_clean();
  expect_pushed();
}

TEST_F(RemoteMergeTest, WhereOnlyTheyHaveCommittedTheBranchGoesOnToTheirs) {
  they_push("new/file.txt", "new\n");
  time_passes();
  ASSERT_TRUE(ok(push()));
  EXPECT_EQ(store.head(), store.repository.git(in_clone("rev-parse main")));
  EXPECT_EQ(read_text(store.work("new/file.txt")), "new\n");
  expect_clean();
  expect_pushed();
}

TEST_F(RemoteMergeTest, SectionsOfBothAreUnited) {
  const std::string theirs = "\n## H-1-sabcdef: theirs\n";
  they_push("rules/git.md", head_ + rule(1, "one") + theirs);
  store.record(rule_intent("git", "two"));
  time_passes();
  store.publish_all();
  ASSERT_TRUE(ok(push()));
  const std::string both = head_ + rule(1, "one") + theirs + rule(2, "two");
  EXPECT_EQ(store.branch_file("rules/git.md") + "\n", both);
  EXPECT_EQ(read_text(store.work("rules/git.md")), both);
  expect_clean();
  expect_pushed();
}

TEST_F(RemoteMergeTest, WhatTheyRemovedStaysRemoved) {
  store.record(note_intent("two"));
  publish_and_push();
  store.repository.git(in_clone("pull -q"));
  store.repository.git(in_clone("rm -q rules/git.md " + store.note_path(2)));
  they_push_what_is_staged();
  store.record(rule_intent("git", "three"));
  time_passes();
  store.publish_all();
  ASSERT_TRUE(ok(push()));
  EXPECT_EQ(read_text(store.work("rules/git.md")), head_ + rule(3, "three"));
  EXPECT_FALSE(fs::exists(store.work(store.note_path(2))));
  expect_clean();
  expect_pushed();
}

TEST_F(RemoteMergeTest, APersonsConflictIsTheirsToSettle) {
  they_push("theirs.txt", "theirs\n");
  commit_file("theirs.txt", "ours\n");
  time_passes();
  expect_refused("both sides changed theirs.txt", "git pull --no-rebase origin main");
  EXPECT_EQ(pushed(), 1u);
  store.repository.git("-c merge.conflictStyle=merge pull -q --no-rebase -X ours origin main");
  time_passes();
  store.publish_all();
  ASSERT_TRUE(ok(push()));
  expect_pushed();
}

TEST_F(RemoteMergeTest, ASectionThatBothEditedIsAPersonsToo) {
  they_push("rules/git.md", head_ + rule(1, "one, they say"));
  commit_file("rules/git.md", head_ + rule(1, "one, we say"));
  time_passes();
  expect_refused("both sides changed rules/git.md", "git pull --no-rebase");
}

TEST_F(RemoteMergeTest, EditsInTheWayAreNeitherLostNorUnstaged) {
  write_file(clone() / "rules/git.md", head_ + rule(1, "one") + "\n## H-1-sabcdef: theirs\n");
  they_push("theirs.txt", "theirs\n");
  write_file(store.work("theirs.txt"), "edited\n");
  expect_refused("theirs.txt", "push again");
  EXPECT_EQ(read_text(store.work("theirs.txt")), "edited\n");
  store.repository.git("add theirs.txt");
  expect_refused("theirs.txt", "push again");
  store.repository.git("checkout -q HEAD -- theirs.txt");
  EXPECT_EQ(read_text(store.work("rules/git.md")), head_ + rule(1, "one"));
}

TEST_F(RemoteMergeTest, EditsElsewhereAreCarriedAlong) {
  commit_file("mine.txt", "mine\n");
  they_push("theirs.txt", "theirs\n");
  write_file(store.work("mine.txt"), "mine, edited\n");
  write_file(store.work("staged.txt"), "staged\n");
  store.repository.git("add staged.txt");
  write_file(store.work("untracked.txt"), "untracked\n");
  time_passes();
  ASSERT_TRUE(ok(push()));
  EXPECT_EQ(store.status(), " M mine.txt\nA  staged.txt\n?? untracked.txt");
  EXPECT_EQ(read_text(store.work("theirs.txt")), "theirs\n");
  EXPECT_EQ(read_text(store.work("mine.txt")), "mine, edited\n");
  expect_pushed();
}

TEST_F(RemoteMergeTest, AnUntrackedFileInTheWayStaysAlsoAnIgnoredOne) {
  they_push("plan.txt", "theirs\n");
  write_file(store.work("plan.txt"), "mine\n");
  expect_refused("would overwrite plan.txt", "move it away");
  EXPECT_EQ(read_text(store.work("plan.txt")), "mine\n");
  write_file(store.work("plan.txt"), "theirs\n");
  ASSERT_TRUE(ok(push())) << "it is what is brought in";
  they_push("secret.ignored", "theirs\n");
  write_file(store.work("secret.ignored"), "mine\n");
  expect_refused("would overwrite secret.ignored", "move it away");
  EXPECT_EQ(read_text(store.work("secret.ignored")), "mine\n");
  fs::remove(store.work("secret.ignored"));
  ASSERT_TRUE(ok(push()));
  expect_clean();
  expect_pushed();
}

TEST_F(RemoteMergeTest, InTheMiddleOfTheirOwnWorkItWaits) {
  they_push("theirs.txt", "theirs\n");
  store.repository.git("checkout -q -b topic");
  commit_file("mine.txt", "mine\n");
  time_passes();
  expect_refused("branch topic is checked out", "push again");
  store.repository.git("checkout -q main");
  time_passes();
  write_file(store.work(".git/index.lock"), "");
  const Status held = push();
  ASSERT_TRUE(fails_with(held, Code::kRetryLater));
  EXPECT_NE(held.error().message.find("index.lock"), std::string::npos) << held.error().message;
  EXPECT_TRUE(fs::exists(store.work(".git/index.lock")));
  fs::remove(store.work(".git/index.lock"));
  ASSERT_TRUE(ok(push()));
  expect_pushed();
}

// As one that died between the work tree's files and the ref leaves them.
TEST_F(RemoteMergeTest, FilesThatAreBroughtAlongAlreadyAreTaken) {
  write_file(clone() / "new.txt", "new\n");
  they_push("theirs.txt", "theirs\n");
  write_file(store.work("new.txt"), "new\n");
  write_file(store.work("theirs.txt"), "theirs\n");
  time_passes();
  ASSERT_TRUE(ok(push()));
  expect_clean();
  expect_pushed();
}

TEST_F(RemoteMergeTest, WhatIsForcedAwayDoesNotCountAndComesBack) {
  store.record(note_intent("two"));
  publish_and_push();
  EXPECT_EQ(pushed(), 2u);
  store.repository.git(in_clone("commit -q --allow-empty -m forced"));
  store.repository.git(in_clone("push -q --force origin main"));
  EXPECT_EQ(pushed(), 2u) << "nobody has looked";
  store.repository.git("fetch -q origin");
  EXPECT_EQ(pushed(), 1u);
  const fs::path hook = remote.path() / "hooks/update";
  write_file(hook, "#!/bin/sh\nexit 1\n");
  fs::permissions(hook, fs::perms::owner_all);
  EXPECT_EQ(store.journal().watermark(Watermark::kPushed), 2u);
  ASSERT_TRUE(fails_with(push(), Code::kRetryLater));
  EXPECT_EQ(store.journal().watermark(Watermark::kPushed), 1u) << "receipts say no more than this";
  fs::remove(hook);
  ASSERT_TRUE(ok(push()));
  EXPECT_EQ(store.journal().watermark(Watermark::kPushed), 2u);
  expect_pushed();
}

TEST_F(RemoteMergeTest, APersonsCommitThatWasForcedAwayIsNotBroughtBack) {
  store.repository.git(in_clone("tag before"));
  they_push("secret.txt", "a password\n");
  time_passes();
  ASSERT_TRUE(ok(push()));
  store.repository.git(in_clone("reset -q --hard before"));
  write_file(clone() / "new.txt", "new\n");
  store.repository.git(in_clone("add new.txt"));
  store.repository.git(in_clone("commit -q -m cleaned"));
  store.repository.git(in_clone("push -q --force origin main"));
  expect_refused("was rewritten without commit", "git pull --rebase origin main");
  EXPECT_EQ(store.repository.run("ls-tree --name-only origin/main secret.txt").text, "");
}

TEST_F(RemoteMergeTest, OfTwoRefsTheOneThatArrivedCounts) {
  const auto configure = [&](const std::string& arguments) {
    store.repository.git("--git-dir=" + quoted_for_shell(remote.string()) + " config " + arguments);
  };
  configure("receive.hideRefs refs/syncline");
  store.record(note_intent("two"));
  time_passes();
  store.publish_all();
  const Status hidden = push();
  ASSERT_TRUE(fails_with(hidden, Code::kRetryLater));
  EXPECT_NE(hidden.error().message.find(store.own_ref() + " (deny updating a hidden ref)"),
            std::string::npos)
      << hidden.error().message;
  EXPECT_NE(hidden.error().message.find("main has arrived"), std::string::npos);
  EXPECT_NE(hidden.error().hint.find("receive.hideRefs"), std::string::npos);
  EXPECT_EQ(pushed(), 2u);
  configure("--unset receive.hideRefs");

  const fs::path hook = remote.path() / "hooks/update";
  write_file(hook,
             "#!/bin/sh\ntest $1 != refs/heads/main && exit 0\necho it is protected\nexit 1\n");
  fs::permissions(hook, fs::perms::owner_all);
  store.record(note_intent("three"));
  time_passes();
  store.publish_all();
  const Status protected_branch = push();
  ASSERT_TRUE(fails_with(protected_branch, Code::kRetryLater));
  EXPECT_NE(protected_branch.error().message.find("refused main (hook declined), saying: it is "
                                                  "protected"),
            std::string::npos)
      << protected_branch.error().message;
  EXPECT_EQ(protected_branch.error().hint.find("pull"), std::string::npos);
  EXPECT_EQ(pushed(), 2u);
  EXPECT_EQ(at_remote(store.own_ref()), store.tip());
  fs::remove(hook);
  ASSERT_TRUE(ok(push()));
  expect_pushed();
}

TEST_F(RemoteMergeTest, WithoutATrackingRefOurOwnPushTells) {
  store.repository.git("config --unset remote.origin.fetch");
  store.repository.git("update-ref -d refs/remotes/origin/main");
  store.record(note_intent("two"));
  publish_and_push();
  EXPECT_EQ(pushed(), 2u);
}

}  // namespace
}  // namespace syncline
