#include "sync/git/ref_store.h"

#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

constexpr std::string_view kRef = "refs/syncline/00112233445566778899aabbccddeeff";

class RefStoreTest : public testing::Test {
 protected:
  ObjectId commit(const std::string& message) {
    repository_.git("commit -q --allow-empty -m " + message);
    return *ObjectId::parse(repository_.git("rev-parse HEAD"));
  }
  ObjectId read(std::string_view ref) {
    const auto id = refs_.read(ref);
    EXPECT_TRUE(ok(id));
    return id ? *id : ObjectId{};
  }
  std::string by_git(std::string_view ref) {
    return repository_.git("rev-parse " + std::string(ref));
  }
  std::filesystem::path in_git(std::string_view name) { return repository_.path() / ".git" / name; }

  GitRepository repository_;
  RefStore refs_{repository_.common_dir()};
};

TEST_F(RefStoreTest, ReadsWhatGitWrites) {
  const ObjectId first = commit("one");
  EXPECT_EQ(read("refs/heads/main"), first);
  EXPECT_EQ(read("HEAD"), first);
  const auto head = refs_.read_raw("HEAD");
  ASSERT_TRUE(ok(head));
  EXPECT_EQ(head->target, "refs/heads/main");

  repository_.git("tag -a -m tagged v1");  // packed with a peeled line
  repository_.git("update-ref " + std::string(kRef) + " HEAD");
  repository_.git("pack-refs --all --prune");
  EXPECT_FALSE(std::filesystem::exists(in_git(kRef)));
  EXPECT_EQ(read(kRef), first);
  EXPECT_EQ(read("refs/heads/main"), first);
  EXPECT_TRUE(read("refs/heads/other").is_zero());
  EXPECT_TRUE(read("refs/heads").is_zero());

  const ObjectId second = commit("two");  // loose over packed
  EXPECT_EQ(read("refs/heads/main"), second);
  repository_.git("gc -q");
  EXPECT_EQ(read("refs/heads/main"), second);
}

TEST_F(RefStoreTest, UnbornBranchIsNoValue) {
  EXPECT_TRUE(read("HEAD").is_zero());
  EXPECT_TRUE(read(kRef).is_zero());
}

TEST_F(RefStoreTest, GitReadsWhatIsWritten) {
  const ObjectId first = commit("one");
  const ObjectId second = commit("two");
  ASSERT_TRUE(ok(refs_.compare_and_swap(kRef, {}, first)));
  EXPECT_EQ(by_git(kRef), first.hex());
  ASSERT_TRUE(ok(refs_.compare_and_swap(kRef, first, second)));
  EXPECT_EQ(by_git(kRef), second.hex());
  // Packing takes the loose file and its directory away.
  repository_.git("pack-refs --all --prune");
  ASSERT_TRUE(ok(refs_.compare_and_swap(kRef, second, first)));
  EXPECT_EQ(by_git(kRef), first.hex());
  EXPECT_FALSE(std::filesystem::exists(in_git(std::string(kRef) + ".lock")));
  repository_.expect_sound();
}

TEST_F(RefStoreTest, SwapAgainstAnotherValueIsRefusedAndLeavesNoLock) {
  const ObjectId first = commit("one");
  const ObjectId second = commit("two");
  ASSERT_TRUE(ok(refs_.compare_and_swap(kRef, {}, first)));
  EXPECT_TRUE(fails_with(refs_.compare_and_swap(kRef, {}, second), Code::kDisagree));
  EXPECT_TRUE(fails_with(refs_.compare_and_swap(kRef, second, first), Code::kDisagree));
  EXPECT_TRUE(
      fails_with(refs_.compare_and_swap("refs/heads/none", second, first), Code::kDisagree));
  EXPECT_EQ(read(kRef), first);
  repository_.git("update-ref " + std::string(kRef) + " " + second.hex());
}

