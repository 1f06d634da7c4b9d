// The index as git writes it and reads it back: every case is checked by git itself.

#include "sync/git/index_file.h"

#include <algorithm>
#include <random>

#include "sync/git/sha1.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

class IndexFileTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { repository.git("config index.version " + std::to_string(GetParam())); }

  std::string index_path() const { return (repository.path() / ".git/index").string(); }
  IndexFile read() {
    auto index = IndexFile::parse(read_text(index_path()));
    EXPECT_TRUE(ok(index));
    return index ? std::move(*index) : IndexFile();
  }
  std::string listing() const {
    return repository.git("-c core.quotePath=false ls-files --stage --debug");
  }
  // As `git ls-files --stage --debug` would show the index that we read.
  static std::string shown(const IndexFile& index) {
    std::string text;
    EXPECT_TRUE(ok(index.for_each([&](const IndexEntry& entry) -> Status {
      char mode[16];
      std::snprintf(mode, sizeof mode, "%06o", entry.value.mode);
      const IndexStat& stat = entry.stat;
      const auto number = [](uint64_t value) { return std::to_string(value); };
      text += std::string(mode) + " " + entry.value.blob.hex() + " " + number(entry.stage) + "\t" +
              std::string(entry.path) + "\n  ctime: " + number(stat.ctime_s) + ":" +
              number(stat.ctime_ns) + "\n  mtime: " + number(stat.mtime_s) + ":" +
              number(stat.mtime_ns) + "\n  dev: " + number(stat.device) +
              "\tino: " + number(stat.inode) + "\n  uid: " + number(stat.uid) +
              "\tgid: " + number(stat.gid) + "\n  size: " + number(stat.size_bytes) + "\tflags: ";
      const uint32_t flags = (entry.skip_worktree || entry.intent_to_add ? 0x4000u : 0u) |
                             (entry.assume_valid ? 0x8000u : 0u) |
                             (entry.skip_worktree ? 0x40000000u : 0u) |
                             (entry.intent_to_add ? 0x20000000u : 0u) | (entry.stage * 0x1000u);
      char hex[16];
      std::snprintf(hex, sizeof hex, "%x", flags);
      text += std::string(hex) + "\n";
      return {};
    })));
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  std::string blob(const std::string& content) {
    return repository.git("hash-object -w --stdin", content);
  }
  IndexChange change(const std::string& path, const std::string& content) {
    return change_to(path, blob(content));
  }
  IndexChange change_to(const std::string& path, const std::string& blob_name) {
    return {.path = path,
            .value = {*ObjectId::parse(blob_name), 0100644},
            .stat = {},
            .in_tip = {},
            .also_ours = {}};
  }
  void write(const WholeIndexMerge& merge) { write_file(index_path(), merge.bytes); }

  GitRepository repository;
};

TEST_P(IndexFileTest, EveryFieldIsReadAsGitShowsIt) {
  for (const char* name : {"a", "b/c", "b/c-d", "b/c/d.txt", "z with space", "ünïcode"}) {
    if (std::string(name) == "b/c") continue;
    write_file(repository.path() / name, std::string("text of ") + name);
  }
  write_file(repository.path() / std::string(200, 'n') / std::string(210, 'm'), "long");
  repository.git("add -A");
  EXPECT_EQ(read().version(), GetParam() == 3 ? 2u : static_cast<unsigned>(GetParam()));
  EXPECT_EQ(shown(read()), listing());
}

