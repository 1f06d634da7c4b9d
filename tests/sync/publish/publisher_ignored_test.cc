// What the repository ignores stays off the branch and at home, and comes, once, when no rule holds
// it any more.
#include "sync/own/held_paths.h"
#include "sync/publish/publisher.h"
#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRuleFile = "rules/cpp.md";

class PublisherIgnoredTest : public PublisherTest {
 protected:
  void exclude(const std::string& rules) {
    write_file(store.work(".git/info/exclude"), rules + "\n");
  }
  HeldPaths held() {
    const auto read = store.syncer->held_paths();
    EXPECT_TRUE(ok(read));
    return read.value_or(HeldPaths());
  }
  bool on_branch(const std::string& path) const {
    return store.repository.run("cat-file -e main:" + quoted_for_shell(path)).exit_code == 0;
  }
  std::string staged() const { return store.repository.git("ls-files --cached"); }
  // Nothing of ours is staged, changed or untracked in git's eyes.
  void expect_quiet() {
    EXPECT_EQ(store.status(), "");
    store.repository.expect_sound();
  }
  void open_another_process() {
    store.open_syncer();
    ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
    time_passes();
  }
  uint64_t commits() const { return std::stoull(store.repository.git("rev-list --count main")); }
};

TEST_F(PublisherIgnoredTest, AnIgnoredPathIsLeftOutOfBranchAndIndex) {
  exclude("notes/0000/n-2.md");
  for (int i = 0; i < 3; ++i) store.record(note_intent("text " + std::to_string(i)));
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.ignored, 1u);
  EXPECT_TRUE(report.left.empty());
  EXPECT_TRUE(on_branch(store.note_path(1)));
  EXPECT_FALSE(on_branch(store.note_path(2)));
  EXPECT_TRUE(on_branch(store.note_path(3)));
  EXPECT_EQ(staged().find("n-2.md"), std::string::npos);
  EXPECT_TRUE(fs::exists(store.work(store.note_path(2))));
  EXPECT_TRUE(is_held(held(), 2, store.note_path(2)));
  // Not even by its subject.
  EXPECT_EQ(store.repository.git("log --format=%B main").find("text 1"), std::string::npos);
  expect_quiet();
  const std::string head = store.head();
  EXPECT_FALSE(store.syncer->publisher().due());
  EXPECT_EQ(store.publish_all().ignored, 1u);
  EXPECT_EQ(store.head(), head);
}

TEST_F(PublisherIgnoredTest, WhereAllIsIgnoredNoCommitIsMade) {
  write_file(store.work(".gitignore"), "notes/\n");
  store.repository.git("add .gitignore");
  store.repository.git("commit -qm rule");
  const std::string head = store.head();
  store.record(note_intent("one"));
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  EXPECT_EQ(store.head(), head);
  EXPECT_FALSE(store.syncer->publisher().due());
  open_another_process();
  EXPECT_EQ(store.syncer->published(), 1u);
  EXPECT_FALSE(store.syncer->publisher().due());
  expect_quiet();
}

TEST_F(PublisherIgnoredTest, WhatIsIgnoredNoMoreIsPublishedOnce) {
  exclude("notes/\nrules/");
  store.record(note_intent("one"));
  store.record(rule_intent("cpp", "first"));
  store.publish_all();
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  EXPECT_EQ(held().size(), 2u);
  exclude("notes/");
  open_another_process();
  EXPECT_TRUE(store.syncer->publisher().due());
  PublishReport report = store.publish_all();
  EXPECT_EQ(report.ignored, 1u);
  EXPECT_TRUE(report.republished.empty());
  EXPECT_EQ(store.changed_in_head(), std::string("A\t") + kRuleFile);
  EXPECT_EQ(store.branch_file(kRuleFile), store.show(kRuleFile));
  EXPECT_EQ(store.repository.git("log -1 --format=%s main"), "syncline: 1 file ignored no more");
  exclude("");
  report = store.publish_all();
  EXPECT_EQ(report.ignored, 0u);
  EXPECT_EQ(store.changed_in_head(), "A\t" + store.note_path(1));
  EXPECT_TRUE(held().empty());
  expect_quiet();
  const uint64_t made = commits();
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  EXPECT_EQ(commits(), made);
  // From here on it is like any other: a person may take it away.
  store.repository.git("rm -q " + store.note_path(1));
  store.repository.git("commit -qm removed");
  store.record(note_intent("two"));
  store.publish_all();
  EXPECT_FALSE(on_branch(store.note_path(1)));
}

TEST_F(PublisherIgnoredTest, WhatIsTrackedIsPublishedWhateverTheRulesSay) {
  store.record(rule_intent("cpp", "first"));
  store.record(note_intent("one"));
  store.publish_all();
  exclude("*");
  store.record(rule_intent("cpp", "second"));
  store.record(note_intent("two"));
  EXPECT_EQ(store.publish_all().ignored, 1u);
  EXPECT_EQ(store.branch_file(kRuleFile), store.show(kRuleFile));
  EXPECT_TRUE(on_branch(store.note_path(2)));
  EXPECT_FALSE(on_branch(store.note_path(4)));
  expect_quiet();
}