TEST_F(RefStoreTest, HeldLockOfAnotherIsBusyAndStays) {
  const ObjectId first = commit("one");
  write_file(in_git(std::string(kRef) + ".lock"), "");
  EXPECT_TRUE(fails_with(refs_.compare_and_swap(kRef, {}, first), Code::kBusy));
  const auto removed = refs_.remove_stale_lock(kRef, {}, first);
  ASSERT_TRUE(ok(removed));
  EXPECT_FALSE(*removed);
  EXPECT_TRUE(std::filesystem::exists(in_git(std::string(kRef) + ".lock")));
}

TEST_F(RefStoreTest, GitHonoursAHeldLock) {
  const ObjectId first = commit("one");
  const ObjectId second = commit("two");
  {
    const auto held = refs_.lock("refs/heads/main", second, first);
    ASSERT_TRUE(ok(held));
    EXPECT_EQ(held->old_id(), second);
    EXPECT_EQ(held->new_id(), first);
    EXPECT_NE(repository_.run("update-ref refs/heads/main HEAD~1").exit_code, 0);
    EXPECT_TRUE(std::filesystem::exists(in_git("refs/heads/main.lock")));
  }
  // Let go without a commit: nothing has changed.
  EXPECT_EQ(read("refs/heads/main"), second);
  repository_.git("update-ref refs/heads/main HEAD~1");
}

TEST_F(RefStoreTest, OnlyTheAnnouncedMoveIsTakenForALeftover) {
  const ObjectId first = commit("one");
  const ObjectId second = commit("two");
  const std::filesystem::path lock = in_git(std::string(kRef) + ".lock");
  ASSERT_TRUE(ok(refs_.compare_and_swap(kRef, {}, first)));
  write_file(lock, second.hex() + "\n");
  auto removed = refs_.remove_stale_lock(kRef, second, second);  // the ref is not there
  ASSERT_TRUE(ok(removed));
  EXPECT_FALSE(*removed);
  removed = refs_.remove_stale_lock(kRef, first, first);  // another value
  ASSERT_TRUE(ok(removed));
  EXPECT_FALSE(*removed);
  removed = refs_.remove_stale_lock(kRef, first, second);
  ASSERT_TRUE(ok(removed));
  EXPECT_TRUE(*removed);
  EXPECT_FALSE(std::filesystem::exists(lock));
  removed = refs_.remove_stale_lock(kRef, first, second);
  ASSERT_TRUE(ok(removed));
  EXPECT_FALSE(*removed);
}

TEST_F(RefStoreTest, RefEmptiedByAPowerCutIsDamage) {
  commit("one");
  write_file(in_git("refs/heads/main"), "");
  EXPECT_TRUE(fails_with(refs_.read("refs/heads/main"), Code::kCorrupt));
  write_file(in_git("refs/heads/main"), std::string(41, '\0'));
  EXPECT_TRUE(fails_with(refs_.read("refs/heads/main"), Code::kCorrupt));
}

TEST_F(RefStoreTest, CircleOfSymbolicRefsIsDamage) {
  write_file(in_git("refs/heads/a"), "ref: refs/heads/b\n");
  write_file(in_git("refs/heads/b"), "ref: refs/heads/a\n");
  EXPECT_TRUE(fails_with(refs_.read("refs/heads/a"), Code::kCorrupt));
}

TEST_F(RefStoreTest, GitReadsTheReflog) {
  const ObjectId first = commit("one");
  const ObjectId second = commit("two");
  for (const char* log : {"HEAD", "refs/heads/main", "refs/heads/new"}) {
    ASSERT_TRUE(ok(refs_.append_reflog(
        log, second, first, {"Sync\nline", "s@<localhost>", 1'700'000'000'123, "publish: a\nb"})));
  }
  EXPECT_EQ(repository_.git("reflog -1 --format='%gn|%ge|%gs' main"),
            "Sync line|s@localhost|publish: a b");
  EXPECT_TRUE(read_text(in_git("logs/HEAD"))
                  .ends_with(second.hex() + " " + first.hex() +
                             " Sync line <s@localhost> 1700000000 +0000\tpublish: a b\n"));
}

}  // namespace
}  // namespace syncline
