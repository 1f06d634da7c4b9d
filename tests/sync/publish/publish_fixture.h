// A store whose records are applied to the work tree the way the engine does it, with a syncer, and
// a person's git beside it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "sync/syncer.h"
#include "tests/sync/fold/committer_fixture.h"

namespace syncline {

class PublishStore : public FoldStore {
 public:
  PublishStore() {
    options.branch = "refs/heads/main";
    options.publish_interval_ms = 0;
    open_syncer();
  }

  void open_syncer(Clock& clock = system_clock(), GitPlatform& platform = system_git_platform()) {
    syncer.reset();
    auto opened = Syncer::open(repository.path().string(), store_directory(), journal(), clock,
                               options, platform);
    ASSERT_TRUE(ok(opened));
    syncer = std::move(*opened);
  }

  // Journals, writes the file or section, folds. The record's id is its seq.
  void record(const Intent& intent, bool write_file = true) {
    const Mark mark = append(intent);
    if (write_file) apply(intent, mark.seq);
    ASSERT_TRUE(ok(syncer->committer().recover(outcomes)));
    ASSERT_TRUE(ok(syncer->committer().fold(mark, outcomes)));
    ASSERT_EQ(syncer->committed(), mark.seq);
    last_seq = mark.seq;
  }

  std::string note_path(uint64_t seq) const { return fmt::format("notes/0000/n-{}.md", seq); }
  std::filesystem::path work(const std::string& path) const { return repository.path() / path; }

  PublishReport publish() {
    EXPECT_TRUE(ok(syncer->committer().recover(outcomes)));
    Result<PublishReport> report = syncer->publisher().publish(outcomes);
    EXPECT_TRUE(ok(report));
    return report ? *report : PublishReport{};
  }
  // Publishes and expects everything to be on the branch.
  PublishReport publish_all() {
    PublishReport report = publish();
    EXPECT_EQ(report.waiting, "");
    EXPECT_EQ(report.published, last_seq);
    EXPECT_EQ(syncer->published(), last_seq);
    return report;
  }
  PublishReport expect_waiting(const std::string& reason_part) {
    PublishReport report = publish();
    EXPECT_NE(report.waiting.find(reason_part), std::string::npos) << report.waiting;
    EXPECT_TRUE(report.commit.is_zero());
    const Result<std::string> reason = syncer->waiting_reason();
    EXPECT_TRUE(ok(reason));
    if (reason) {
      EXPECT_NE(reason->find(reason_part), std::string::npos) << *reason;
    }
    return report;
  }

  std::string status() const { return repository.git("status --porcelain --untracked-files=all"); }
  std::string branch_file(const std::string& path) const {
    return repository.git("cat-file blob main:" + quoted_for_shell(path));
  }
  std::string head() const { return repository.git("rev-parse main"); }
  std::string changed_in_head() const {
    return repository.git("show --format= --name-status main");
  }

  SyncOptions options;
  std::unique_ptr<Syncer> syncer;
  uint64_t last_seq = 0;

  void apply(const Intent& intent, uint64_t seq) {
    const Effects effects =
        render_effects(intent, seq, seq, 1'700'000'000'000 + static_cast<int64_t>(seq) * 1000);
    const std::filesystem::path path = work(effects.path);
    if (intent.operation == Operation::kCreate) {
      write_file(path, effects.text);
      return;
    }
    std::string text = read_text(path);
    if (text.empty()) text = effects.header;
    write_file(path, text + effects.text);
  }
};

// A repository in which a person has committed before.
class PublisherTest : public testing::Test {
 protected:
  void SetUp() override {
    write_file(store.work("theirs.txt"), "a person's file\n");
    store.repository.git("add theirs.txt");
    store.repository.git("commit -q -m 'a person was here first'");
  }
  void expect_clean() {
    EXPECT_EQ(store.status(), "");
    store.expect_clean();
  }
  std::filesystem::path head_file() const { return store.work(".git/HEAD"); }
  std::string commit_file(const std::string& path, const std::string& text,
                          const std::string& message = "by a person") {
    write_file(store.work(path), text);
    store.repository.git("add " + quoted_for_shell(path));
    store.repository.git("commit -q -m " + quoted_for_shell(message));
    return store.head();
  }
  // Makes logs/HEAD and COMMIT_EDITMSG as old as the real ones would be after some time.
  void age(const std::string& file, int seconds) {
    const timespec when[2] = {{::time(nullptr) - seconds, 0}, {::time(nullptr) - seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, store.work(".git/" + file).c_str(), when, 0), 0);
  }
  // As long after the person's last command as nothing of it counts any more.
  void time_passes() {
    age("COMMIT_EDITMSG", 20);
    age("logs/HEAD", 10);
  }

  PublishStore store;
};

}  // namespace syncline
