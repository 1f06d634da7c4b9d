// Two clones of one repository, each with a store, and the bare repository that both push to:
// whoever comes second brings in what the first has pushed, and nobody loses anything.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRulesFile = "memory/heuristics/git.md";

class Remote : public ::testing::Test {
 protected:
  Remote() : a_(first()), b_(StoreUnderTest::existing("elf", clone())) {}

  StoreUnderTest first() {
    run({"git", "init", "-q", "--bare", "-b", "main", bare().string()});
    StoreUnderTest store("elf", directory_ / "a");
    store.git({"remote", "add", "origin", bare().string()});
    write_whole(store.root() / "README.txt", "one\ntwo\nthree\n");
    store.git({"add", "README.txt"});
    store.git({"commit", "-qm", "a person's"});
    rule(store, "of the first");
    expect_pushed(store);
    return store;
  }
  fs::path clone() {
    run({"git", "clone", "-q", bare().string(), (directory_ / "b").string()});
    run({syncline_binary(), "init", (directory_ / "b").string(), "--profile", "elf",
         "--new-identity"});
    return directory_ / "b";
  }
  fs::path bare() const { return directory_ / "remote.git"; }
  static void run(const std::vector<std::string>& command) {
    const ProcessResult result = run_process(command, {.environment = plain_git_environment()});
    ASSERT_TRUE(result.ok()) << result.describe();
  }
  void configure_remote(const std::string& name, const std::string& value) {
    run({"git", "-C", bare().string(), "config", name, value});
  }

  static std::vector<std::string> rule_arguments(const std::string& text,
                                                 const std::string& domain = "git") {
    return {"record", "heuristic", "--domain", domain, "--rule", text};
  }
  void rule(const StoreUnderTest& store, const std::string& text,
            const std::string& domain = "git") {
    store.json(rule_arguments(text, domain));
    rules_.push_back(domain + ": " + text);
  }
  void failure(const StoreUnderTest& store, const std::string& title) {
    store.json({"record", "failure", "--title", title, "--domain", "git"});
    failures_.push_back(title);
  }
  static ProcessResult push(const StoreUnderTest& store) {
    return store.syncline({"sync", "--push", "--timeout", "60"},
                          {.environment = plain_git_environment()});
  }
  void expect_pushed(const StoreUnderTest& store) {
    const ProcessResult pushed = push(store);
    EXPECT_TRUE(pushed.ok()) << pushed.describe();
    const Json status = store.json({"status"});
    EXPECT_EQ(status["pushed"], status["journaled"]) << status.dump();
    EXPECT_EQ(store.git({"rev-parse", "HEAD"}), remote_tip()) << pushed.describe();
  }
  // Nothing of the person's or of ours has moved, and the answer says why.
  void expect_refused(const StoreUnderTest& store, const std::string& part) {
    const auto seen = [&] {
      return store.git({"rev-parse", "HEAD"}) + store.git({"status", "--porcelain"}) +
             store.git({"diff", "HEAD"}) + remote_tip();
    };
    const std::string before = seen();
    const ProcessResult refused = push(store);
    EXPECT_EQ(refused.exit_code, 75) << refused.describe();
    EXPECT_NE(refused.err.find(part), std::string::npos) << refused.describe();
    EXPECT_EQ(seen(), before);
  }
  std::string remote_tip() {
    const ProcessResult tip = run_process({"git", "-C", bare().string(), "rev-parse", "main"},
                                          {.environment = plain_git_environment()});
    return tip.out.substr(0, 40);
  }
  static void commit(const StoreUnderTest& store, const std::string& path,
                     const std::string& text) {
    write_whole(store.root() / path, text);
    store.git({"add", path});
    store.git({"commit", "-qm", "a person's " + path});
  }

