#include "sync/fold/committer.h"

#include <set>

#include "tests/sync/fold/committer_fixture.h"
#include "tests/sync/stopping_directory.h"

namespace syncline {
namespace {

constexpr uint64_t kAll = UINT64_MAX;

std::vector<Intent> notes(int count, const std::string& text = "text") {
  std::vector<Intent> intents;
  for (int i = 0; i < count; ++i) intents.push_back(note_intent(fmt::format("{} {}", text, i)));
  return intents;
}

FoldReport fold_all(FoldStore& store, FoldProcess& process) {
  const auto report = process.committer.fold(store.journal().durable(), store.outcomes, kAll);
  EXPECT_TRUE(ok(report));
  return report ? *report : FoldReport{};
}

TEST(Committer, BatchIsOneCommitThatGitReads) {
  FoldStore store;
  FoldProcess process(store);
  store.append(note_intent("first"));
  store.append(notes(30));
  const FoldReport report = fold_all(store, process);
  EXPECT_EQ(report.batches, 1u);
  EXPECT_EQ(report.records, 31u);
  EXPECT_EQ(report.committed, 31u);
  store.expect_clean();

  const std::string ref = store.own_ref();
  EXPECT_EQ(store.repository.git("rev-list --count " + ref), "1");
  EXPECT_EQ(store.repository.git("log -1 --format='%s|%an|%ae|%ct' " + ref),
            "syncline: 31 records|Syncline|syncline@localhost|1700000031");
  EXPECT_EQ(store.repository.git("log -1 --format='%(trailers:only)' " + ref),
            "Syncline-Store: " + test_store_id().hex() + "\nSyncline-Range: 1-31");
  EXPECT_EQ(store.show("notes/0000/n-1.md"), "# 1 at 2023-11-14T22:13:21.000Z\nfirst");
  EXPECT_NE(store.repository.git("log --stat " + ref).find("31 files changed"), std::string::npos);
  // Nothing that costs a person anything: no loose objects, no branch, no index.
  EXPECT_TRUE(store.repository.git("count-objects").starts_with("0 objects"));
  EXPECT_FALSE(std::filesystem::exists(store.repository.path() / ".git/index"));
  EXPECT_EQ(store.journal().watermark(Watermark::kCommitted), 31u);
}

TEST(Committer, SingleRecordLendsItsSubject) {
  FoldStore store;
  FoldProcess process(store);
  store.append(note_intent("only"));
  fold_all(store, process);
  EXPECT_EQ(store.repository.git("log -1 --format=%s " + store.own_ref()), "note: only");
}

TEST(Committer, BatchesFollowThePolicyAndLeaveNoGap) {
  FoldStore store;
  FoldProcess process(store, {.batch_records_max = 100});
  store.append(notes(250));
  const auto first = process.committer.fold(store.journal().durable(), store.outcomes, 1);
  ASSERT_TRUE(ok(first));
  EXPECT_EQ(first->batches, 1u);
  EXPECT_EQ(first->committed, 100u);
  EXPECT_EQ(fold_all(store, process).batches, 2u);
  EXPECT_EQ(
      store.repository.git("log --format='%(trailers:key=Syncline-Range,valueonly,separator=)' " +
                           store.own_ref()),
      "201-250\n101-200\n1-100");
  EXPECT_EQ(fold_all(store, process).batches, 0u);
  std::set<std::string> paths;
  const std::string listed = store.repository.git("ls-tree -r --name-only " + store.own_ref());
  EXPECT_EQ(std::ranges::count(listed, '\n') + 1, 250);
  store.expect_clean();
}

TEST(Committer, BytesCloseABatchToo) {
  FoldStore store;
  FoldProcess process(store, {.batch_bytes_max = 30'000});
  store.append(notes(4, std::string(6'000, 'x')));  // twice in each payload: text and subject
  EXPECT_EQ(fold_all(store, process).batches, 2u);
}

TEST(Committer, OnlyWhatIsAppliedIsFolded) {
  FoldStore store;
  FoldProcess process(store);
  const Mark applied = store.append(notes(3));
  store.append(notes(4));
  const auto report = process.committer.fold(applied, store.outcomes, kAll);
  ASSERT_TRUE(ok(report));
  EXPECT_EQ(report->committed, 3u);
  EXPECT_EQ(fold_all(store, process).committed, 7u);
}

TEST(Committer, SectionsAccumulateWithinAndAcrossBatches) {
  FoldStore store;
  FoldProcess process(store);
  store.append({rule_intent("git", "one"), rule_intent("sql", "two"), rule_intent("git", "three")});
  fold_all(store, process);
  EXPECT_EQ(store.show("rules/git.md"), "# Rules: git\n\n## H-1: one\n\n## H-3: three");
  EXPECT_EQ(store.show("rules/sql.md"), "# Rules: sql\n\n## H-2: two");
  store.append({rule_intent("git", "four"), note_intent("beside")});
  fold_all(store, process);
  // Another process, which has nothing of it in memory.
  FoldProcess other(store);
  store.append(rule_intent("git", "five"));
  fold_all(store, other);
  EXPECT_EQ(store.show("rules/git.md"),
            "# Rules: git\n\n## H-1: one\n\n## H-3: three\n\n## H-4: four\n\n## H-6: five");
  store.expect_clean();
}

TEST(Committer, CreatedFileCanBeAppendedToInTheSameBatch) {
  FoldStore store;
  FoldProcess process(store);
  Intent create = note_intent("created");
  create.path = Template::literal("rules/git.md");
  create.text = Template::literal("created\n");
  store.append({create, rule_intent("git", "rule")});
  fold_all(store, process);
  EXPECT_EQ(store.show("rules/git.md"), "created\n\n## H-2: rule");
}

TEST(Committer, OutcomesDecideWhatIsFolded) {
  FoldStore store;
  FoldProcess process(store);
  store.append(notes(3));
  store.outcomes.set_aside(1);
  store.outcomes.rebind(2, 77);
  EXPECT_EQ(fold_all(store, process).records, 3u);
  EXPECT_EQ(store.repository.git("ls-tree -r --name-only " + store.own_ref()),
            "notes/0000/n-3.md\nnotes/0000/n-77.md");
  EXPECT_TRUE(store.show("notes/0000/n-77.md").starts_with("# 77 at "));
}

TEST(Committer, BatchOfSetAsideRecordsKeepsTheTreeAndTheRange) {
  FoldStore store;
  FoldProcess process(store);
  store.append(notes(2));
  store.outcomes.set_aside(1);
  store.outcomes.set_aside(2);
  fold_all(store, process);  // the first commit of all: an empty tree
  const std::string tree = store.repository.git("rev-parse " + store.own_ref() + "^{tree}");
  EXPECT_EQ(tree, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  store.append(notes(1));
  fold_all(store, process);
  store.append(notes(2));
  store.outcomes.set_aside(4);
  store.outcomes.set_aside(5);
  EXPECT_EQ(fold_all(store, process).committed, 5u);
  EXPECT_EQ(store.repository.git("rev-parse " + store.own_ref() + "^{tree}"),
            store.repository.git("rev-parse " + store.own_ref() + "~1^{tree}"));
  EXPECT_EQ(store.repository.git("log -1 --format=%s " + store.own_ref()), "syncline: 0 records");
  store.expect_clean();
}

TEST(Committer, EqualJournalsGiveEqualCommits) {
  std::string tips[2];
  for (std::string& tip : tips) {
    FoldStore store;
    FoldProcess process(store, {.batch_records_max = 4});
    for (int i = 0; i < 10; ++i) {
      store.append({note_intent("n"), rule_intent("d", fmt::format("rule {}", i))});
    }
    fold_all(store, process);
    tip = store.tip();
  }
  EXPECT_EQ(tips[0], tips[1]);
}

TEST(Committer, JournalAloneGivesTheSameCommitsElsewhere) {
  FoldStore store;
  std::vector<std::string> tips;
  for (int i = 0; i < 4; ++i) {
    // Each batch by another process, under another name.
    FoldProcess process(store, {.author_name = fmt::format("Author {}", i)});
    store.append({note_intent("n"), rule_intent("d", fmt::format("rule {}", i)), note_intent("s")});
    store.outcomes.set_aside(static_cast<uint64_t>(i) * 3 + 3);
    fold_all(store, process);
    tips.push_back(store.tip());
  }
  const auto begin = store.journal().begin();
  ASSERT_TRUE(ok(begin));
  const auto log =
      scan_batches(store.store_directory(), test_store_id(), *begin, store.journal().durable());
  ASSERT_TRUE(ok(log));
  ASSERT_EQ(log->batches.size(), 4u);

  GitRepository elsewhere;
  FoldProcess replay(store, elsewhere, elsewhere.common_dir());
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(ok(replay.committer.recover(store.outcomes)));
    EXPECT_EQ(replay.state.committed, 12u);
    EXPECT_EQ(elsewhere.git("rev-parse " + store.own_ref()), tips.back());
  }
  for (size_t i = 0; i < tips.size(); ++i) {
    EXPECT_EQ(elsewhere.git(fmt::format("rev-parse {}~{}", store.own_ref(), tips.size() - 1 - i)),
              tips[i]);
  }
  elsewhere.expect_sound();
}

TEST(Committer, ABatchThatComesOutOtherwiseIsRefused) {
  FoldStore store;
  FoldProcess process(store);
  store.append(notes(3));
  fold_all(store, process);
  GitRepository elsewhere;
  FoldProcess replay(store, elsewhere, elsewhere.common_dir());
  store.outcomes.set_aside(2);
  EXPECT_TRUE(fails_with(replay.committer.recover(store.outcomes), Code::kDisagree));
  EXPECT_NE(elsewhere.run("rev-parse -q --verify " + store.own_ref()).exit_code, 0);
  store.outcomes.known.clear();
  EXPECT_TRUE(ok(replay.committer.recover(store.outcomes)));
  EXPECT_EQ(elsewhere.git("rev-parse " + store.own_ref()), store.tip());
}

TEST(Committer, ProcessesTakeTurns) {
  FoldStore store;
  FoldProcess one(store);
  FoldProcess two(store);
  for (int i = 0; i < 3; ++i) {
    store.append(notes(2));
    EXPECT_EQ(fold_all(store, one).batches, 1u);
    store.append(rule_intent("d", "x"));
    EXPECT_EQ(fold_all(store, two).batches, 1u);
    EXPECT_EQ(fold_all(store, one).batches, 0u);
  }
  EXPECT_EQ(store.repository.git("rev-list --count " + store.own_ref()), "6");
  EXPECT_EQ(one.state.committed, 9u);
  store.expect_clean();
}

TEST(Committer, RefreshSeesWhatOthersDidAndWritesNothing) {
  FoldStore store;
  FoldProcess one(store);
  FoldProcess two(store);
  store.append(notes(2));
  fold_all(store, one);
  std::filesystem::remove(store.store_path() / "sync.state");
  ASSERT_TRUE(ok(two.committer.refresh()));
  EXPECT_EQ(two.state.committed, 2u);
  EXPECT_EQ(two.state.own_commit.hex(), store.tip());
  EXPECT_FALSE(std::filesystem::exists(store.store_path() / "sync.state"));
}

// ---- Crashes ----

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
  EXPECT_GT(store.journal().counter(Counter::kRetries), 0u);
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

TEST(Committer, BatchBeyondWhatIsAppliedWaits) {
  FoldStore store;
  const Mark one = store.append(notes(1));
  store.append(notes(1));
  FoldProcess process(store);
  fold_all(store, process);
  const std::string tip = store.tip();
  store.repository.git("update-ref -d " + store.own_ref());
  const auto waits = process.committer.fold(one, store.outcomes, kAll);
  ASSERT_TRUE(ok(waits));
  EXPECT_EQ(waits->batches, 0u);
  EXPECT_EQ(waits->committed, 0u);
  fold_all(store, process);
  EXPECT_EQ(store.tip(), tip);
}

TEST(Committer, LostRefIsFoldedAgainFromTheFirst) {
  FoldStore store;
  FoldProcess process(store, {.batch_records_max = 3});
  store.append(notes(8));
  fold_all(store, process);
  const std::string tip = store.tip();
  store.repository.git("update-ref -d " + store.own_ref());
  store.repository.git("gc -q --prune=now");  // the objects are gone as well
  FoldProcess next(store);
  ASSERT_TRUE(ok(next.committer.recover(store.outcomes)));
  EXPECT_EQ(store.tip(), tip);
  EXPECT_EQ(next.state.committed, 8u);
  ASSERT_EQ(next.committer.take_notes().size(), 1u);
  store.expect_clean();
}

TEST(Committer, RefSetBackToAnOlderCommitOfOursIsBroughtForward) {
  FoldStore store;
  FoldProcess process(store, {.batch_records_max = 2});
  store.append(notes(8));
  fold_all(store, process);
  const std::string tip = store.tip();
  store.repository.git("update-ref " + store.own_ref() + " " + tip + "~2");
  FoldProcess next(store);
  ASSERT_TRUE(ok(next.committer.recover(store.outcomes)));
  EXPECT_EQ(store.tip(), tip);
  store.expect_clean();
}

TEST(Committer, ARefThatHoldsNoObjectNameIsMadeAgainByRestore) {
  for (const char* damage : {"", "garbage\n", "0123456789"}) {
    FoldStore store;
    FoldProcess process(store);
    store.append(notes(3));
    fold_all(store, process);
    const std::string tip = store.tip();
    const auto file = store.repository.path() / ".git" / store.own_ref();
    std::ofstream(file, std::ios::trunc) << damage;

    FoldProcess next(store);
    EXPECT_TRUE(fails_with(next.committer.refresh(), Code::kCorrupt));
    ASSERT_TRUE(ok(next.committer.restore(store.outcomes)));
    EXPECT_EQ(store.tip(), tip);
    EXPECT_EQ(next.state.committed, 3u);
    EXPECT_NE(next.committer.take_notes().at(0).find("held no object name"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(file.string() + ".lock"));
    store.repository.expect_sound();
    store.append(notes(1));
    fold_all(store, next);
    EXPECT_EQ(next.state.committed, 4u);
  }
}

TEST(Committer, ForeignTipIsHistoryRewrittenUntilRestored) {
  FoldStore store;
  FoldProcess process(store, {.batch_records_max = 2});
  store.append(notes(4));
  fold_all(store, process);
  const std::string tip = store.tip();
  store.repository.git("commit -q --allow-empty -m foreign");
  const std::string foreign = store.repository.git("rev-parse HEAD");
  store.repository.git("update-ref " + store.own_ref() + " " + foreign);
  for (FoldProcess* one : {&process}) {
    const Status refreshed = one->committer.refresh();
    ASSERT_TRUE(fails_with(refreshed, Code::kDisagree));
    // The class of a finding that is made of it; said once, there.
    EXPECT_TRUE(refreshed.error().message.starts_with(store.own_ref() + " is at "));
  }
  FoldProcess next(store);
  EXPECT_TRUE(fails_with(next.committer.recover(store.outcomes), Code::kDisagree));
  EXPECT_TRUE(fails_with(next.committer.fold(store.journal().durable(), store.outcomes, kAll),
                         Code::kDisagree));
  EXPECT_EQ(store.tip(), foreign);
  ASSERT_TRUE(ok(next.committer.restore(store.outcomes)));
  EXPECT_EQ(store.tip(), tip);
  EXPECT_EQ(next.state.committed, 4u);
  EXPECT_EQ(
      store.repository.git("rev-parse refs/syncline-kept/" + test_store_id().hex() + "/" + foreign),
      foreign);
  store.append(notes(1));
  EXPECT_EQ(fold_all(store, process).committed, 5u);
  store.expect_clean();
}

TEST(Committer, JournalOlderThanTheRepositoryIsToldApart) {
  FoldStore store;
  {
    FoldProcess process(store);
    store.append(notes(2));
    fold_all(store, process);
  }
  store.close_journal();
  const std::filesystem::path backup = store.repository.scratch("backup");
  std::filesystem::copy(store.store_path(), backup, std::filesystem::copy_options::recursive);
  store.open_journal();
  {
    FoldProcess process(store);
    store.append(notes(2));
    fold_all(store, process);
  }
  store.close_journal();
  std::filesystem::copy(store.store_path() / "sync.state", backup / "sync.state",
                        std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove_all(store.store_path());
  std::filesystem::rename(backup, store.store_path());
  store.reopen_directory();
  store.open_journal();
  FoldProcess process(store);
  const Status refreshed = process.committer.refresh();
  ASSERT_TRUE(fails_with(refreshed, Code::kDisagree));
  EXPECT_NE(refreshed.error().message.find("older than the repository"), std::string::npos)
      << refreshed.error().message;
}

TEST(Committer, CachedStateIsOnlyBelievedWhereItFits) {
  FoldStore store;
  FoldProcess process(store, {.batch_records_max = 2});
  store.append(notes(6));
  fold_all(store, process);
  const std::string tip = store.tip();
  const std::string good = slurp(store.store_path() / "sync.state");
  SyncState wrong = process.state;
  wrong.own_commit.bytes[3] ^= std::byte{1};
  wrong.committed = 2;
  SyncState beyond = process.state;
  beyond.scanned.position.offset += 1u << 20;
  SyncState askew = process.state;
  askew.scanned.position.offset -= 64;
  askew.own_commit = {};
  for (const std::string& state : {std::string("damaged"), std::string(), good,
                                   std::string(as_text(encode(wrong, test_store_id()))),
                                   std::string(as_text(encode(beyond, test_store_id()))),
                                   std::string(as_text(encode(askew, test_store_id())))}) {
    write_file(store.store_path() / "sync.state", state);
    FoldProcess next(store);
    ASSERT_TRUE(ok(next.committer.recover(store.outcomes)));
    EXPECT_EQ(next.state.committed, 6u);
    EXPECT_EQ(next.state.own_commit.hex(), tip);
    EXPECT_EQ(fold_all(store, next).batches, 0u);
  }
}

TEST(Committer, PublishedIsReadFromTheJournal) {
  FoldStore store;
  FoldProcess process(store);
  store.append(notes(2));
  fold_all(store, process);
  PublishFrame frame;
  frame.last_seq = 2;
  frame.branch = "refs/heads/main";
  frame.commit = process.state.own_commit;
  const ByteVector payload = encode(frame);
  {
    auto turn = store.journal().begin_append();
    ASSERT_TRUE(ok(turn));
    const NewFrame new_frame{.operation = Operation::kPublish,
                             .id = 0,
                             .time_ms = turn->last_time_ms(),
                             .payload = payload,
                             .payload_hash = hash_payload(payload)};
    ASSERT_TRUE(ok(turn->append({&new_frame, 1})));
  }
  ASSERT_TRUE(ok(process.committer.recover(store.outcomes)));
  EXPECT_EQ(process.state.published, 2u);
  EXPECT_EQ(process.state.branch, "refs/heads/main");
  EXPECT_EQ(process.state.branch_commit, process.state.own_commit);
}

TEST(Committer, RefsPackedByGcStayOurs) {
  FoldStore store;
  FoldProcess process(store);
  for (int i = 0; i < 3; ++i) {
    store.append(notes(2));
    fold_all(store, process);
    store.repository.git("gc -q --prune=now");
    store.expect_clean();
  }
  EXPECT_EQ(process.state.committed, 6u);
}

}  // namespace
}  // namespace syncline
