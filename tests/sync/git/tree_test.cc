#include "sync/git/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

using Files = std::map<std::string, std::string>;

ObjectId blob_of(const std::string& content) {
  return hash_blob(content);
}

// The tree git itself makes of these files.
std::string tree_by_git(const GitRepository& repository, const Files& files) {
  const std::string environment = "GIT_INDEX_FILE=" + repository.scratch("index").string();
  std::filesystem::remove(repository.scratch("index"));
  std::string input;
  for (const auto& [path, content] : files) {
    input += fmt::format("100644 {}\t{}\n", blob_of(content).hex(), path);
  }
  if (input.empty()) {
    repository.git("read-tree --empty", {}, environment);
  } else {
    repository.git("update-index --add --index-info", input, environment);
  }
  return repository.git("write-tree --missing-ok", {}, environment);
}

// What a change does to a set of files, told in the simplest way.
void put(Files& files, const std::string& path, const std::string& content) {
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    files.erase(path.substr(0, slash));
  }
  const std::string below = path + "/";
  for (auto it = files.lower_bound(below); it != files.end() && it->first.starts_with(below);) {
    it = files.erase(it);
  }
  files[path] = content;
}

bool conflict(const std::string& a, const std::string& b) {
  return a == b || a.starts_with(b + "/") || b.starts_with(a + "/");
}

TEST(Tree, RandomChangesGiveTheTreeThatGitMakes) {
  GitRepository repository;
  auto reader = repository.reader();
  ObjectStore objects(*reader);
  PackWriter pack;
  std::mt19937 random(20260131);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  // Names around '/' (0x2f) in the alphabet, where git's order differs from that of bytes.
  const std::vector<std::string> names = {"a",  "a-b", "a.b",  "a0",     "a/",
                                          "ab", "b",   "0001", "0001.md"};
  const auto random_path = [&] {
    std::string path;
    for (unsigned depth = below(3);; --depth) {
      std::string name = names[below(static_cast<unsigned>(names.size()))];
      if (name.ends_with('/')) name.pop_back();
      path += name;
      if (depth == 0) return path;
      path += '/';
    }
  };

  Files files;
  ObjectId root;
  for (int round = 0; round < 120; ++round) {
    std::vector<std::string> paths;
    std::vector<std::string> contents;
    for (unsigned count = 1 + below(12); count > 0; --count) {
      std::string path = random_path();
      // Within one batch a name is a file or a directory.
      if (std::ranges::any_of(paths, [&](const auto& other) { return conflict(path, other); })) {
        continue;
      }
      paths.push_back(std::move(path));
      contents.push_back(below(3) == 0 ? "" : fmt::format("content {}", below(1000)));
    }
    std::vector<TreeChange> changes;
    for (size_t i = 0; i < paths.size(); ++i) {
      const bool removes = contents[i].empty();
      if (removes) {
        // Taking away a path that is a directory means the directory, as a put over it does.
        Files without = files;
        put(without, paths[i], "x");
        const bool blocked = without.size() != files.size() + (files.contains(paths[i]) ? 0 : 1);
        if (blocked) continue;
        files.erase(paths[i]);
        changes.push_back({paths[i], ObjectId{}, kModeFile});
      } else {
        put(files, paths[i], contents[i]);
        changes.push_back({paths[i], blob_of(contents[i]), kModeFile});
      }
    }
    pack.reset();
    const auto updated = update_tree(objects, pack, root, changes);
    ASSERT_TRUE(ok(updated));
    root = *updated;
    ASSERT_EQ(root.hex(), tree_by_git(repository, files)) << "round " << round;

    Files walked;
    std::string previous;
    ASSERT_TRUE(
        ok(walk_tree(objects, root, [&](std::string_view path, uint32_t mode, const ObjectId& id) {
          EXPECT_EQ(mode, kModeFile);
          EXPECT_LT(previous, path);
          previous = path;
          const auto known = files.find(std::string(path));
          if (known == files.end()) {
            ADD_FAILURE() << path << " is too many";
          } else {
            EXPECT_EQ(id, blob_of(known->second));
            walked.insert(*known);
          }
          return Status();
        })));
    EXPECT_EQ(walked, files);
    for (const auto& [path, content] : files) {
      const auto found = find_in_tree(objects, root, path);
      ASSERT_TRUE(ok(found) && found->has_value()) << path;
      EXPECT_EQ((*found)->id, blob_of(content));
    }
  }
}