  // Each store alone, and then in turns until both have what the other has: one tip, and on it and
  // in each work tree every record of both once.
  void expect_convergence() {
    for (const StoreUnderTest* store : {&a_, &b_, &a_}) expect_pushed(*store);
    EXPECT_EQ(a_.git({"rev-parse", "HEAD"}), b_.git({"rev-parse", "HEAD"}));
    for (const StoreUnderTest* store : {&a_, &b_}) {
      EXPECT_EQ(store->git({"status", "--porcelain", "--untracked-files=all"}), "");
      EXPECT_EQ(store->json({"status"})["files_waiting"], 0);
      const Json verified = store->json({"verify"});
      EXPECT_EQ(verified["ok"], true) << verified.dump(1);
      EXPECT_EQ(store->git({"fsck", "--strict", "--no-dangling", "--no-progress"}), "");
      expect_all_once(*store);
      EXPECT_FALSE(fs::exists(store->root() / ".git/index.lock"));
    }
  }
  void expect_all_once(const StoreUnderTest& store) {
    std::vector<std::string> rules;
    for (const auto& file : fs::directory_iterator(store.root() / "memory/heuristics")) {
      const std::string path = "memory/heuristics/" + file.path().filename().string();
      const std::string text = read_whole(file.path());
      EXPECT_EQ(store.git({"show", "HEAD:" + path}), text.substr(0, text.size() - 1));
      for (size_t at = text.find("\n## H-"); at != std::string::npos;
           at = text.find("\n## H-", at + 1)) {
        const size_t colon = text.find(": ", at);
        rules.push_back(file.path().stem().string() +
                        text.substr(colon, text.find('\n', colon) - colon));
      }
    }
    std::vector<std::string> wanted = rules_;
    std::ranges::sort(wanted);
    std::ranges::sort(rules);
    EXPECT_EQ(rules, wanted);
    std::vector<std::string> titles;
    fs::create_directories(store.root() / "memory/failures");
    for (const auto& file : fs::directory_iterator(store.root() / "memory/failures")) {
      const std::string text = read_whole(file.path());
      titles.push_back(text.substr(2, text.find('\n') - 2));
    }
    std::vector<std::string> wanted_titles = failures_;
    std::ranges::sort(wanted_titles);
    std::ranges::sort(titles);
    EXPECT_EQ(titles, wanted_titles);
  }

  TemporaryDirectory directory_;
  std::vector<std::string> rules_;
  std::vector<std::string> failures_;
  StoreUnderTest a_;
  StoreUnderTest b_;
};

TEST_F(Remote, TwoClonesThatRecordAndPushAtOnceConvergeWithoutAPerson) {
  const uint64_t rounds = 4 * test_scale();
  for (uint64_t round = 0; round < rounds; ++round) {
    const std::string number = std::to_string(round);
    std::vector<std::pair<std::vector<std::string>, ProcessOptions>> commands;
    for (const StoreUnderTest* store : {&a_, &b_}) {
      const std::string name = store == &a_ ? "a" : "b";
      failure(*store, "failure " + name + number);
      for (const std::string& domain : {std::string("git"), "domain" + number}) {
        commands.emplace_back(store->command(rule_arguments(name + number, domain)),
                              ProcessOptions{.environment = plain_git_environment()});
        rules_.push_back(domain + ": " + name + number);
      }
      commands.emplace_back(store->command({"sync", "--push", "--timeout", "60"}),
                            ProcessOptions{.environment = plain_git_environment()});
    }
    for (const ProcessResult& result : run_together(commands)) {
      EXPECT_TRUE(result.ok()) << result.describe();
    }
  }
  expect_convergence();
}

TEST_F(Remote, WhoHasNothingToPushGetsWhatTheOthersPushed) {
  rule(b_, "of the second");
  commit(b_, "README.txt", "one\ntwo, edited\nthree\n");
  expect_pushed(b_);
  expect_pushed(a_);
  EXPECT_EQ(read_whole(a_.root() / "README.txt"), "one\ntwo, edited\nthree\n");
  expect_convergence();
}

TEST_F(Remote, APersonsConflictWaitsForThemAndNothingMoves) {
  commit(b_, "README.txt", "theirs\n");
  rule(b_, "of the second");
  expect_pushed(b_);
  commit(a_, "README.txt", "ours\n");
  rule(a_, "of the first, again");
  a_.json({"sync"});
  expect_refused(a_, "both sides changed README.txt");
  expect_refused(a_, "git pull --no-rebase origin main");
  const Json status = a_.json({"status"});
  EXPECT_EQ(status["pushed"], 1) << status.dump();
  EXPECT_EQ(status["published"], 2) << status.dump();
  // Recording goes on.
  rule(a_, "of the first, once more");
  // The file of sections does not conflict in their merge: our driver keeps both.
  a_.try_git({"pull", "-q", "--no-rebase", "origin", "main"});
  write_whole(a_.root() / "README.txt", "ours and theirs\n");
  a_.git({"add", "-A"});
  a_.git({"commit", "-qm", "settled"});
  expect_convergence();
}

