// A publish that dies at any change it makes to the repository, and the next one.

#include "sync/publish/publisher.h"
#include "tests/sync/publish/publish_fixture.h"
#include "tests/sync/stopping_directory.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// Keeps the real directory beside the one that stops.
class OwningStop final : public Directory {
 public:
  OwningStop(std::unique_ptr<Directory> inner, uint64_t& left)
      : inner_(std::move(inner)), stop_(*inner_, left) {}
  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override {
    return stop_.open_file(name, flags);
  }
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    return stop_.open_directory(name);
  }
  Status make_directories(std::string_view name, bool private_mode) override {
    return stop_.make_directories(name, private_mode);
  }
  Status create_whole(std::string_view name, ByteSpan content) override {
    return stop_.create_whole(name, content);
  }
  Status rename(std::string_view from, std::string_view to) override {
    return stop_.rename(from, to);
  }
  Status remove_file(std::string_view name) override { return stop_.remove_file(name); }
  Status remove_directory(std::string_view name) override { return stop_.remove_directory(name); }
  Result<FileInfo> info(std::string_view name) override { return stop_.info(name); }
  Result<std::vector<std::string>> list(std::string_view name) override { return stop_.list(name); }
  Status sync_directory(std::string_view name) override { return stop_.sync_directory(name); }
  Status sync_file_system() override { return stop_.sync_file_system(); }
  Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) override {
    return stop_.open_lock(name);
  }
  Result<std::unique_ptr<SharedPage>> map_page(std::string_view name, size_t size_bytes) override {
    return stop_.map_page(name, size_bytes);
  }
  Result<std::unique_ptr<FileLock>> open_own_lock() override { return stop_.open_own_lock(); }
  Result<Identity> identity() override { return stop_.identity(); }
  Result<std::string> cache_token() override { return stop_.cache_token(); }
  const std::string& path() const override { return stop_.path(); }

 private:
  std::unique_ptr<Directory> inner_;
  StoppingDirectory stop_;
};

GitDirectories stopping(const GitPaths& paths, uint64_t& left) {
  GitDirectories git = *open_git_directories(paths);
  git.work_tree = std::make_unique<OwningStop>(std::move(git.work_tree), left);
  git.git_dir = std::make_unique<OwningStop>(std::move(git.git_dir), left);
  git.common_dir = std::make_unique<OwningStop>(std::move(git.common_dir), left);
  return git;
}

// Publishes with a process that dies after `changes` changes; true when it got through.
bool publish_dying(PublishStore& store, uint64_t changes) {
  uint64_t left = changes;
  const GitPaths paths = *git_paths_at(store.repository.path().string(), system_git_platform());
  const auto reader = store.repository.reader();
  ObjectStore objects(*reader);
  RefStore refs(store.repository.common_dir());
  PackWriter pack;
  SyncState state;
  SyncContext context{.platform = system_git_platform(),
                      .work_tree = paths.work_tree,
                      .own_ref = store.own_ref(),
                      .options = store.options,
                      .common_dir = store.repository.common_dir(),
                      .store_directory = store.store_directory(),
                      .journal = store.journal(),
                      .clock = system_clock(),
                      .objects = objects,
                      .refs = refs,
                      .pack = pack,
                      .state = state};
  Committer committer(context);
  EXPECT_TRUE(ok(committer.refresh()));
  Publisher publisher(context, stopping(paths, left));
  const auto report = publisher.publish(store.outcomes);
  if (report) {
    EXPECT_EQ(report->waiting, "");
  }
  return report.has_value();
}

// The names of what that ref has of the records' files, which must be there: one call of git, as it
// is asked after every change.
std::string blobs_at(const PublishStore& store, const std::string& ref) {
  std::string command = "rev-parse";
  for (const char* path : {"rules/cpp.md", "rules/git.md", "notes/0000/n-3.md"}) {
    command += " " + ref + ":" + path;
  }
  return store.repository.git(command);
}

class PublishCrashTest : public testing::TestWithParam<bool> {};

TEST_P(PublishCrashTest, AtEveryChangeNothingIsLostStuckOrStagedForDeletion) {
  const bool more_before_next = GetParam();
  bool through = false;
  for (uint64_t changes = 0; !through; ++changes) {
    ASSERT_LT(changes, 200u);
    PublishStore store;
    write_file(store.work("theirs.txt"), "staged\n");
    store.record(note_intent("one"));
    store.record(rule_intent("cpp", "one"));
    store.publish_all();
    store.record(note_intent("two"));
    store.record(rule_intent("cpp", "two"));
    store.record(rule_intent("git", "new file"));
    fs::remove(store.work(store.note_path(3)));
    store.repository.git("add theirs.txt");
    through = publish_dying(store, changes);

    const std::string between = store.status();
    EXPECT_EQ(between.find("\nD"), std::string::npos) << changes << "\n" << between;
    EXPECT_FALSE(between.starts_with("D")) << changes << "\n" << between;
    if (more_before_next) {
      store.record(rule_intent("cpp", "three"));
      store.record(rule_intent("git", "three"));
    }
    store.publish_all();
    EXPECT_EQ(store.status(), "A  theirs.txt") << "after " << changes << " changes";
    EXPECT_EQ(blobs_at(store, "main"), blobs_at(store, store.own_ref())) << changes;
    store.expect_clean();
    EXPECT_EQ(store.repository.git("log --format=%s main -- theirs.txt"), "") << changes;
    if (testing::Test::HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutMoreRecords, PublishCrashTest, testing::Bool());

TEST(PublishCrash, ThePersonsCommitBetweenIndexAndRefTakesTheRecordsAlong) {
  // The index was renamed, the ref not moved: found by dying at each change in turn.
  for (uint64_t changes = 0; changes < 200; ++changes) {
    PublishStore store;
    store.record(note_intent("one"));
    store.publish_all();
    store.record(note_intent("two"));
    if (publish_dying(store, changes)) break;
    if (store.status().find("A  " + store.note_path(2)) == std::string::npos) continue;
    fs::remove(store.work(".git/index.lock"));  // as a person would, told by git
    fs::remove(store.work(".git/HEAD.lock"));
    fs::remove(store.work(".git/refs/heads/main.lock"));
    store.repository.git("commit -q --allow-empty -m 'by a person'");
    EXPECT_EQ(store.branch_file(store.note_path(2)), store.show(store.note_path(2)));
    store.publish_all();
    EXPECT_EQ(store.status(), "");
    return;
  }
  FAIL() << "no crash left the index ahead of the ref";
}

}  // namespace
}  // namespace syncline
