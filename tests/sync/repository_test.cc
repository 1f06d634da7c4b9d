// init's side of git: what is made, what is found, what is refused and how it is said.

#include <filesystem>
#include <random>

#include "sync/git/git_config.h"
#include "sync/git/git_paths.h"
#include "sync/own/loss_survey.h"
#include "sync/repository.h"
#include "sync/repository_commit.h"
#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

std::string refusal(const std::string& directory) {
  const auto state = open_or_create_repository(directory, system_git_platform());
  EXPECT_TRUE(fails_with(state, Code::kUnsupported));
  return state ? "" : state.error().message;
}

TEST(Repository, AnEmptyDirectoryThatIsNamedByADotOrWithASlashBecomesOne) {
  for (const char* suffix : {"/", "/.", "/./", "//", "/sub/.."}) {
    TemporaryDirectory scratch("syncline init");
    const std::string directory = scratch.string();
    const auto made = open_or_create_repository(directory + suffix, system_git_platform());
    ASSERT_TRUE(ok(made)) << suffix;
    EXPECT_TRUE(made->created) << suffix;
    EXPECT_EQ(made->work_tree, directory) << suffix;
  }
}

TEST(Repository, ADirectoryBecomesARepositoryOnMain) {
  TemporaryDirectory scratch("syncline init");
  const std::string directory = (scratch.path() / "deep down" / "dätä").string();
  const auto made = open_or_create_repository(directory, system_git_platform());
  ASSERT_TRUE(ok(made));
  EXPECT_TRUE(made->created);
  EXPECT_EQ(made->branch, "refs/heads/main");
  EXPECT_EQ(made->work_tree, directory);
  EXPECT_EQ(made->common_dir, directory + "/.git");
  EXPECT_TRUE(made->foreign_stores.empty());
  const auto again = open_or_create_repository(directory, system_git_platform());
  ASSERT_TRUE(ok(again));
  EXPECT_FALSE(again->created);
  fs::create_directories(directory + "/sub/directory");
  const auto found = find_repository(directory + "/sub/directory", system_git_platform());
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->work_tree, directory);
}

TEST(Repository, TheOuterWorkTreeIsTheNearestAbove) {
  TemporaryDirectory scratch("syncline init");
  const std::string top = scratch.string() + "/top";
  ASSERT_TRUE(ok(open_or_create_repository(top, system_git_platform())));
  EXPECT_EQ(outer_work_tree(top, system_git_platform()), "");
  EXPECT_EQ(outer_work_tree(scratch.string() + "/beside", system_git_platform()), "");
  fs::create_directories(top + "/there");
  for (const char* name : {"/there", "/not/yet", "/there/not/yet"}) {
    EXPECT_EQ(outer_work_tree(top + name, system_git_platform()), top) << name;
  }
  fs::create_directory_symlink(top + "/there", scratch.string() + "/link");
  EXPECT_EQ(outer_work_tree(scratch.string() + "/link", system_git_platform()), top);
  EXPECT_EQ(outer_work_tree(scratch.string() + "/link/new", system_git_platform()), top);
}

TEST(Repository, ASubmodulesWorkTreeIsNotElsewhere) {
  TemporaryDirectory scratch("syncline init");
  const std::string top = scratch.string() + "/super/sub";
  ASSERT_TRUE(ok(open_or_create_repository(top, system_git_platform())));
  fs::create_directories(scratch.path() / "super/modules");
  fs::rename(top + "/.git", scratch.path() / "super/modules/sub");
  write_file(top + "/.git", "gitdir: ../modules/sub\n");
  const fs::path config = scratch.path() / "super/modules/sub/config";
  const std::string text = read_text(config);
  write_file(config, text + "[core]\n\tworktree = ../../sub\n");
  EXPECT_TRUE(ok(open_or_create_repository(top, system_git_platform())));
  write_file(config, text + "[core]\n\tworktree = ../../other\n");
  EXPECT_NE(refusal(top).find("core.worktree"), std::string::npos);
}

TEST(Repository, CommitsExactlyTheFilesNamed) {
  GitRepository repository;
  write_file(repository.path() / "staged.txt", "staged\n");
  repository.git("add staged.txt");
  write_file(repository.path() / "syncline.toml", "[store]\n");
  write_file(repository.path() / "other.txt", "untracked\n");
  const auto state = open_or_create_repository(repository.path().string(), system_git_platform());
  ASSERT_TRUE(ok(state));
  const std::vector<std::string> paths = {"syncline.toml"};
  SyncOptions options;
  ASSERT_TRUE(ok(commit_paths(*state, paths, "syncline: a store", options, system_clock())));
  EXPECT_EQ(repository.git("status --porcelain"), "A  staged.txt\n?? other.txt");
  EXPECT_EQ(repository.git("show --format=%an:%s --name-status main"),
            "Syncline:syncline: a store\n\nA\tsyncline.toml");
  const std::string head = repository.git("rev-parse main");
  ASSERT_TRUE(ok(commit_paths(*state, paths, "again", options, system_clock())));
  EXPECT_EQ(repository.git("rev-parse main"), head);
  write_file(repository.path() / "syncline.toml", "[store]\nchanged = true\n");
  ASSERT_TRUE(ok(commit_paths(*state, paths, "changed", options, system_clock())));
  EXPECT_EQ(repository.git("status --porcelain"), "A  staged.txt\n?? other.txt");
  write_file(repository.path() / ".git/MERGE_HEAD", head + "\n");
  write_file(repository.path() / "syncline.toml", "[store]\n");
  EXPECT_TRUE(
      fails_with(commit_paths(*state, paths, "no", options, system_clock()), Code::kRetryLater));
  fs::remove(repository.path() / ".git/MERGE_HEAD");
  repository.expect_sound();
}

