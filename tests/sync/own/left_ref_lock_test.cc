// A lock that came back from the dead, as btrfs brings one back after a power cut: judged by what
// it holds and where it lies. And a person's, which is never touched.

#include "sync/own/left_ref_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>

#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// The git of the machine may be at work elsewhere; here it is said.
class SaidPlatform final : public GitPlatform {
 public:
  bool git_runs_in(std::string_view) override { return git_runs; }
  bool git_runs = false;
};

class LeftRefLockTest : public testing::Test {
 protected:
  void SetUp() override {
    store.repository.git("commit -q --allow-empty -m 'a person was here first'");
    for (const char* text : {"one", "two"}) {
      store.record(note_intent(text));
      store.publish_all();
    }
  }
  std::string parse(const std::string& revision) {
    return store.repository.git("rev-parse " + revision);
  }
  fs::path lock_of(const std::string& ref) { return store.work(".git/" + ref + ".lock"); }
  fs::path branch_lock() { return lock_of(store.options.branch); }
  fs::path own_lock() { return lock_of(store.own_ref()); }
  void age(const fs::path& path, int seconds) {
    const time_t then = ::time(nullptr) - seconds;
    const timespec when[2] = {{then, 0}, {then, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), when, 0), 0);
  }
  void expect_held(const std::string& content) {
    write_file(branch_lock(), content);
    age(branch_lock(), 3600);
    age(store.work(".git/refs/heads/main"), 7200);
    const PublishReport report = store.expect_waiting("refs/heads/main.lock has been there for 36");
    EXPECT_NE(report.waiting.find("remove that file"), std::string::npos);
    EXPECT_EQ(read_text(branch_lock()), content);
    fs::remove(branch_lock());
  }

  PublishStore store;
};

TEST_F(LeftRefLockTest, TheOwnRefsHoldingAnEarlierCommitOfItIsTakenAway) {
  write_file(own_lock(), parse(store.own_ref() + "~1") + "\n");
  EXPECT_EQ(store.syncer->waiting_reason().value(), "");
  store.record(note_intent("three"));
  EXPECT_FALSE(fs::exists(own_lock()));
  store.expect_clean();
  // Nor does it stay in git's way where there is nothing to fold.
  write_file(own_lock(), parse(store.own_ref() + "~2") + "\n");
  store.open_syncer();
  ASSERT_TRUE(ok(store.syncer->committer().recover(store.outcomes)));
  EXPECT_FALSE(fs::exists(own_lock()));
}

TEST_F(LeftRefLockTest, TheOwnRefsThatNamesNoCommitOfOursIsWaitedForAndNamed) {
  for (const std::string& content : {std::string(), parse("main~2") + "\n"}) {
    write_file(own_lock(), content);
    const Mark mark = store.append(note_intent("three"));
    EXPECT_TRUE(fails_with(store.syncer->committer().fold(mark, store.outcomes), Code::kBusy));
    const auto reason = store.syncer->waiting_reason();
    ASSERT_TRUE(ok(reason));
    EXPECT_NE(reason->find(own_lock().string() + " has been there for "), std::string::npos)
        << *reason;
    EXPECT_TRUE(fs::exists(own_lock()));
    fs::remove(own_lock());
    ASSERT_TRUE(ok(store.syncer->committer().fold(mark, store.outcomes)));
  }
}

TEST_F(LeftRefLockTest, TheBranchsOlderThanItsRefsLastMoveIsTakenAway) {
  write_file(branch_lock(), parse("main~1") + "\n");
  age(branch_lock(), 1);
  EXPECT_EQ(store.syncer->waiting_reason().value(), "");
  store.record(note_intent("three"));
  store.publish_all();
  EXPECT_FALSE(fs::exists(branch_lock()));
  store.expect_clean();
}

TEST_F(LeftRefLockTest, TheBranchsThatIsTheRefItselfIsTakenAway) {
  fs::create_hard_link(store.work(".git/refs/heads/main"), branch_lock());
  store.record(note_intent("three"));
  store.publish_all();
  EXPECT_FALSE(fs::exists(branch_lock()));
}

TEST_F(LeftRefLockTest, TheBranchsWithACommitOfOursIsTakenAwayOnceNobodyCanHoldIt) {
  // As `git reset` would have it: younger than the ref.
  write_file(branch_lock(), parse("main~1") + "\n");
  store.record(note_intent("three"));
  store.expect_waiting("refs/heads/main.lock has been there for 0 s");
  age(branch_lock(), 60);
  age(store.work(".git/refs/heads/main"), 7200);

  SaidPlatform platform;
  const auto reader = store.repository.reader();
  ObjectStore objects(*reader);
  RefStore refs(store.repository.common_dir());
  const auto judge = [&](const ObjectId& published) {
    return RefLockJudge(refs, objects, test_store_id().hex())
        .branch(store.options.branch, published, platform, store.repository.path().string(),
                system_clock());
  };
  platform.git_runs = true;
  EXPECT_TRUE(judge({})->held()) << "it may be that one's";
  platform.git_runs = false;
  EXPECT_TRUE(judge({})->left);

  store.publish_all();
  EXPECT_FALSE(fs::exists(branch_lock()));
  store.expect_clean();
}

TEST_F(LeftRefLockTest, APersonsIsNeverTakenAway) {
  store.record(note_intent("three"));
  expect_held("");
  expect_held(parse("main~2") + "\n");
  store.repository.git("checkout -q -b other main~1");
  store.repository.git("commit -q --allow-empty -m theirs");
  store.repository.git("checkout -q main");
  expect_held(parse("other") + "\n");
  expect_held(parse("main~1"));  // without a line end: not written to its end
  store.publish_all();
}

}  // namespace
}  // namespace syncline
