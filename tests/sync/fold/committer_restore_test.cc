// A store's ref, journal or cached state that somebody lost, moved or put back: what recover,
// refresh and restore make of it.
#include "sync/fold/committer.h"

#include "tests/sync/fold/committer_fixture.h"

namespace syncline {
namespace {

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

// Any of the packs: that of the tip, of a commit before it, of a file's text.
TEST(Committer, APackThatIsGoneIsFoldedAgainByRestore) {
  for (size_t lost = 0; lost < 3; ++lost) {
    FoldStore store;
    FoldProcess process(store, {.batch_records_max = 2});
    store.append(notes(6));
    fold_all(store, process);
    const std::string tip = store.tip();
    const std::string commit =
        store.repository.git("rev-parse " + tip + "~" + std::to_string(lost));
    const std::filesystem::path packs = store.repository.path() / ".git/objects/pack";
    size_t removed = 0;
    for (const auto& entry : std::filesystem::directory_iterator(packs)) {
      if (entry.path().extension() != ".idx") continue;
      const std::string objects =
          store.repository.git("verify-pack -v " + quoted_for_shell(entry.path().string()));
      if (objects.find(commit + " commit") == std::string::npos) continue;
      std::filesystem::remove(std::filesystem::path(entry.path()).replace_extension(".pack"));
      std::filesystem::remove(entry.path());
      ++removed;
    }
    ASSERT_EQ(removed, 1u);
    FoldProcess next(store);
    ASSERT_TRUE(ok(next.committer.restore(store.outcomes)));
    EXPECT_EQ(store.tip(), tip);
    EXPECT_EQ(next.state.committed, 6u);
    EXPECT_NE(next.committer.take_notes().at(0).find("lacked objects"), std::string::npos);
    store.expect_clean();
    // Nothing is folded again where nothing is missing.
    FoldProcess after(store);
    ASSERT_TRUE(ok(after.committer.restore(store.outcomes)));
    EXPECT_TRUE(after.committer.take_notes().empty());
  }
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
  const std::string good = read_text(store.store_path() / "sync.state");
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