TEST_F(Remote, EditsAndUntrackedFilesInTheWayAreNotTouched) {
  commit(b_, "README.txt", "one, they say\ntwo\nthree\n");
  commit(b_, "plan.txt", "theirs\n");
  rule(b_, "of the second");
  expect_pushed(b_);
  rule(a_, "of the first, again");
  a_.json({"sync"});
  write_whole(a_.root() / "README.txt", "one\ntwo\nthree, edited\n");
  expect_refused(a_, "README.txt");
  a_.git({"add", "README.txt"});
  expect_refused(a_, "README.txt");
  EXPECT_EQ(a_.git({"diff", "--cached", "--name-only"}), "README.txt");
  a_.git({"checkout", "HEAD", "--", "README.txt"});
  write_whole(a_.root() / "plan.txt", "mine\n");
  expect_refused(a_, "would overwrite plan.txt");
  EXPECT_EQ(read_whole(a_.root() / "plan.txt"), "mine\n");
  fs::remove(a_.root() / "plan.txt");
  // What is not in the way stays as it was.
  write_whole(a_.root() / "other.txt", "staged\n");
  a_.git({"add", "other.txt"});
  write_whole(a_.root() / "untracked.txt", "untracked\n");
  expect_pushed(a_);
  EXPECT_EQ(a_.git({"status", "--porcelain"}), "A  other.txt\n?? untracked.txt");
  a_.git({"rm", "-q", "-f", "other.txt"});
  fs::remove(a_.root() / "untracked.txt");
  expect_convergence();
}

TEST_F(Remote, WhatAPersonRemovedInOneCloneIsRemovedInBoth) {
  failure(a_, "to be removed");
  expect_pushed(a_);
  expect_pushed(b_);
  b_.git({"rm", "-q", "-r", "memory/failures"});
  b_.git({"commit", "-qm", "not any more"});
  failures_.clear();
  rule(b_, "of the second");
  expect_pushed(b_);
  rule(a_, "of the first, again");
  expect_pushed(a_);
  EXPECT_FALSE(fs::exists(a_.root() / "memory/failures"));
  expect_convergence();
}

TEST_F(Remote, HeldLocksAndOperationsUnderWayMakeItWait) {
  rule(b_, "of the second");
  expect_pushed(b_);
  const fs::path lock = a_.root() / ".git/index.lock";
  write_whole(lock, "");
  ProcessResult held = a_.syncline({"sync", "--push", "--timeout", "1"});
  EXPECT_FALSE(held.ok()) << held.describe();
  EXPECT_NE(held.err.find("index.lock"), std::string::npos) << held.describe();
  EXPECT_TRUE(fs::exists(lock));
  fs::remove(lock);
  a_.git({"checkout", "-q", "--detach"});
  held = a_.syncline({"sync", "--push", "--timeout", "1"});
  EXPECT_NE(held.err.find("detached"), std::string::npos) << held.describe();
  a_.git({"checkout", "-q", "main"});
  expect_convergence();
}

TEST_F(Remote, ARefThatTheRemoteDoesNotTakeIsNamedWithItsReason) {
  const fs::path hook = bare() / "hooks/update";
  write_whole(hook,
              "#!/bin/sh\ntest \"$1\" != refs/heads/main && exit 0\n"
              "echo main is protected\nexit 1\n");
  fs::permissions(hook, fs::perms::owner_all);
  rule(a_, "of the first, again");
  a_.json({"sync"});
  const Json refused = a_.json({"sync", "--push"}, 75);
  EXPECT_NE(refused.dump().find("refused main (hook declined), saying: main is protected"),
            std::string::npos)
      << refused.dump();
  EXPECT_EQ(refused.dump().find("git pull"), std::string::npos) << refused.dump();
  EXPECT_EQ(a_.json({"status"})["pushed"], 1);
  fs::remove(hook);

  configure_remote("transfer.hideRefs", "refs/syncline");
  const Json hidden = a_.json({"sync", "--push"}, 75);
  EXPECT_NE(hidden.dump().find(a_.own_ref() + " (deny updating a hidden ref)"), std::string::npos)
      << hidden.dump();
  EXPECT_NE(hidden.dump().find("transfer.hideRefs"), std::string::npos) << hidden.dump();
  EXPECT_EQ(a_.json({"status"})["pushed"], 2) << "the branch has arrived";
  configure_remote("transfer.hideRefs", "");
  expect_convergence();
}

TEST_F(Remote, WhatIsForcedAwayIsNotCalledPushed) {
  rule(a_, "of the first, again");
  expect_pushed(a_);
  b_.git({"commit", "-q", "--allow-empty", "-m", "another way"});
  b_.git({"push", "-q", "--force", "origin", "main"});
  a_.git({"fetch", "-q", "origin"});
  EXPECT_EQ(a_.json({"status"})["pushed"], 1);
  expect_convergence();
}