TEST(Repository, AnEmptyFileCanBeCommitted) {
  GitRepository repository;
  write_file(repository.path() / "empty", "");
  const auto state = open_or_create_repository(repository.path().string(), system_git_platform());
  ASSERT_TRUE(ok(state));
  const std::vector<std::string> paths = {"empty"};
  ASSERT_TRUE(ok(commit_paths(*state, paths, "empty", {}, system_clock())));
  EXPECT_EQ(repository.git("status --porcelain"), "");
  repository.expect_sound();
}

TEST(Repository, AnExcludedPathIsWrittenOnce) {
  GitRepository repository;
  const auto state = open_or_create_repository(repository.path().string(), system_git_platform());
  ASSERT_TRUE(ok(state));
  write_file(repository.path() / ".git/info/exclude", "# a comment\n*.o");
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(ok(exclude_path(*state, "/syncline.db")));
  EXPECT_EQ(read_text(repository.path() / ".git/info/exclude"), "# a comment\n*.o\n/syncline.db\n");
  fs::remove_all(repository.path() / ".git/info");
  ASSERT_TRUE(ok(exclude_path(*state, "/syncline.db")));
  EXPECT_EQ(read_text(repository.path() / ".git/info/exclude"), "/syncline.db\n");
}

TEST(Repository, WhatCannotBeHandledIsRefusedInASentence) {
  GitRepository repository;
  const std::string path = repository.path().string();
  const std::string config = read_text(repository.path() / ".git/config");
  const auto with = [&](const std::string& more) {
    write_file(repository.path() / ".git/config", config + more);
    const std::string said = refusal(path);
    write_file(repository.path() / ".git/config", config);
    return said;
  };
  const std::string v1 = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\t";
  EXPECT_NE(with(v1 + "objectFormat = sha256\n").find("SHA-1"), std::string::npos);
  EXPECT_NE(with(v1 + "refStorage = reftable\n").find("reftable"), std::string::npos);
  EXPECT_NE(with(v1 + "partialClone = origin\n").find("partial clone"), std::string::npos);
  EXPECT_NE(with(v1 + "somethingNew = 1\n").find("somethingnew"), std::string::npos);
  EXPECT_NE(with("[core]\n\trepositoryformatversion = 7\n").find("version 7"), std::string::npos);
  EXPECT_NE(with("[core]\n\tbare = true\n").find("bare"), std::string::npos);
  EXPECT_NE(with("[core]\n\tworktree = /elsewhere\n").find("core.worktree"), std::string::npos);
  write_file(repository.path() / "f", "text");
  repository.git("add f");
  repository.git("commit -q -m one");
  repository.git("update-index --split-index");
  EXPECT_NE(refusal(path).find("split index"), std::string::npos);
  repository.git("update-index --no-split-index");
  repository.git("checkout -q --detach");
  EXPECT_NE(refusal(path).find("detached"), std::string::npos);
  EXPECT_TRUE(ok(find_repository(path, system_git_platform()))) << "an open store only waits";
  repository.git("checkout -q main");
  EXPECT_TRUE(ok(open_or_create_repository(path, system_git_platform())));
}

TEST(Repository, ASha256RepositoryOfGitItselfIsRefused) {
  TemporaryDirectory scratch;
  GitRepository runner;
  runner.git("init -q --object-format=sha256 " + quoted_for_shell(scratch.string()));
  EXPECT_NE(refusal(scratch.string()).find("sha256"), std::string::npos);
}

TEST(Repository, ABareRepositoryIsRefused) {
  TemporaryDirectory scratch;
  GitRepository runner;
  runner.git("init -q --bare " + quoted_for_shell(scratch.string()));
  EXPECT_NE(refusal(scratch.string()).find("bare"), std::string::npos);
  EXPECT_TRUE(
      fails_with(find_repository(scratch.string(), system_git_platform()), Code::kUnsupported));
}

