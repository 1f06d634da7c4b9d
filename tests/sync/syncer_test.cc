// The Syncer's own half: opening, folding, and reading back. (Publishing: publish_tests.)
#include "sync/syncer.h"

#include "tests/sync/fold/committer_fixture.h"

namespace syncline {
namespace {

class SyncerTest : public testing::Test {
 protected:
  std::unique_ptr<Syncer> open() {
    auto opened =
        Syncer::open(store_.repository.path().string(), store_.store_directory(), store_.journal(),
                     system_clock(), {.branch = "refs/heads/main", .batch_records_max = 2},
                     system_git_platform());
    EXPECT_TRUE(ok(opened));
    return opened ? std::move(*opened) : nullptr;
  }
  static std::map<std::string, ObjectId> walk(
      const std::function<Status(const std::function<Status(const TreeEntry&)>&)>& walker) {
    std::map<std::string, ObjectId> files;
    EXPECT_TRUE(ok(walker([&files](const TreeEntry& entry) {
      EXPECT_EQ(entry.mode, 0100644u);
      EXPECT_TRUE(files.emplace(entry.path, entry.blob).second);
      return Status();
    })));
    return files;
  }

  FoldStore store_;
};

TEST_F(SyncerTest, FoldsAndReadsBackWhatItFolded) {
  const std::unique_ptr<Syncer> syncer = open();
  ASSERT_NE(syncer, nullptr);
  ASSERT_TRUE(ok(syncer->committer().recover(store_.outcomes)));
  EXPECT_EQ(syncer->committed(), 0u);
  EXPECT_TRUE(syncer->own_tip().is_zero());
  EXPECT_EQ(syncer->own_ref(), store_.own_ref());
  EXPECT_TRUE(walk([&](const auto& visit) {
                return syncer->walk_tree_of(syncer->own_tip(), visit);
              }).empty());

  store_.append({note_intent("a"), rule_intent("d", "one"), note_intent("b")});
  const auto report =
      syncer->committer().fold(store_.journal().durable(), store_.outcomes, UINT64_MAX);
  ASSERT_TRUE(ok(report));
  EXPECT_EQ(report->batches, 2u);
  EXPECT_EQ(syncer->committed(), 3u);
  EXPECT_EQ(syncer->own_tip().hex(), store_.tip());

  const auto files =
      walk([&](const auto& visit) { return syncer->walk_tree_of(syncer->own_tip(), visit); });
  ASSERT_EQ(files.size(), 3u);
  ASSERT_TRUE(files.contains("rules/d.md"));
  const auto text = syncer->read_blob(files.at("rules/d.md"));
  ASSERT_TRUE(ok(text));
  EXPECT_EQ(*text, "# Rules: d\n\n## H-2: one\n");
  EXPECT_TRUE(fails_with(syncer->read_blob(syncer->own_tip()), Code::kNotFound));
  EXPECT_TRUE(fails_with(syncer->read_blob(hash_blob("never")), Code::kNotFound));

  const auto ranges = syncer->claimed_ranges();
  ASSERT_TRUE(ok(ranges));
  ASSERT_EQ(ranges->size(), 2u);
  EXPECT_EQ((*ranges)[0].commit, syncer->own_tip());
  EXPECT_EQ((*ranges)[0].first_seq, 3u);
  EXPECT_EQ((*ranges)[1].first_seq, 1u);
  EXPECT_EQ((*ranges)[1].last_seq, 2u);
}

TEST_F(SyncerTest, BranchIsWalkedAsGitHasIt) {
  write_file(store_.repository.path() / "person/file", "theirs");
  store_.repository.git("add person/file");
  store_.repository.git("commit -q -m person");
  const std::unique_ptr<Syncer> syncer = open();
  ASSERT_NE(syncer, nullptr);
  const auto files = walk([&](const auto& visit) { return syncer->walk_branch_tree(visit); });
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files.at("person/file"), hash_blob("theirs"));
}

TEST_F(SyncerTest, NoRepositoryIsSaidSo) {
  const TemporaryDirectory elsewhere;
  const auto opened = Syncer::open(elsewhere.string(), store_.store_directory(), store_.journal(),
                                   system_clock(), {}, system_git_platform());
  EXPECT_FALSE(opened);
}

}  // namespace
}  // namespace syncline