// `git rm --cached`, a rule and a commit: what was there is theirs to remove, what came since waits
// for the rule.
TEST_F(PublisherIgnoredTest, WhatAPersonUntrackedStaysRemovedWhenTheRuleGoes) {
  store.record(rule_intent("cpp", "first"));
  store.record(note_intent("one"));
  store.publish_all();
  store.repository.git(std::string("rm -q --cached ") + kRuleFile + " " + store.note_path(2));
  store.repository.git("commit -qm untracked");
  exclude("rules/\nnotes/");
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  EXPECT_FALSE(on_branch(kRuleFile));
  EXPECT_TRUE(is_held(held(), 3, kRuleFile));
  EXPECT_FALSE(is_held(held(), 1, kRuleFile));
  exclude("");
  store.publish_all();
  EXPECT_FALSE(on_branch(store.note_path(2)));
  ASSERT_TRUE(on_branch(kRuleFile));
  const std::string text = store.branch_file(kRuleFile);
  EXPECT_EQ(text.find(": first"), std::string::npos) << text;
  EXPECT_NE(text.find(": second"), std::string::npos) << text;
  EXPECT_TRUE(held().empty());
}

TEST_F(PublisherIgnoredTest, WhatAPersonAddsByForceIsTheirsAndNoLongerIgnored) {
  exclude("notes/");
  store.record(note_intent("one"));
  store.publish_all();
  store.repository.git("add -f " + store.note_path(1));
  store.repository.git("commit -qm mine");
  store.publish_all();
  EXPECT_TRUE(held().empty());
  EXPECT_TRUE(on_branch(store.note_path(1)));
  expect_quiet();
}

TEST_F(PublisherIgnoredTest, TheSettingPublishesThemAll) {
  exclude("*");
  store.record(note_intent("one"));
  store.record(rule_intent("cpp", "first"));
  store.publish_all();
  EXPECT_EQ(held().size(), 2u);
  store.options.publish_ignored = true;
  open_another_process();
  EXPECT_TRUE(store.syncer->publisher().due());
  EXPECT_EQ(store.publish_all().ignored, 0u);
  EXPECT_TRUE(on_branch(store.note_path(1)));
  EXPECT_EQ(store.branch_file(kRuleFile), store.show(kRuleFile));
  store.record(note_intent("two"));
  store.publish_all();
  EXPECT_TRUE(on_branch(store.note_path(3)));
  expect_quiet();
}

// After a reset nobody is known to have meant what is missing; an ignored path is not put back.
TEST_F(PublisherIgnoredTest, AResetBringsNothingIgnoredToTheBranch) {
  store.record(note_intent("one"));
  store.publish_all();
  exclude("notes/0000/n-2.md");
  store.record(note_intent("two"));
  store.record(note_intent("three"));
  store.publish_all();
  store.repository.git("reset -q --hard HEAD~2");
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.ignored, 1u);
  EXPECT_TRUE(on_branch(store.note_path(1)));
  EXPECT_FALSE(on_branch(store.note_path(2)));
  EXPECT_TRUE(on_branch(store.note_path(3)));
  expect_quiet();
}

// The list is on disk before the publish counts, and a longer one does no harm.
TEST_F(PublisherIgnoredTest, ADeathBehindTheListOrBehindTheCommitLosesNothing) {
  exclude("notes/");
  store.record(note_intent("one"));
  HeldPaths early;
  early[store.note_path(1)] = {};
  early["notes/0000/of-nobody.md"] = {};
  ASSERT_TRUE(ok(save_held_paths(store.store_directory(), store.journal().store(), early)));
  store.publish_all();
  EXPECT_EQ(count_held(held()), 1u);
  exclude("");
  store.publish_all();
  EXPECT_TRUE(on_branch(store.note_path(1)));
  // As if the last write of the list had been lost.
  ASSERT_TRUE(ok(save_held_paths(store.store_directory(), store.journal().store(), early)));
  const std::string head = store.head();
  EXPECT_TRUE(store.syncer->publisher().due());
  store.publish_all();
  EXPECT_EQ(store.head(), head);
  EXPECT_TRUE(held().empty());
  EXPECT_FALSE(store.syncer->publisher().due());
}

TEST_F(PublisherIgnoredTest, NothingCountsAsPublishedBeforeTheListIsWritten) {
  exclude("notes/");
  store.record(note_intent("one"));
  store.faults->fail(FaultCall::kRename, 1, EIO);
  EXPECT_FALSE(store.syncer->publisher().publish(store.outcomes));
  open_another_process();
  EXPECT_EQ(store.syncer->published(), 0u);
  store.publish_all();
  EXPECT_TRUE(is_held(held(), 1, store.note_path(1)));
}

TEST_F(PublisherIgnoredTest, ADamagedListIsSaidAndNothingIsPublishedByIt) {
  exclude("notes/");
  store.record(note_intent("one"));
  store.publish_all();
  std::string bytes = read_text(store.store_path() / "ignored");
  ASSERT_FALSE(bytes.empty());
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(store.store_path() / "ignored", bytes);
  store.record(note_intent("two"));
  EXPECT_TRUE(fails_with(store.syncer->publisher().publish(store.outcomes), Code::kCorrupt));
  EXPECT_TRUE(fails_with(store.syncer->held_paths(), Code::kCorrupt));
}

