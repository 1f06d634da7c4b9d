// A branch whose ref was lost is not one that is yet to be born: publishing waits, and says how the
// ref is put back.

#include <algorithm>

#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class UnbornTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* message : {"first", "second"}) {
      store.repository.git(std::string("commit -q --allow-empty -m ") + message);
    }
    theirs = store.head();
  }
  void lose(const std::string& file) { ASSERT_GT(fs::remove_all(store.work(".git/" + file)), 0u); }
  void expect_waiting_until_put_back(const std::string& who) {
    store.record(note_intent("beside"));
    const std::string last = who.find("publish") == std::string::npos ? theirs : published;
    const PublishReport report = store.expect_waiting("refs/heads/main is gone, and " + who);
    EXPECT_NE(report.waiting.find("git update-ref refs/heads/main " + last), std::string::npos)
        << report.waiting;
    EXPECT_NE(store.repository.run("rev-parse -q --verify main").exit_code, 0);
    store.repository.git("update-ref refs/heads/main " + last);
    store.publish_all();
    EXPECT_EQ(store.repository.git("rev-list --count --max-parents=0 main"), "1");
    store.repository.git("merge-base --is-ancestor " + theirs + " main");
  }

  PublishStore store;
  std::string theirs;     // what the branch is at
  std::string published;  // what it was at after our last publish
};

TEST_F(UnbornTest, ItsReflogRemembersTheBranch) {
  lose("refs/heads/main");
  expect_waiting_until_put_back("its reflog says");
}

TEST_F(UnbornTest, TheReflogOfHeadRemembersTheBranch) {
  lose("refs/heads/main");
  lose("logs/refs");
  expect_waiting_until_put_back("the reflog of HEAD says");
}

TEST_F(UnbornTest, TheJournalRemembersTheLastPublish) {
  store.record(note_intent("one"));
  store.publish_all();
  theirs = published = store.head();
  lose("refs/heads/main");
  lose("logs");
  lose("COMMIT_EDITMSG");
  expect_waiting_until_put_back("the journal says of the last publish");
}

TEST_F(UnbornTest, InitsCommitIsRememberedWithoutAnyLog) {
  store.options.branch_was_born = true;
  store.open_syncer();
  lose("refs/heads/main");
  lose("logs");
  lose("COMMIT_EDITMSG");
  store.record(note_intent("beside"));
  store.expect_waiting("refs/heads/main is gone, though `syncline init` had put a commit on it");
}

TEST_F(UnbornTest, ADamagedPackedRefsIsWaitedFor) {
  store.repository.git("pack-refs --all");
  const std::string whole = read_text(store.work(".git/packed-refs"));
  store.record(note_intent("beside"));
  for (const size_t kept : {size_t{0}, whole.size() - 1, whole.size() - 10}) {
    write_file(store.work(".git/packed-refs"), whole.substr(0, kept));
    store.expect_waiting(kept == 0 ? "packed-refs is empty" : "packed-refs is cut short");
  }
  write_file(store.work(".git/packed-refs"), whole);
  store.publish_all();
  EXPECT_EQ(store.repository.git("rev-parse main~1"), theirs);
}

TEST_F(UnbornTest, AnOrphanBranchBesideAnotherIsBornByTheFirstPublish) {
  store.repository.git("checkout -q --orphan fresh");
  store.options.branch = "refs/heads/fresh";
  store.open_syncer();
  store.record(note_intent("first of its kind"));
  EXPECT_EQ(store.publish().waiting, "");
  EXPECT_EQ(store.repository.git("rev-list --count fresh"), "1");
}

TEST_F(UnbornTest, TheOwnRefIsMadeAgainFromTheJournal) {
  store.record(note_intent("one"));
  store.record(note_intent("two"));
  const std::string tip = store.tip();
  store.repository.git("update-ref -d " + store.own_ref());
  store.open_syncer();
  ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
  EXPECT_EQ(store.tip(), tip);
  EXPECT_EQ(store.syncer->committer().take_notes().size(), 1u);
}

}  // namespace
}  // namespace syncline