// A `git` in front of the real one kills who called it, at one of its steps: before it does
// anything, or while it goes on by itself.
// Two fetches at once both move the tracking ref, and git refuses the second.
TEST_F(Remote, AFetchThatMeetsAnotherOneIsTriedAgain) {
  const fs::path bin = directory_ / "bin";
  fs::create_directories(bin);
  const std::string path = std::getenv("PATH");
  write_whole(bin / "git",
              "#!/bin/sh\n"
              "for word; do\n"
              "  if [ \"$word\" = fetch ] && mkdir \"$MET\" 2>/dev/null; then\n"
              "    echo \"error: cannot lock ref 'refs/remotes/origin/main': is at 1 but expected "
              "2\" >&2\n"
              "    exit 1\n"
              "  fi\n"
              "done\n"
              "PATH='" +
                  path + "' exec git \"$@\"\n");
  fs::permissions(bin / "git", fs::perms::owner_all);
  rule(b_, "theirs");
  expect_pushed(b_);
  rule(a_, "ours");
  std::vector<std::string> environment = plain_git_environment();
  environment.insert(environment.end(),
                     {"PATH=" + bin.string() + ":" + path, "MET=" + (directory_ / "met").string()});
  const ProcessResult pushed = a_.syncline({"sync", "--push"}, {.environment = environment});
  EXPECT_TRUE(pushed.ok()) << pushed.describe();
  EXPECT_TRUE(fs::exists(directory_ / "met"));
  expect_pushed(b_);
  expect_convergence();
}

TEST_F(Remote, KilledAtAnyStepItIsFinishedByTheNext) {
  const fs::path bin = directory_ / "bin";
  fs::create_directories(bin);
  const char* const path = std::getenv("PATH");
  write_whole(bin / "git",
              "#!/bin/sh\n"
              "for word; do\n"
              "  if [ \"$word\" = \"$KILL_AT\" ]; then\n"
              "    kill -9 $PPID\n"
              "    [ \"$KILL_HOW\" = goes-on ] || exit 1\n"
              "  fi\n"
              "done\n"
              "PATH='" +
                  std::string(path) + "' exec git \"$@\"\n");
  fs::permissions(bin / "git", fs::perms::owner_all);
  int round = 0;
  for (const std::string step : {"fetch", "merge-tree", "update-index", "read-tree", "push"}) {
    for (const std::string how : {"ends", "goes-on"}) {
      const std::string name = step + " " + how;
      rule(b_, "b " + name);
      commit(b_, "README.txt", name + "\n");
      expect_pushed(b_);
      rule(a_, "a " + name);
      std::vector<std::string> environment = plain_git_environment();
      environment.insert(environment.end(), {"PATH=" + bin.string() + ":" + path, "KILL_AT=" + step,
                                             "KILL_HOW=" + how});
      const ProcessResult killed = a_.syncline({"sync", "--push"}, {.environment = environment});
      EXPECT_EQ(killed.signal, SIGKILL) << name << ": " << killed.describe();
      expect_pushed(a_);
      EXPECT_EQ(read_whole(a_.root() / "README.txt"), name + "\n");
      expect_pushed(b_);
      ++round;
    }
  }
  EXPECT_EQ(round, 10);
  expect_convergence();
}

TEST_F(Remote, WithoutACommitInCommonTheHintIsTheCommandThatMerges) {
  const StoreUnderTest other("elf", directory_ / "other");
  other.git({"remote", "add", "origin", bare().string()});
  rule(other, "of another beginning", "other");
  const ProcessResult refused = push(other);
  EXPECT_EQ(refused.exit_code, 75) << refused.describe();
  const std::string pull = "git pull --no-rebase --allow-unrelated-histories origin main";
  ASSERT_NE(refused.err.find(pull), std::string::npos) << refused.describe();
  std::vector<std::string> environment = plain_git_environment();
  environment.emplace_back("GIT_MERGE_AUTOEDIT=no");
  const ProcessResult pulled = run_process(
      {"sh", "-c", pull}, {.directory = other.root().string(), .environment = environment});
  ASSERT_TRUE(pulled.ok()) << pulled.describe();
  expect_pushed(other);
}

TEST_F(Remote, AReceiptSaysThatItsRecordWasPushed) {
  rule(a_, "one more");
  const std::string last = a_.json({"status"})["journaled"].dump();
  EXPECT_NE(a_.json({"show", last})["stage"], "pushed");
  EXPECT_EQ(a_.json({"show", "1"})["stage"], "pushed");
  expect_pushed(a_);
  EXPECT_EQ(a_.json({"show", last})["stage"], "pushed");
  // Somebody takes it away by force.
  run({"git", "-C", bare().string(), "update-ref", "refs/heads/main", "main~1"});
  a_.git({"fetch", "-q", "origin"});
  EXPECT_EQ(a_.json({"show", last})["stage"], "published");
}

TEST_F(Remote, ABranchThatIsGoneThereIsNotCalledPushed) {
  expect_pushed(a_);
  run({"git", "-C", bare().string(), "update-ref", "-d", "refs/heads/main"});
  a_.git({"fetch", "-q", "--prune", "origin"});
  EXPECT_EQ(a_.json({"status"})["pushed"], 0);
  expect_pushed(a_);
}

}  // namespace
}  // namespace syncline