TEST_P(IndexFileTest, MergedEntriesStandWhereGitWouldPutThem) {
  // The same random set of changes, once by us and once by `git update-index`.
  std::mt19937_64 random(20240607 + GetParam());
  const auto name = [&] {
    const char* parts[] = {"a", "a-b", "a.c", "b", "notes", "notes0", "z"};
    std::string path;
    const uint64_t depth = 1 + random() % 3;
    for (uint64_t i = 0; i < depth; ++i) path += std::string("d") + parts[random() % 7] + "/";
    return path + "f" + std::to_string(random() % 40);
  };
  std::string empty;
  for (int round = 0; round < 12; ++round) {
    const std::string old_blob = blob("old");
    std::string info;
    for (int i = 0; i < 60; ++i) info += "100644 " + old_blob + "\t" + name() + "\n";
    repository.git("read-tree --empty");
    repository.git("update-index --index-info", info);
    const std::string before = read_text(index_path());

    std::vector<IndexChange> changes;
    std::string new_info;
    const std::string new_blob = blob("new " + std::to_string(round));
    for (int i = 0; i < 30; ++i) {
      const std::string path = name();
      if (std::ranges::find(changes, path, &IndexChange::path) != changes.end()) continue;
      IndexChange one = change_to(path, new_blob);
      if (info.find("\t" + path + "\n") != std::string::npos) {
        one.in_tip = TreeValue{*ObjectId::parse(old_blob), 0100644};
      }
      changes.push_back(one);
      new_info += "100644 " + new_blob + "\t" + path + "\n";
    }
    std::ranges::sort(changes, {}, &IndexChange::path);
    auto merge = read().merge_whole(changes);
    ASSERT_TRUE(ok(merge));
    EXPECT_TRUE(merge->changed);
    EXPECT_TRUE(merge->kept.empty());

    repository.git("update-index --index-info", new_info);
    const std::string by_git = listing();
    write(*merge);
    EXPECT_EQ(listing(), by_git) << "round " << round;
    EXPECT_EQ(shown(read()), by_git);
    write_file(index_path(), before);
  }
}

TEST_P(IndexFileTest, RemovedEntriesGoAsGitWouldTakeThem) {
  std::mt19937_64 random(7 + GetParam());
  const std::string old_blob = blob("old"), new_blob = blob("new"), staged = blob("staged");
  for (int round = 0; round < 12; ++round) {
    repository.git("read-tree --empty");
    std::string info, new_info;
    std::vector<IndexChange> changes;
    size_t kept = 0;
    for (int i = 0; i < 40; ++i) {
      const std::string path = "d" + std::to_string(i % 4) + "/f" + std::to_string(i);
      const uint64_t fate = random() % 5;
      // Added, removed, removed although staged otherwise, or left alone.
      if (fate != 0) info += "100644 " + (fate == 2 ? staged : old_blob) + "\t" + path + "\n";
      if (fate > 2) continue;
      IndexChange one = change_to(path, new_blob);
      if (fate != 0) {
        one.value.blob = ObjectId{};
        one.in_tip = TreeValue{*ObjectId::parse(old_blob), 0100644};
      }
      kept += fate == 2 ? 1 : 0;
      if (fate == 0) new_info += "100644 " + new_blob + "\t" + path + "\n";
      if (fate == 1) new_info += "0 " + std::string(40, '0') + "\t" + path + "\n";
      changes.push_back(one);
    }
    IndexChange absent = change_to("d9/absent", new_blob);
    absent.value.blob = ObjectId{};
    absent.in_tip = TreeValue{*ObjectId::parse(old_blob), 0100644};
    changes.push_back(absent);
    repository.git("update-index --index-info", info);
    std::ranges::sort(changes, {}, &IndexChange::path);
    auto merge = read().merge_whole(changes);
    ASSERT_TRUE(ok(merge));
    EXPECT_EQ(merge->kept.size(), kept) << "what is staged stays";
    repository.git("update-index --index-info", new_info);
    const std::string by_git = listing();
    if (merge->changed) write(*merge);
    EXPECT_EQ(listing(), by_git) << "round " << round;
    EXPECT_EQ(shown(read()), by_git);
  }
}

TEST_P(IndexFileTest, OthersFlagsAndBytesAreKept) {
  for (const char* name : {"assumed", "m", "skipped"}) write_file(repository.path() / name, name);
  repository.git("add -A");
  write_file(repository.path() / "intended", "later");
  repository.git("add -N intended");
  repository.git("update-index --assume-unchanged assumed");
  repository.git("update-index --skip-worktree skipped");
  const IndexFile index = read();
  EXPECT_EQ(index.version(), GetParam() == 2 ? 3u : static_cast<unsigned>(GetParam()));
  auto merge = index.merge_whole(std::vector{change("b/ours", "1"), change("n/ours", "2")});
  ASSERT_TRUE(ok(merge));
  write(*merge);
  const std::string after = repository.git("ls-files -v --stage");
  EXPECT_NE(repository.git("ls-files -v assumed").find("h assumed"), std::string::npos) << after;
  EXPECT_NE(repository.git("ls-files -t skipped").find("S skipped"), std::string::npos) << after;
  EXPECT_EQ(shown(read()), listing());
  EXPECT_NE(listing().find("flags: 20004000"), std::string::npos);
}

