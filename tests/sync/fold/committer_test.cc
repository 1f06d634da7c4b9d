#include "sync/fold/committer.h"

#include <set>

#include "sync/fold/batch_log.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/own/own_commits.h"
#include "sync/own/own_history.h"
#include "tests/journal/log/second_reader.h"
#include "tests/journal/log/second_reader_projections.h"
#include "tests/sync/fold/committer_fixture.h"

namespace syncline {
namespace {

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
            "31 notes|Syncline|syncline@localhost|1700000031");
  EXPECT_EQ(store.repository.git("log -1 --format='%(trailers:only)' " + ref),
            "Syncline-Store: " + test_store_id().hex() +
                "\nSyncline-Range: 1-31\nSyncline-Kinds: note 31");
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

TEST(Committer, WhatIsRetractedLeavesTheTreeAndItsHistoryComesOutTheSame) {
  FoldStore store;
  FoldProcess process(store, {.batch_records_max = 4});
  store.append(note_intent("first"));
  store.append(note_intent("second"));
  store.append(rule_intent("a", "one"));
  store.append(rule_intent("a", "two"));
  fold_all(store, process);
  const std::string file = "# 1 at 2023-11-14T22:13:21.000Z\nfirst\n";
  const std::string header = "# Rules: a\n";
  store.append(retraction_intent(1, Operation::kCreate, "notes/0000/n-1.md", {}, file));
  store.append(retraction_intent(3, Operation::kAppend, "rules/a.md", header, "\n## H-3: one\n"));
  store.append(rule_intent("a", "three"));
  store.outcomes.retract(1, 5);
  store.outcomes.retract(3, 6);
  fold_all(store, process);
  const std::string ref = store.own_ref();
  EXPECT_EQ(store.repository.git("ls-tree -r --name-only " + ref), "notes/0000/n-2.md\nrules/a.md");
  EXPECT_EQ(store.show("rules/a.md"), "# Rules: a\n\n## H-4: two\n\n## H-7: three");
  EXPECT_EQ(store.repository.git("log -1 --format=%s " + ref), "2 retractions, 1 rule");
  // The last section goes, and the file with it.
  for (const auto& [seq, text] : {std::pair{4, "\n## H-4: two\n"}, {7, "\n## H-7: three\n"}}) {
    store.append(retraction_intent(seq, Operation::kAppend, "rules/a.md", header, text));
  }
  store.outcomes.retract(4, 8);
  store.outcomes.retract(7, 9);
  fold_all(store, process);
  EXPECT_EQ(store.repository.git("ls-tree -r --name-only " + ref), "notes/0000/n-2.md");
  // A ref that is lost is folded again, retracted records in their batches.
  const std::string tip = store.tip();
  store.repository.git("update-ref -d " + ref);
  FoldProcess other(store);
  ASSERT_TRUE(ok(other.committer.recover(store.outcomes)));
  EXPECT_EQ(store.tip(), tip);
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

// Of a journal that a program has written which did not name kinds.
TEST(Committer, ABatchThatIsJournalledKeepsItsMessage) {
  FoldStore now, before;
  for (FoldStore* store : {&now, &before}) {
    store->append(notes(2));
    store->append(rule_intent("a", "one"));
  }
  FoldProcess process(now);
  fold_all(now, process);
  const std::string text = now.repository.git("cat-file commit " + now.own_ref()) + "\n";
  EXPECT_NE(text.find("\n\n2 notes, 1 rule\n\n"), std::string::npos) << text;

  const auto tree = ObjectId::parse(now.repository.git("rev-parse " + now.own_ref() + "^{tree}"));
  const std::string old = encode_commit(
      *tree, {}, {"Syncline", "syncline@localhost", 1'700'000'003'000},
      compose_message(std::vector<std::string>{"note: text 0", "note: text 1", "rule: one"}, {},
                      test_store_id(), 1, 3));
  const BatchFrame frame{.first_seq = 1,
                         .last_seq = 3,
                         .parent = {},
                         .tree = *tree,
                         .commit = hash_object(ObjectType::kCommit, old),
                         .author_name = "Syncline",
                         .author_email = "syncline@localhost"};
  ASSERT_TRUE(ok(before.journal().append_control(Operation::kBatch, encode(frame), 0)));
  FoldProcess older(before);
  fold_all(before, older);
  ASSERT_EQ(before.repository.git("rev-parse " + before.own_ref()), frame.commit.hex());
  EXPECT_EQ(before.repository.git("log -1 --format=%s " + before.own_ref()), "syncline: 3 records");

  // A publish carries it over together with what came later.
  before.append(notes(2));
  fold_all(before, older);
  const auto reader = before.repository.reader();
  ObjectStore objects(*reader);
  const auto history =
      read_own_history(objects, test_store_id(), *ObjectId::parse(before.tip()), 0, kAll);
  ASSERT_TRUE(ok(history));
  EXPECT_EQ(history->records, 5U);
  EXPECT_EQ(told_by_kinds(history->kinds), "3 records, 2 notes");
  EXPECT_EQ(history->subjects,
            (std::vector<std::string>{"note: text 0", "note: text 1", "rule: one", "note: text 0",
                                      "note: text 1"}));
}

// Written from the format's page alone (tests/journal/log/second_reader_projections.h).
TEST(Committer, TheSecondReaderMakesTheSameCommits) {
  FoldStore store;
  FoldProcess process(store);
  store.append(note_intent("alone"));
  fold_all(store, process);
  store.append(notes(2));
  std::vector<Intent> others;
  for (const char* kind : {"entry", "entry", "box", "box", "box", "way", "class"}) {
    others.push_back(rule_intent(kind, kind));
    others.back().kind = kind;
  }
  others.push_back(retraction_intent(2, Operation::kCreate, "notes/0000/n-2.md", {},
                                     "# 2 at 2023-11-14T22:13:22.000Z\ntext 0\n"));
  store.append(others);
  fold_all(store, process);
  store.append(note_intent("nameless"));
  fold_all(store, process);
  EXPECT_EQ(store.repository.git("log --format=%s --reverse " + store.own_ref()),
            "note: alone\n3 boxes, 2 entries, 2 notes and 3 more\nnote: nameless");

  std::map<uint64_t, std::string> segments;
  for (const auto& entry : std::filesystem::directory_iterator(store.store_path() / "journal")) {
    if (entry.path().extension() != ".seg") continue;
    segments[std::stoull(entry.path().stem(), nullptr, 16)] = read_text(entry.path());
  }
  const StoreId id = test_store_id();
  const std::string text(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  const auto journal = second_reader::read(segments, text);
  EXPECT_EQ(journal.fault, "");
  const auto read = second_reader::project(journal, text);
  ASSERT_EQ(read.batches.size(), 3U);
  for (const auto& batch : read.batches) {
    EXPECT_EQ(second_reader::hex(batch.commit), second_reader::hex(batch.frame.commit));
  }
}

TEST(Committer, WhatTheCommitsTellIsWhatWasJournalled) {
  FoldStore store;
  FoldProcess process(store);
  store.append(notes(2));
  fold_all(store, process);
  store.append(notes(1));
  fold_all(store, process);
  store.append(notes(1));
  store.outcomes.set_aside(4);
  fold_all(store, process);
  auto own =
      OwnCommits::open((store.repository.path() / ".git").string(), store.repository.common_dir(),
                       test_store_id(), system_git_platform());
  ASSERT_TRUE(ok(own));
  auto told = own->batches();
  ASSERT_TRUE(ok(told));
  std::ranges::reverse(*told);
  const auto begin = store.journal().begin();
  ASSERT_TRUE(ok(begin));
  const auto log =
      scan_batches(store.store_directory(), test_store_id(), *begin, store.journal().durable());
  ASSERT_TRUE(ok(log));
  EXPECT_EQ(*told, log->batches);
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

}  // namespace
}  // namespace syncline
