// A ref is read wherever it is; before the journal lets go of records, it is made durable there.
#include <gtest/gtest.h>

#include "tests/support/hooked_directory.h"
#include "tests/sync/fold/committer_fixture.h"

namespace syncline {
namespace {

// Mutant NO_REF_SYNC_BEFORE_TRIM of tests/model: a power cut would take the commit, and the
// journal's records of it would be trimmed already.
TEST(RefDurable, MoveWhoseSyncNeverCameIsWrittenAgain) {
  FoldStore store;
  store.append({note_intent("one"), note_intent("two")});
  const auto hook = std::make_shared<DirectoryHook>();
  std::vector<std::string> done;
  bool refuse = true;
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    if (!name.starts_with("refs/syncline")) return {};
    if (refuse && operation == "sync-directory") return make_error(Code::kIo, "refused");
    done.push_back(std::string(operation) + " " + name);
    return {};
  };
  auto opened = open_posix_directory((store.repository.path() / ".git").string());
  ASSERT_TRUE(ok(opened));
  HookedDirectory common_dir(std::move(*opened), hook);
  {
    FoldProcess dying(store, store.repository, common_dir);
    EXPECT_FALSE(dying.committer.fold(store.journal().durable(), store.outcomes, 1).has_value());
  }
  refuse = false;
  done.clear();
  FoldProcess next(store, store.repository, common_dir);
  ASSERT_TRUE(ok(next.committer.refresh()));
  EXPECT_EQ(next.state.committed, 2u);  // it has moved, as far as can be read
  EXPECT_EQ(next.state.own_commit.hex(), store.tip());

  const std::string tip = store.tip();
  ASSERT_TRUE(ok(next.committer.make_ref_durable()));
  ASSERT_GE(done.size(), 2u);
  EXPECT_EQ(done[done.size() - 2], "rename " + store.own_ref());
  EXPECT_EQ(done.back(), "sync-directory refs/syncline");
  EXPECT_EQ(store.tip(), tip);
}

TEST(RefDurable, DeathWhileItIsWrittenAgainKeepsNobodyFromFolding) {
  FoldStore store;
  store.append({note_intent("one")});
  const auto hook = std::make_shared<DirectoryHook>();
  bool dies = false, dead = false;
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    if (dead) return make_error(Code::kIo, "dead");
    // Behind its creation, with its content there.
    dead = dies && operation == "open-write" && name == store.own_ref() + ".lock";
    return {};
  };
  auto opened = open_posix_directory((store.repository.path() / ".git").string());
  ASSERT_TRUE(ok(opened));
  HookedDirectory common_dir(std::move(*opened), hook);
  {
    FoldProcess dying(store, store.repository, common_dir);
    ASSERT_TRUE(ok(dying.committer.fold(store.journal().durable(), store.outcomes, 1)));
    dies = true;
    EXPECT_FALSE(dying.committer.make_ref_durable().has_value());
  }
  ASSERT_TRUE(dead);
  ASSERT_TRUE(
      std::filesystem::exists(store.repository.path() / ".git" / (store.own_ref() + ".lock")));
  dies = dead = false;
  store.append({note_intent("two")});
  FoldProcess next(store, store.repository, common_dir);
  ASSERT_TRUE(ok(next.committer.fold(store.journal().durable(), store.outcomes, 1)));
  EXPECT_EQ(next.state.committed, 2u);
}

}  // namespace
}  // namespace syncline