TEST_P(IndexFileTest, WhatAPersonStagedStays) {
  for (const char* name : {"edited", "removed", "same"})
    write_file(repository.path() / name, "old");
  repository.git("add -A");
  const TreeValue old{*ObjectId::parse(blob("old")), 0100644};
  write_file(repository.path() / "edited", "staged by a person");
  repository.git("add edited");
  repository.git("rm -q --cached removed");
  std::vector<IndexChange> changes = {change("edited", "ours"), change("removed", "ours"),
                                      change("same", "ours")};
  for (IndexChange& one : changes) one.in_tip = old;
  auto merge = read().merge_whole(changes);
  ASSERT_TRUE(ok(merge));
  EXPECT_EQ(merge->kept, (std::vector<std::string>{"edited", "removed"}));
  write(*merge);
  EXPECT_EQ(
      repository.git("ls-files --stage"),
      "100644 " + blob("staged by a person") + " 0\tedited\n100644 " + blob("ours") + " 0\tsame");
}

TEST_P(IndexFileTest, AnInterruptedPublishIsTakenUp) {
  write_file(repository.path() / "f", "half");
  repository.git("add f");
  IndexChange ours = change("f", "whole");
  ours.also_ours = TreeValue{*ObjectId::parse(blob("half")), 0100644};
  auto merge = read().merge_whole(std::vector{ours});
  ASSERT_TRUE(ok(merge));
  EXPECT_TRUE(merge->kept.empty());
  EXPECT_TRUE(merge->changed);
}

TEST_P(IndexFileTest, AFileInTheWayOfADirectoryStaysAndSoTheOtherWayRound) {
  write_file(repository.path() / "notes", "a file");
  write_file(repository.path() / "rules.md/x", "below");
  write_file(repository.path() / "rules.md-other", "between");
  repository.git("add -A");
  auto merge =
      read().merge_whole(std::vector{change("notes/0/a.md", "1"), change("rules.md", "2")});
  ASSERT_TRUE(ok(merge));
  EXPECT_EQ(merge->kept.size(), 2u);
  EXPECT_FALSE(merge->changed);
}

TEST_P(IndexFileTest, CachedTreesOfUntouchedDirectoriesAreKept) {
  for (const char* name : {"a/1", "b/c/2", "b/d/3", "4"})
    write_file(repository.path() / name, name);
  repository.git("add -A");
  repository.git("commit -q -m one");  // writes the TREE extension
  auto merge = read().merge_whole(std::vector{change("b/c/new", "ours")});
  ASSERT_TRUE(ok(merge));
  EXPECT_NE(merge->bytes.find("TREE"), std::string::npos);
  write(*merge);
  repository.git("fsck --strict");  // checks the cached trees too
  const std::string tree = repository.git("write-tree");
  repository.git("read-tree " + tree);
  EXPECT_EQ(repository.git("write-tree"), tree);
  repository.git("ls-files --error-unmatch b/c/new");
}

TEST_P(IndexFileTest, ASkippedHashStaysSkipped) {
  write_file(repository.path() / "a", "a");
  repository.git("add a");
  std::string bytes = read_text(index_path());
  bytes.replace(bytes.size() - 20, 20, 20, '\0');
  auto index = IndexFile::parse(bytes);
  ASSERT_TRUE(ok(index));
  auto merge = index->merge_whole(std::vector{change("b", "b")});
  ASSERT_TRUE(ok(merge));
  EXPECT_EQ(merge->bytes.substr(merge->bytes.size() - 20), std::string(20, '\0'));
}

