// A fold that dies or fails at any change it makes: whoever comes next makes the same commits.
#include "sync/fold/committer.h"
#include "tests/sync/fold/committer_fixture.h"
#include "tests/sync/stopping_directory.h"

namespace syncline {
namespace {

std::string tip_of_two_batches() {
  FoldStore store;
  FoldProcess process(store);
  store.append({note_intent("a"), rule_intent("d", "one")});
  fold_all(store, process);
  store.append({note_intent("b"), rule_intent("d", "two"), note_intent("c")});
  fold_all(store, process);
  return store.tip();
}

// Two batches, the second cut short after `changes` changes to the repository; then another process
// comes. Answers false when nothing was left to be cut short.
bool fold_cut_short(uint64_t changes, bool gc_between, const std::string& expected_tip) {
  FoldStore store;
  {
    FoldProcess process(store);
    store.append({note_intent("a"), rule_intent("d", "one")});
    fold_all(store, process);
  }
  store.append({note_intent("b"), rule_intent("d", "two"), note_intent("c")});
  bool cut = false;
  {
    uint64_t changes_left = changes;
    StoppingDirectory dying(store.repository.common_dir(), changes_left);
    FoldProcess process(store, store.repository, dying);
    cut = !process.committer.fold(store.journal().durable(), store.outcomes, kAll).has_value();
  }
  if (gc_between) store.repository.git("gc -q --prune=now");
  FoldProcess next(store);
  EXPECT_TRUE(ok(next.committer.recover(store.outcomes)));
  fold_all(store, next);
  EXPECT_EQ(next.state.committed, 5u);
  EXPECT_EQ(store.tip(), expected_tip);
  EXPECT_EQ(store.repository.git("rev-list --count " + store.own_ref()), "2");
  store.expect_clean();
  // And it goes on from there.
  store.append(notes(1));
  EXPECT_EQ(fold_all(store, next).committed, 6u);
  store.expect_clean();
  return cut;
}

TEST(Committer, DeathAfterAnyChangeGivesTheSameCommits) {
  const std::string expected = tip_of_two_batches();
  for (const bool gc_between : {false, true}) {
    uint64_t changes = 0;
    while (fold_cut_short(changes, gc_between, expected)) {
      ASSERT_FALSE(testing::Test::HasFailure()) << "after " << changes << " changes";
      ASSERT_LT(++changes, 100u);
    }
    EXPECT_GT(changes, 15u);
  }
}

// Two batches; during the second the journal's `nth` call of a kind fails. Answers false when there
// was no such call.
bool fold_with_failing_journal(FaultCall call, uint64_t nth, Faults::Duration duration,
                               bool same_process, const std::string& expected_tip) {
  FoldStore store;
  FoldProcess first(store);
  store.append({note_intent("a"), rule_intent("d", "one")});
  fold_all(store, first);
  store.append({note_intent("b"), rule_intent("d", "two"), note_intent("c")});
  const uint64_t failures = store.faults->failures();
  store.faults->fail(call, nth, EIO, duration);
  // Whether it gets through (the journal moves to a new segment) or not is the journal's affair.
  const auto report = first.committer.fold(store.journal().durable(), store.outcomes, kAll);
  const bool failed = store.faults->failures() > failures;
  EXPECT_TRUE(failed || ok(report));
  store.faults->clear();
  const auto expect_whole = [&](FoldProcess& process) {
    EXPECT_EQ(fold_all(store, process).committed, 5u);
    EXPECT_EQ(store.tip(), expected_tip);
    EXPECT_EQ(store.repository.git("rev-list --count " + store.own_ref()), "2");
    store.expect_clean();
  };
  if (same_process) {
    expect_whole(first);
  } else {
    store.close_journal();
    store.open_journal();
    FoldProcess next(store);
    EXPECT_TRUE(ok(next.committer.recover(store.outcomes)));
    expect_whole(next);
  }
  return failed;
}

TEST(Committer, JournalFailingAtAnyCallGivesTheSameCommits) {
  const std::string expected = tip_of_two_batches();
  uint64_t met = 0;
  for (const FaultCall call : {FaultCall::kWrite, FaultCall::kSyncData, FaultCall::kOpenFile,
                               FaultCall::kRead, FaultCall::kRename, FaultCall::kSyncDirectory}) {
    for (const auto duration : {Faults::kOnce, Faults::kSticky}) {
      for (const bool same_process : {true, false}) {
        uint64_t nth = 1;
        while (fold_with_failing_journal(call, nth, duration, same_process, expected)) {
          ++met;
          ASSERT_FALSE(testing::Test::HasFailure())
              << "call " << static_cast<int>(call) << ", number " << nth
              << (duration ? ", sticky" : "") << (same_process ? ", same process" : "");
          ASSERT_LT(++nth, 50u);
        }
      }
    }
  }
  EXPECT_GT(met, 20u);
}

TEST(Committer, JournalledBatchIsFinishedBeforeANewOne) {
  FoldStore store;
  store.append(notes(2));
  const std::filesystem::path lock = store.repository.path() / ".git" / (store.own_ref() + ".lock");
  std::filesystem::create_directories(lock.parent_path());
  FoldProcess process(store);
  write_file(lock, "");
  EXPECT_TRUE(fails_with(process.committer.fold(store.journal().durable(), store.outcomes, kAll),
                         Code::kBusy));
  EXPECT_GT(store.journal().retries(RetryCause::kGitLock), 0u);
  store.append(notes(2));
  EXPECT_TRUE(fails_with(process.committer.fold(store.journal().durable(), store.outcomes, kAll),
                         Code::kBusy));
  EXPECT_TRUE(std::filesystem::exists(lock));
  std::filesystem::remove(lock);
  const FoldReport report = fold_all(store, process);
  EXPECT_EQ(report.committed, 4u);
  EXPECT_EQ(
      store.repository.git("log --format='%(trailers:key=Syncline-Range,valueonly,separator=)' " +
                           store.own_ref()),
      "3-4\n1-2");
  const std::vector<std::string> told = process.committer.take_notes();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("records 1-2"), std::string::npos) << told[0];
  EXPECT_TRUE(process.committer.take_notes().empty());
  store.expect_clean();
}

TEST(Committer, LockLeftByADeadProcessIsTakenAway) {
  FoldStore store;
  store.append(notes(2));
  const std::filesystem::path lock = store.repository.path() / ".git" / (store.own_ref() + ".lock");
  {
    std::filesystem::create_directories(lock.parent_path());
    write_file(lock, "");
    FoldProcess process(store);
    EXPECT_TRUE(fails_with(process.committer.fold(store.journal().durable(), store.outcomes, kAll),
                           Code::kBusy));
  }
  const auto log = scan_batches(store.store_directory(), test_store_id(), *store.journal().begin(),
                                store.journal().durable());
  ASSERT_TRUE(ok(log));
  ASSERT_EQ(log->batches.size(), 1u);
  write_file(lock, log->batches[0].commit.hex() + "\n");
  FoldProcess next(store);
  ASSERT_TRUE(ok(next.committer.recover(store.outcomes)));
  EXPECT_EQ(store.tip(), log->batches[0].commit.hex());
  store.expect_clean();
}

}  // namespace
}  // namespace syncline