TEST(Tree, OnlyTouchedDirectoriesAreWritten) {
  GitRepository repository;
  auto reader = repository.reader();
  ObjectStore objects(*reader);
  PackWriter pack;
  std::vector<std::string> paths;
  for (int i = 0; i < 100; ++i) paths.push_back(fmt::format("notes/{:04}/n-{}.md", i / 10, i));
  std::vector<TreeChange> changes;
  for (const std::string& path : paths) changes.push_back({path, blob_of(path), kModeFile});
  const auto root = update_tree(objects, pack, {}, changes);
  ASSERT_TRUE(ok(root));
  EXPECT_EQ(pack.object_count(), 12u);  // the root, notes, ten shards

  pack.reset();
  const auto next =
      update_tree(objects, pack, *root, {{"notes/0003/new.md", blob_of("new"), kModeFile}});
  ASSERT_TRUE(ok(next));
  EXPECT_EQ(pack.object_count(), 3u);

  pack.reset();
  const auto same =
      update_tree(objects, pack, *next, {{"notes/0003/new.md", blob_of("new"), kModeFile}});
  ASSERT_TRUE(ok(same));
  EXPECT_EQ(*same, *next);
  EXPECT_EQ(pack.object_count(), 0u);
}

TEST(Tree, EmptiedDirectoriesDisappear) {
  GitRepository repository;
  auto reader = repository.reader();
  ObjectStore objects(*reader);
  PackWriter pack;
  const auto root = update_tree(
      objects, pack, {}, {{"a/b/c", blob_of("1"), kModeFile}, {"d", blob_of("2"), kModeFile}});
  ASSERT_TRUE(ok(root));
  const auto without = update_tree(objects, pack, *root, {{"a/b/c", {}, kModeFile}});
  ASSERT_TRUE(ok(without));
  EXPECT_EQ(without->hex(), tree_by_git(repository, {{"d", "2"}}));
  const auto empty = update_tree(objects, pack, *without, {{"d", {}, kModeFile}});
  ASSERT_TRUE(ok(empty));
  EXPECT_EQ(empty->hex(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  // Removing what is not there changes nothing, and makes no directories.
  const auto nothing =
      update_tree(objects, pack, *root, {{"x/y/z", {}, kModeFile}, {"d/e", {}, kModeFile}});
  ASSERT_TRUE(ok(nothing));
  EXPECT_EQ(*nothing, *root);
}

TEST(Tree, WithinABatchADirectoryWinsOverAFile) {
  GitRepository repository;
  auto reader = repository.reader();
  ObjectStore objects(*reader);
  PackWriter pack;
  const auto root = update_tree(
      objects, pack, {}, {{"a", blob_of("file"), kModeFile}, {"a/b", blob_of("below"), kModeFile}});
  ASSERT_TRUE(ok(root));
  EXPECT_EQ(root->hex(), tree_by_git(repository, {{"a/b", "below"}}));
}

TEST(Tree, EntriesOfOtherModesAreCarriedAlong) {
  GitRepository repository;
  auto reader = repository.reader();
  ObjectStore objects(*reader);
  PackWriter pack;
  const std::string id = blob_of("x").hex();
  const std::string commit(40, '1');
  const std::string tree =
      repository.git("mktree --missing", fmt::format("100755 blob {0}\trun\n120000 blob {0}\tlink\n"
                                                     "160000 commit {1}\tmodule\n",
                                                     id, commit));
  const auto updated =
      update_tree(objects, pack, *ObjectId::parse(tree), {{"memory/m", blob_of("m"), kModeFile}});
  ASSERT_TRUE(ok(updated));
  ASSERT_TRUE(ok(pack.install(repository.common_dir(), "00")));
  const std::string listed = repository.git("ls-tree -r " + updated->hex());
  EXPECT_EQ(listed, fmt::format("120000 blob {0}\tlink\n100644 blob {2}\tmemory/m\n"
                                "160000 commit {1}\tmodule\n100755 blob {0}\trun",
                                id, commit, blob_of("m").hex()));
}

TEST(Tree, PathsGitWouldRefuseAreRefused) {
  GitRepository repository;
  auto reader = repository.reader();
  ObjectStore objects(*reader);
  PackWriter pack;
  for (const char* path : {"", "/a", "a//b", "a/", "./a", "a/../b", ".git/config", "a/.git"}) {
    EXPECT_TRUE(fails_with(update_tree(objects, pack, {}, {{path, blob_of("x"), kModeFile}}),
                           Code::kUnsafePath))
        << path;
  }
}

TEST(Tree, DamageIsFoundAtEveryCut) {
  const auto whole =
      merge_tree("", {{"name", kModeFile, blob_of("x")}, {"other", kModeDirectory, blob_of("y")}});
  ASSERT_TRUE(ok(whole));
  const size_t first_item = std::string("100644 name").size() + 1 + 20;
  for (size_t cut = 1; cut < whole->size(); ++cut) {
    if (cut == first_item) continue;  // a whole, shorter tree
    EXPECT_TRUE(fails_with(merge_tree(whole->substr(0, cut), {{"zzz", kModeFile, blob_of("z")}}),
                           Code::kCorrupt))
        << cut;
  }
}

}  // namespace
}  // namespace syncline