TEST(Repository, ALinkedWorkTreeOfABareRepositoryIsOne) {
  TemporaryDirectory scratch;
  GitRepository runner;
  runner.git("commit -q --allow-empty -m first");
  const std::string bare = scratch.string() + "/bare.git", linked = scratch.string() + "/linked";
  runner.git("clone -q --bare . " + quoted_for_shell(bare));
  runner.git("--git-dir=" + quoted_for_shell(bare) + " worktree add -q " +
             quoted_for_shell(linked) + " main");
  const auto found = find_repository(linked, system_git_platform());
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->branch, "refs/heads/main");
  EXPECT_EQ(found->common_dir, bare);
  EXPECT_TRUE(fails_with(find_repository(bare, system_git_platform()), Code::kUnsupported));
}

TEST(Repository, TheIdIsReadFromANameWithAndWithoutAStoresTag) {
  EXPECT_EQ(id_in_path("notes/0000/some-title-1234.md"), 1234u);
  EXPECT_EQ(id_in_path("notes/0000/some-title-1234-s1a2b3c.md"), 1234u);
  EXPECT_EQ(id_in_path("memory/failures/20260101_x_7-s000000.md"), 7u);
  EXPECT_EQ(id_in_path("notes/0000/meeting-12-summer.md"), 0u);
  EXPECT_EQ(id_in_path("notes/0000/meeting-12-s1a2b3.md"), 0u);
  EXPECT_EQ(id_in_path("notes/0000/no-number-s1a2b3c.md"), 0u);
}

TEST(Repository, NoRepositoryIsNotFound) {
  TemporaryDirectory scratch;
  EXPECT_TRUE(
      fails_with(find_repository(scratch.string(), system_git_platform()), Code::kNotFound));
}

TEST(Repository, OtherStoresAreMetByRefAndByTrailer) {
  PublishStore store;
  for (int i = 0; i < 12; ++i) store.record(note_intent("n"));
  store.publish_all();
  const std::string id = test_store_id().hex();
  const auto here =
      open_or_create_repository(store.repository.path().string(), system_git_platform());
  ASSERT_TRUE(ok(here));
  EXPECT_EQ(here->foreign_stores, std::vector<std::string>{id});
  EXPECT_EQ(here->highest_id_in_paths, 12u);

  TemporaryDirectory scratch;  // a clone has the branch and not the ref
  store.repository.git("clone -q . " + quoted_for_shell(scratch.string() + "/clone"));
  const auto cloned = open_or_create_repository(scratch.string() + "/clone", system_git_platform());
  ASSERT_TRUE(ok(cloned));
  EXPECT_EQ(cloned->foreign_stores, std::vector<std::string>{id});

  store.repository.git("pack-refs --all");
  store.repository.git("update-ref -d refs/heads/main");
  const auto packed =
      open_or_create_repository(store.repository.path().string(), system_git_platform());
  ASSERT_TRUE(ok(packed));
  EXPECT_EQ(packed->foreign_stores, std::vector<std::string>{id});
  EXPECT_EQ(packed->highest_id_in_paths, 12u);
}

TEST(Repository, AReplayedStoreIsCheckedOut) {
  PublishStore store;
  store.record(note_intent("one"));
  store.record(rule_intent("cpp", "two"));
  RepositoryState state;
  state.platform = &system_git_platform();
  state.work_tree = store.repository.path().string();
  state.common_dir = state.work_tree + "/.git";
  state.branch = "refs/heads/main";
  ASSERT_TRUE(ok(check_out_own_ref(state, test_store_id(), system_clock())));
  EXPECT_EQ(store.head(), store.tip());
  EXPECT_EQ(store.status(), "");
  ASSERT_TRUE(ok(check_out_own_ref(state, test_store_id(), system_clock())));
  store.expect_clean();
}

TEST(GitConfig, ReadsWhatGitWouldRead) {
  GitRepository repository;
  const std::string text =
      "# comment\n[core]\n\tbare = false ; not\n  FileMode=yes\n\tflag\n"
      "[remote \"Some.Name\"]\n\turl = \"quoted # not comment\" # comment\n"
      "\tpushurl = a\\\n b\\tc\n[Extensions] objectFormat = sha1\n[core] bare = true\n";
  write_file(repository.path() / ".git/test-config", text);
  const GitConfig config = GitConfig::parse(text);
  for (const char* key : {"core.bare", "CORE.filemode", "remote.Some.Name.url",
                          "remote.Some.Name.pushurl", "extensions.objectformat"}) {
    EXPECT_EQ(config.get(key).value_or("(none)"),
              repository.git(std::string("config -f .git/test-config --get ") + key))
        << key;
  }
  EXPECT_TRUE(config.get_bool("core.flag", false));
  EXPECT_TRUE(config.get_bool("core.bare", false));
  EXPECT_FALSE(config.get("remote.some.name.url"));
  EXPECT_EQ(config.section("extensions").size(), 1u);
  std::mt19937_64 random(3);
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = text;
    for (int n = 0; n < 4; ++n) damaged[random() % damaged.size()] = static_cast<char>(random());
    static_cast<void>(GitConfig::parse(damaged.substr(0, random() % damaged.size())));
  }
}

}  // namespace
}  // namespace syncline