class IgnoredPushTest : public PublisherIgnoredTest {
 protected:
  void SetUp() override {
    PublisherIgnoredTest::SetUp();
    store.repository.git("init -q --bare " + quoted_for_shell(remote_.string()));
    store.repository.git("remote add origin " + quoted_for_shell(remote_.string()));
  }
  std::string at_remote(const std::string& ref) const {
    return store.repository
        .run("--git-dir=" + quoted_for_shell(remote_.string()) + " rev-parse --verify -q " + ref)
        .text;
  }
  void push() {
    ASSERT_TRUE(ok(store.syncer->pusher().push(
        system_clock().after_ms(60'000), [this](const std::function<Status(OutcomeSource&)>& work) {
          return work(store.outcomes);
        })));
  }

  TemporaryDirectory remote_{"syncline remote"};
};

TEST_F(IgnoredPushTest, TheOwnRefStaysHereWhileItHoldsAnIgnoredPath) {
  exclude("notes/");
  store.record(rule_intent("cpp", "first"));
  store.record(note_intent("secret"));
  store.publish_all();
  push();
  EXPECT_EQ(at_remote("main"), store.head() + "\n");
  EXPECT_EQ(at_remote(store.own_ref()), "");
  const std::vector<std::string> notes = store.syncer->pusher().take_notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find(store.own_ref()), std::string::npos) << notes[0];
  EXPECT_EQ(store.syncer->own_ref_waiting_reason().value(), notes[0]);
  exclude("");
  store.publish_all();
  push();
  EXPECT_EQ(at_remote(store.own_ref()), store.tip() + "\n");
  EXPECT_TRUE(store.syncer->pusher().take_notes().empty());
  EXPECT_EQ(store.syncer->own_ref_waiting_reason().value(), "");
}

// Somebody has pushed before, so it is tried twice, and a record comes in between.
TEST_F(IgnoredPushTest, WhatIsFoldedBetweenTwoTriesStaysHereToo) {
  store.record(rule_intent("cpp", "first"));
  store.publish_all();
  push();
  const TemporaryDirectory other;
  const std::string clone = quoted_for_shell((other / "clone").string());
  store.repository.git("clone -q -b main " + quoted_for_shell(remote_.string()) + " " + clone);
  store.repository.git("-C " + clone +
                       " -c user.name=Another -c user.email=another@example.org commit -q "
                       "--allow-empty -m theirs");
  store.repository.git("-C " + clone + " push -q origin main");
  store.record(rule_intent("cpp", "second"));
  store.publish_all();
  exclude("notes/");
  time_passes();
  const std::string without = store.tip();
  int calls = 0;
  ASSERT_TRUE(ok(store.syncer->pusher().push(
      system_clock().after_ms(60'000), [&](const std::function<Status(OutcomeSource&)>& work) {
        if (++calls == 1) {
          store.record(note_intent("secret"));
          store.publish_all();
        }
        return work(store.outcomes);
      })));
  EXPECT_GE(calls, 1);
  EXPECT_NE(store.tip(), without);
  EXPECT_EQ(at_remote("main"), store.head() + "\n");
  EXPECT_EQ(at_remote(store.own_ref()), without + "\n");
}

// No publish has looked at it yet.
TEST_F(IgnoredPushTest, WhatIsOnlyFoldedIsLookedAtToo) {
  store.record(note_intent("one"));
  store.publish_all();
  push();
  exclude("notes/0000/n-2.md");
  store.record(note_intent("secret"));
  push();
  EXPECT_NE(at_remote(store.own_ref()), store.tip() + "\n");
  EXPECT_EQ(store.repository
                    .run("--git-dir=" + quoted_for_shell(remote_.string()) + " cat-file -e " +
                         store.tip())
                    .exit_code != 0,
            true);
}

// Its text is in the history.
TEST_F(IgnoredPushTest, ARetractedRecordKeepsTheOwnRefHere) {
  exclude("notes/");
  store.record(note_intent("secret"));
  const auto retract = [&] {
    const uint64_t seq = store.last_seq;
    const Effects made = render_effects(note_intent("secret"), seq, seq,
                                        1'700'000'000'000 + static_cast<int64_t>(seq) * 1000);
    store.outcomes.retract(seq, seq + 1);
    store.record(retraction_intent(seq, Operation::kCreate, made.path, {}, made.text), false);
  };
  store.publish_all();
  retract();
  store.publish_all();
  push();
  EXPECT_EQ(at_remote(store.own_ref()), "");
  EXPECT_EQ(count_held(held()), 0u);
  EXPECT_EQ(held().size(), 1u);
  EXPECT_FALSE(fs::exists(store.work(store.note_path(1))));
  // One that no publish has seen.
  store.record(note_intent("secret"));
  retract();
  store.publish_all();
  EXPECT_EQ(held().size(), 2u);
}

}  // namespace
}  // namespace syncline
