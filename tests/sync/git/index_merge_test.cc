// An index is merged a piece at a time: the pieces are bounded, and make the same file wherever one
// piece ends and the next begins.
#include <algorithm>
#include <memory>

#include "journal/base/try.h"
#include "sync/git/index_file.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

class IndexMergeTest : public testing::TestWithParam<int> {
 protected:
  // Entries of every sort that a version has, cached trees, and what undoes a resolved conflict.
  void SetUp() override {
    const int version = GetParam();
    repository.git("config index.version " + std::to_string(version));
    write_file(repository.path() / "f", "base\n");
    repository.git("add f");
    repository.git("commit -q -m base");
    repository.git("switch -q -c other");
    write_file(repository.path() / "f", "theirs\n");
    repository.git("commit -q -a -m theirs");
    repository.git("switch -q main");
    write_file(repository.path() / "f", "ours\n");
    repository.git("commit -q -a -m ours");
    EXPECT_NE(repository.run("merge other").exit_code, 0);
    write_file(repository.path() / "f", "both\n");
    repository.git("add f");  // keeps the three stages in REUC
    blob = repository.git("hash-object -w --stdin", "old");
    new_blob = repository.git("hash-object -w --stdin", "new");
    std::string info;
    for (int i = 0; i < 120; ++i) info += "100644 " + blob + "\t" + path_of(i) + "\n";
    repository.git("update-index --index-info", info);
    repository.git("write-tree");  // fills in TREE
    if (version != 2) {
      write_file(repository.path() / "later", "later");
      repository.git("add -N later");  // an extended entry
    }
    before = read_text(index_path());
    ASSERT_NE(before.find("REUC"), std::string::npos);
    ASSERT_NE(before.find("TREE"), std::string::npos);

    for (int i = -3; i < 124; i += 4) {
      IndexChange change{.path = path_of(i),
                         .value = {*ObjectId::parse(new_blob), 0100644},
                         .stat = {},
                         .in_tip = {},
                         .also_ours = {}};
      if (i >= 0 && i < 120) change.in_tip = TreeValue{*ObjectId::parse(blob), 0100644};
      changes.push_back(std::move(change));
    }
    // Longer than any piece but the largest.
    changes.push_back({.path = "long/" + std::string(700, 'n'),
                       .value = {*ObjectId::parse(new_blob), 0100644},
                       .stat = {},
                       .in_tip = {},
                       .also_ours = {}});
    std::ranges::sort(changes, {}, &IndexChange::path);
  }

  static std::string path_of(int number) {
    const int shard = (number + 4) / 40;
    return "d" + std::to_string(shard) + "/" + std::string(static_cast<size_t>(shard * 30), 'x') +
           std::to_string(1000 + number);
  }
  std::string index_path() const { return (repository.path() / ".git/index").string(); }

  GitRepository repository;
  std::string blob, new_blob, before;
  std::vector<IndexChange> changes;
};

TEST_P(IndexMergeTest, ItIsTheSameFileWhereverAPieceEnds) {
  const auto whole = IndexFile::parse(before);
  ASSERT_TRUE(ok(whole));
  const auto expected = whole->merge_whole(changes);
  ASSERT_TRUE(ok(expected));
  ASSERT_TRUE(expected->changed);
  EXPECT_TRUE(expected->kept.empty());
  for (const size_t piece : {1, 2, 7, 61, 63, 64, 100, 257, 4096}) {
    SCOPED_TRACE(piece);
    const auto index = IndexFile::read(IndexBytes::of(before, piece));
    ASSERT_TRUE(ok(index));
    const auto merge = index->merge_whole(changes);
    ASSERT_TRUE(ok(merge));
    EXPECT_TRUE(merge->bytes == expected->bytes);
    const auto nothing = index->merge_whole({});
    ASSERT_TRUE(ok(nothing));
    EXPECT_FALSE(nothing->changed);
    EXPECT_TRUE(nothing->bytes == before);
  }

  // And it is git's.
  std::string info;
  for (const IndexChange& change : changes)
    info += "100644 " + new_blob + "\t" + change.path + "\n";
  repository.git("update-index --index-info", info);
  const std::string by_git = repository.git("ls-files --stage");
  const std::string undo = repository.git("ls-files --resolve-undo");
  EXPECT_NE(undo, "");
  write_file(index_path(), expected->bytes);
  EXPECT_EQ(repository.git("ls-files --stage"), by_git);
  EXPECT_EQ(repository.git("ls-files --resolve-undo"), undo);
  EXPECT_EQ(repository.git("write-tree").size(), 40u);
}

TEST_P(IndexMergeTest, AFileThatIsCutOrCannotBeReadHalfwayIsTold) {
  const IndexBytes all = IndexBytes::of(before, 512);
  const auto ignore = [](std::string_view) -> Status { return {}; };
  bool went_through = false;
  for (int failing = 0; !went_through; ++failing) {
    ASSERT_LT(failing, 1000);
    for (const bool cut : {false, true}) {
      int call = 0;
      IndexBytes bytes = all;
      bytes.read_at = [&](uint64_t offset, MutableByteSpan into) -> Result<size_t> {
        if (call++ < failing) return all.read_at(offset, into);
        if (cut) return into.size() - 1;
        return make_error(Code::kIo, "as the test wants it");
      };
      const auto index = IndexFile::read(bytes);
      const Status merged = index ? [&]() -> Status {
        TRY(index->merge(changes, ignore));
        return {};
      }()
          : Status(index.error());
      went_through = call <= failing;
      if (went_through) break;
      EXPECT_TRUE(fails_with(merged, cut ? Code::kCorrupt : Code::kIo)) << failing;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, IndexMergeTest, testing::Values(2, 3, 4));

// Of a repository with two hundred thousand files.
TEST(IndexMerge, NeitherTheOldNorTheNewFileIsHeldWhole) {
  GitRepository repository;
  const std::string blob = repository.git("hash-object -w --stdin", "x");
  std::string info;
  for (int i = 0; i < 200'000; ++i) {
    info += "100644 " + blob + "\tdirectory-" + std::to_string(100 + i / 1000) + "/file-" +
            std::to_string(i) + "\n";
  }
  repository.git("update-index --index-info", info);
  const std::string path = (repository.path() / ".git/index").string();
  const auto size = std::filesystem::file_size(path);
  ASSERT_GT(size, 10u << 20);

  // Memory of this process, taken by what reads and merges.
  const auto resident = [] {
    std::ifstream status("/proc/self/statm");
    uint64_t total = 0, pages = 0;
    status >> total >> pages;
    return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  };
  size_t largest = 0, written = 0;
  uint64_t most = 0;
  const IndexSink sink = [&](std::string_view piece) -> Status {
    largest = std::max(largest, piece.size());
    written += piece.size();
    most = std::max(most, resident());
    return {};
  };
  const uint64_t before = resident();
  const auto index = IndexFile::open(repository.common_dir());
  ASSERT_TRUE(ok(index));
  const auto merge =
      index->merge(std::vector{IndexChange{.path = "directory-150/ours",
                                           .value = {*ObjectId::parse(blob), 0100644},
                                           .stat = {},
                                           .in_tip = {},
                                           .also_ours = {}}},
                   sink);
  ASSERT_TRUE(ok(merge));
  EXPECT_TRUE(merge->changed);
  EXPECT_GT(written, size);
  EXPECT_LE(largest, 3 * kIndexPieceBytes);
  EXPECT_LT(most - std::min(most, before), 6u << 20);
}

}  // namespace
}  // namespace syncline