TEST_P(IndexFileTest, EveryFlippedBitIsFound) {
  for (const char* name : {"a", "b/c", "b/d"}) write_file(repository.path() / name, name);
  repository.git("add -A");
  const std::string bytes = read_text(index_path());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_FALSE(IndexFile::parse(damaged)) << "byte " << at << " bit " << bit;
    }
  }
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(IndexFile::parse(bytes.substr(0, length))) << length;
  }
}

TEST_P(IndexFileTest, ARightChecksumOverNonsenseIsStillFound) {
  for (const char* name : {"a", "b/c", "b/d"}) write_file(repository.path() / name, name);
  repository.git("add -A");
  const std::string bytes = read_text(index_path());
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes.substr(0, bytes.size() - 20);
    for (uint64_t n = 1 + random() % 3; n > 0; --n) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    Sha1 hash;
    hash.update(damaged);
    damaged += as_text(hash.finish().bytes);
    const auto index = IndexFile::parse(damaged);
    if (!index) continue;
    // What parses must survive a merge.
    IndexChange one{
        .path = "b/ours", .value = {{}, 0100644}, .stat = {}, .in_tip = {}, .also_ours = {}};
    const auto merge = index->merge_whole(std::vector{one});
    if (merge) {
      EXPECT_TRUE(ok(IndexFile::parse(merge->bytes)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, IndexFileTest, testing::Values(2, 3, 4));

TEST(IndexFile, UnmergedEntriesAreSeen) {
  GitRepository repository;
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
  const auto index = IndexFile::parse(read_text(repository.path() / ".git/index"));
  ASSERT_TRUE(ok(index));
  EXPECT_TRUE(index->has_conflicts());
  EXPECT_TRUE(fails_with(index->merge_whole({}), Code::kBusy));
}

TEST(IndexFile, SplitAndSparseIndexesAreRefusedByName) {
  GitRepository repository;
  write_file(repository.path() / "d/f", "text");
  write_file(repository.path() / "e/f", "text");
  repository.git("add -A");
  repository.git("commit -q -m one");
  const auto refusal = [&] {
    const auto index = IndexFile::parse(read_text(repository.path() / ".git/index"));
    EXPECT_TRUE(fails_with(index, Code::kUnsupported));
    return index ? std::string() : index.error().message;
  };
  repository.git("update-index --split-index");
  EXPECT_NE(refusal().find("split index"), std::string::npos);
  repository.git("update-index --no-split-index");
  repository.git("sparse-checkout set --cone --sparse-index d");
  EXPECT_NE(refusal().find("sparse index"), std::string::npos);
}

TEST(IndexFile, UntrackedCacheAndOffsetsAreLeftOutAndGitGoesOn) {
  GitRepository repository;
  for (int i = 0; i < 40; ++i) write_file(repository.path() / ("f" + std::to_string(i)), "x");
  repository.git("config index.threads 2");
  repository.git("config core.untrackedCache true");
  repository.git("add -A");
  repository.git("commit -q -m one");
  repository.git("status");
  const auto index = IndexFile::parse(read_text(repository.path() / ".git/index"));
  ASSERT_TRUE(ok(index));
  write_file(repository.path() / "ours", "x");
  const auto merge = index->merge_whole(std::vector{
      IndexChange{.path = "ours",
                  .value = {*ObjectId::parse(repository.git("hash-object ours")), 0100644},
                  .stat = {},
                  .in_tip = {},
                  .also_ours = {}}});
  ASSERT_TRUE(ok(merge));
  EXPECT_EQ(merge->bytes.find("UNTR"), std::string::npos);
  write_file(repository.path() / ".git/index", merge->bytes);
  EXPECT_EQ(repository.git("status --porcelain"), "A  ours");
}

TEST(IndexFile, NoIndexIsAnEmptyOne) {
  GitRepository repository;
  const auto merge = IndexFile().merge_whole(std::vector{IndexChange{
      .path = "a/b",
      .value = {*ObjectId::parse(repository.git("hash-object -w --stdin", "x")), 0100644},
      .stat = {},
      .in_tip = {},
      .also_ours = {}}});
  ASSERT_TRUE(ok(merge));
  write_file(repository.path() / ".git/index", merge->bytes);
  EXPECT_EQ(repository.git("ls-files"), "a/b");
}

}  // namespace
}  // namespace syncline
