// Many processes and threads on one journal, without a server.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "tests/journal/log/journal_testing.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

struct ProcessTest : testing::Test {
  void SetUp() override {
    auto opened = open_posix_directory(temporary.string());
    ASSERT_OK(opened);
    root = std::move(*opened);
    options.segment_bytes_max = 256u << 10;
    ASSERT_OK(Journal::create(*root, test_store(), system_clock(), options));
  }
  Result<std::unique_ptr<Journal>> open() {
    return Journal::open(*root, test_store(), system_clock(), make_plain_ring(), options);
  }
  // Every sequence from 1 on once; answers the payloads.
  std::vector<std::string> read_all(const Journal& journal) {
    const auto entries = read_entries(*root, journal.end());
    EXPECT_OK(entries);
    if (!entries) return {};
    uint64_t seq = 0;
    for (const Entry& entry : *entries) EXPECT_EQ(entry.seq, ++seq);
    return payloads(*entries);
  }

  TemporaryDirectory temporary;
  std::unique_ptr<Directory> root;
  JournalOptions options;
};

TEST_F(ProcessTest, EightProcessesShareSequencesAndFlushes) {
  constexpr int kProcesses = 8;
  constexpr int kRecords = 100;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto journal = open();
      if (!journal) _exit(1);
      for (int i = 0; i < kRecords; ++i) {
        if (!record_text(**journal, std::to_string(process) + "/" + std::to_string(i))) _exit(2);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  auto journal = open();
  ASSERT_OK(journal);
  std::vector<std::string> all = read_all(**journal);
  ASSERT_EQ(all.size(), static_cast<size_t>(kProcesses * kRecords));
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  EXPECT_LE((*journal)->counter(Counter::kFlushes), uint64_t{kProcesses * kRecords});
  EXPECT_EQ((*journal)->epoch(), 1u);
}

TEST_F(ProcessTest, ThreadsOfOneProcessShareOneJournal) {
  auto journal = open();
  ASSERT_OK(journal);
  constexpr int kThreads = 8;
  constexpr int kRecords = 50;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kRecords; ++i) {
        EXPECT_OK(record_text(**journal, std::to_string(thread) + "/" + std::to_string(i)));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(read_all(**journal).size(), static_cast<size_t>(kThreads * kRecords));
  EXPECT_LT((*journal)->counter(Counter::kFlushes), uint64_t{kThreads * kRecords});
}

// Appenders are killed at random while they write; each tells through a pipe what was acknowledged.
TEST_F(ProcessTest, KilledAppendersLoseNothingAcknowledged) {
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 15; ++round) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    std::vector<pid_t> children;
    for (int process = 0; process < 3; ++process) {
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        close(pipes[0]);
        auto journal = open();
        if (!journal) _exit(1);
        for (int i = 0;; ++i) {
          std::string text =
              std::to_string(round) + "/" + std::to_string(process) + "/" + std::to_string(i);
          if (!record_text(**journal, text + std::string(static_cast<size_t>(i % 9) * 900, 'k'))) {
            _exit(2);
          }
          text += "\n";
          if (write(pipes[1], text.data(), text.size()) < 0) _exit(3);
        }
      }
      children.push_back(child);
    }
    close(pipes[1]);
    // Killed after a number of acknowledgements that differs by round, wherever they then are.
    std::string told;
    char buffer[256];
    const size_t enough = 40 + static_cast<size_t>(round) * 37;
    while (told.size() < enough) {
      const ssize_t count = read(pipes[0], buffer, sizeof buffer);
      ASSERT_GT(count, 0);
      told.append(buffer, static_cast<size_t>(count));
    }
    for (const pid_t child : children) kill(child, SIGKILL);
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      EXPECT_TRUE(WIFSIGNALED(status)) << status;
    }
    for (ssize_t count = 0; (count = read(pipes[0], buffer, sizeof buffer)) > 0;) {
      told.append(buffer, static_cast<size_t>(count));
    }
    close(pipes[0]);
    for (size_t from = 0, to = 0; (to = told.find('\n', from)) != std::string::npos;
         from = to + 1) {
      acknowledged.push_back(told.substr(from, to - from));
    }
  }
  auto journal = open();
  ASSERT_OK(journal);
  std::vector<std::string> all = read_all(**journal);
  for (std::string& text : all) text = text.substr(0, text.find('k'));
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  for (const std::string& text : acknowledged) {
    EXPECT_TRUE(std::ranges::binary_search(all, text)) << text;
  }
  EXPECT_GT(acknowledged.size(), 100u);
}

}  // namespace
}  // namespace syncline
