// Pushing to a remote, and the programs run for it.

#include "journal/base/backoff.h"
#include "sync/git/subprocess.h"
#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class PushTest : public testing::Test {
 protected:
  void SetUp() override {
    store.repository.git("init -q --bare " + quoted_for_shell(remote.string()));
  }
  void add_remote() {
    store.repository.git("remote add origin " + quoted_for_shell(remote.string()));
  }
  Deadline soon() { return system_clock().after_ms(60'000); }
  std::string at_remote(const std::string& ref) {
    return store.repository.git("--git-dir=" + quoted_for_shell(remote.string()) + " rev-parse " +
                                ref);
  }

  Pusher::Alone alone() {
    return
        [this](const std::function<Status(OutcomeSource&)>& work) { return work(store.outcomes); };
  }

  PublishStore store;
  TemporaryDirectory remote{"syncline remote"};
};

TEST_F(PushTest, WithoutARemoteNothingIsPushed) {
  EXPECT_TRUE(fails_with(store.syncer->pusher().push(soon(), alone()), Code::kNotFound));
  const auto pushed = store.syncer->pusher().pushed();
  ASSERT_TRUE(ok(pushed));
  EXPECT_FALSE(*pushed);
}

TEST_F(PushTest, BranchAndOwnRefArrive) {
  add_remote();
  EXPECT_EQ(store.syncer->pusher().pushed().value(), 0u);
  store.record(note_intent("one"));
  store.publish_all();
  ASSERT_TRUE(ok(store.syncer->pusher().push(soon(), alone())));
  EXPECT_EQ(at_remote("main"), store.head());
  EXPECT_EQ(at_remote(store.own_ref()), store.tip());
  EXPECT_EQ(store.syncer->pusher().pushed().value(), 1u);
  store.record(note_intent("two"));
  store.publish_all();
  EXPECT_EQ(store.syncer->pusher().pushed().value(), 1u);
  ASSERT_TRUE(ok(store.syncer->pusher().push(soon(), alone())));
  EXPECT_EQ(store.syncer->pusher().pushed().value(), 2u);
  // Another process, and then one without the note of the last push.
  store.open_syncer();
  ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
  EXPECT_EQ(store.syncer->pusher().pushed().value(), 2u);
  fs::remove(store.store_path() / "pushed");
  store.open_syncer();
  EXPECT_EQ(store.syncer->pusher().pushed().value(), 2u) << "told by the trailers";
}

TEST_F(PushTest, AnUnreachableRemoteSaysWhatGitSaid) {
  store.repository.git("remote add origin /nonexistent/repository");
  store.record(note_intent("one"));
  store.publish_all();
  const Status refused = store.syncer->pusher().push(soon(), alone());
  ASSERT_TRUE(fails_with(refused, Code::kRetryLater));
  EXPECT_NE(refused.error().message.find("/nonexistent/repository"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("git remote set-url origin"), std::string::npos)
      << refused.error().hint;
}

TEST_F(PushTest, ADeadlineEndsAPushThatHangs) {
  store.repository.git("remote add origin ssh://nowhere/repository");
  store.repository.git("config core.sshCommand 'sleep 600 #'");
  store.record(note_intent("one"));
  store.publish_all();
  EXPECT_TRUE(fails_with(store.syncer->pusher().push(system_clock().after_ms(300), alone()),
                         Code::kTimeout));
}

TEST(Subprocess, AnswersExitAndStderrAndKeepsTheTerminalOut) {
  Clock& clock = system_clock();
  const auto said =
      run_command({"sh", "-c", "echo out; echo err >&2; exit 7"}, {}, clock, kForever);
  ASSERT_TRUE(ok(said));
  EXPECT_EQ(said->exit_code, 7);
  EXPECT_EQ(said->error_text, "err\n");
  EXPECT_EQ(said->output, "out\n");
  const auto environment = run_command(
      {"sh", "-c", "echo $GIT_TERMINAL_PROMPT/$EXTRA/$GIT_DIR >&2"}, {"EXTRA=1"}, clock, kForever);
  ASSERT_TRUE(ok(environment));
  EXPECT_EQ(environment->error_text, "0/1/\n");
  EXPECT_TRUE(fails_with(run_command({"no-such-program-anywhere"}, {}, clock, kForever),
                         Code::kUnsupported));
  const auto killed = run_command({"sh", "-c", "kill -9 $$"}, {}, clock, kForever);
  ASSERT_TRUE(ok(killed));
  EXPECT_EQ(killed->exit_code, 137);
  const auto much = run_command({"sh", "-c", "yes | head -c 1000000 >&2"}, {}, clock, kForever);
  ASSERT_TRUE(ok(much));
  EXPECT_EQ(much->error_text.size(), kErrorTextBytesMax);
  const auto both = run_command(
      {"sh", "-c", "echo first; yes | head -c 9000000; yes | head -c 100000 >&2; echo last >&2"},
      {}, clock, kForever);
  ASSERT_TRUE(ok(both));
  EXPECT_EQ(both->output.size(), kOutputBytesMax);
  EXPECT_TRUE(both->output.starts_with("first\n"));
  EXPECT_TRUE(both->error_text.ends_with("last\n"));
}

// As root would be in a person's repository: git's own test of the owner is told that it is.
TEST_F(PushTest, WhereGitRefusesTheRepositoryItsReasonIsToldAndNoHookRuns) {
  add_remote();
  store.record(note_intent("one"));
  store.publish_all();
  const std::string hook = store.work(".git/hooks/pre-push").string();
  const fs::path ran = store.work(".git/hook-ran");
  write_file(hook, "#!/bin/sh\ntouch " + quoted_for_shell(ran.string()) + "\n");
  fs::permissions(hook, fs::perms::owner_all);
  ASSERT_EQ(::setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1", 1), 0);
  ASSERT_EQ(::setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1), 0);
  const Status refused = store.syncer->pusher().push(soon(), alone());
  ::unsetenv("GIT_TEST_ASSUME_DIFFERENT_OWNER");
  ::unsetenv("GIT_CONFIG_GLOBAL");
  ASSERT_TRUE(fails_with(refused, Code::kUnsupported));
  EXPECT_NE(refused.error().message.find("dubious ownership"), std::string::npos)
      << refused.error().message;
  EXPECT_TRUE(refused.error().hint.starts_with("git config --global --add safe.directory "))
      << refused.error().hint;
  EXPECT_FALSE(fs::exists(ran));
  EXPECT_TRUE(store.repository.git("ls-remote origin").empty()) << "nothing arrived";
  ASSERT_TRUE(ok(store.syncer->pusher().push(soon(), alone())));
  EXPECT_TRUE(fs::exists(ran)) << "where git allows it the person's hook runs";
}

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(uint64_t value) : value_(value) {}
  uint64_t next_u64() override { return value_; }

 private:
  uint64_t value_;
};

TEST(Backoff, DelaysDoubleUpToTheLongestAndTriesEnd) {
  FixedRandom highest(0);
  Backoff none(highest, {.first_ns = 10, .longest_ns = 100, .tries_max = 3});
  EXPECT_EQ(none.next_delay_ns(), 0);
  for (uint64_t seed = 0; seed < 500; ++seed) {
    FixedRandom random(seed);
    Backoff backoff(random, {.first_ns = 10, .longest_ns = 100, .tries_max = 200});
    for (const int64_t bound : {10, 20, 40, 80, 100, 100}) {
      ASSERT_TRUE(backoff.may_try_again());
      const int64_t delay = backoff.next_delay_ns();
      EXPECT_EQ(delay, static_cast<int64_t>(seed % (static_cast<uint64_t>(bound) + 1)));
    }
    while (backoff.may_try_again()) EXPECT_LE(backoff.next_delay_ns(), 100);
    EXPECT_EQ(backoff.tries(), 200u);
    backoff.reset();
    EXPECT_TRUE(backoff.may_try_again());
  }
}

}  // namespace
}  // namespace syncline
