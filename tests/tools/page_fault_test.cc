#include "tools/page_fault.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "tests/support/temporary_directory.h"
#include "tools/session.h"

namespace syncline {
namespace {

// A page of a file that has been cut since.
class LostPage {
 public:
  explicit LostPage(const std::filesystem::path& path) {
    std::ofstream(path) << std::string(4096, 'x');
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    page_ = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
    std::filesystem::resize_file(path, 0);
  }
  // Of several threads at once.
  void touch() const { std::atomic_ref<char>(*page_).store(1); }

 private:
  char* page_;
};

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class PageFaultTest : public ::testing::Test {
 protected:
  // In a child: exits as `body` does, or by the guard; what it wrote is in `out` and `err`.
  int run(bool json, const std::function<void(const Console&)>& body) {
    const pid_t child = fork();
    if (child == 0) {
      const Console console{std::fopen((directory_ / "out").c_str(), "w"),
                            std::fopen((directory_ / "err").c_str(), "w")};
      const PageFaultGuard guard(json, console);
      body(console);
      _exit(99);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    out_ = read_all(directory_ / "out");
    err_ = read_all(directory_ / "err");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  TemporaryDirectory directory_;
  std::string out_, err_;
};

TEST_F(PageFaultTest, ALostPageIsAnsweredInTheFormThatWasAskedFor) {
  const LostPage page(directory_ / "page");
  EXPECT_EQ(run(true, [&](const Console&) { page.touch(); }), 74);
  const auto answer = nlohmann::json::parse(out_, nullptr, false);
  ASSERT_TRUE(answer.is_object()) << out_;
  EXPECT_EQ(answer["schema"], 1);
  EXPECT_EQ(answer["error"]["code"], "outcome-unknown");
  EXPECT_NE(answer["error"]["message"].get<std::string>().find((directory_ / "page").string()),
            std::string::npos)
      << out_;
  EXPECT_EQ(err_, "");

  EXPECT_EQ(run(false, [&](const Console&) { page.touch(); }), 74);
  EXPECT_EQ(out_, "");
  EXPECT_NE(err_.find("  kept: everything acknowledged"), std::string::npos) << err_;
  EXPECT_NE(err_.find("\n  try:  "), std::string::npos) << err_;
}

TEST_F(PageFaultTest, ALostPageBehindADurableRecordIsAnsweredWithItsSequence) {
  const LostPage page(directory_ / "page");
  const auto lose_it_behind = [&](const Console&) {
    PageFaultGuard::note_durable(4711);
    page.touch();
  };
  EXPECT_EQ(run(true, lose_it_behind), 11);
  const auto answer = nlohmann::json::parse(out_, nullptr, false);
  ASSERT_TRUE(answer.is_object()) << out_;
  EXPECT_EQ(answer["seq"], 4711);
  EXPECT_EQ(answer["stage"], "journaled");
  EXPECT_EQ(answer["error"]["code"], "timeout");
  EXPECT_NE(answer["error"]["message"].get<std::string>().find((directory_ / "page").string()),
            std::string::npos)
      << out_;

  EXPECT_EQ(run(false, lose_it_behind), 11);
  EXPECT_EQ(out_, "");
  EXPECT_NE(err_.find("  kept: seq 4711 is durable in the journal (stage journaled)\n"),
            std::string::npos)
      << err_;
}

TEST_F(PageFaultTest, ANameThatWouldNeedEscapingIsLeftOut) {
  const LostPage page(directory_ / "a\"page");
  EXPECT_EQ(run(true, [&](const Console&) { page.touch(); }), 74);
  const auto answer = nlohmann::json::parse(out_, nullptr, false);
  ASSERT_TRUE(answer.is_object()) << out_;
  EXPECT_TRUE(answer["error"]["message"].get<std::string>().starts_with("a page of a mapped file"));
}

TEST_F(PageFaultTest, OutputThatMayHaveEndedWithinALineIsEndedBeforeTheAnswer) {
  const LostPage page(directory_ / "page");
  EXPECT_EQ(run(true,
                [&](const Console& console) {
                  PageFaultGuard::note_output();
                  write_text(console.out, "{\"half\":");
                  std::fflush(console.out);
                  page.touch();
                }),
            74);
  const size_t second = out_.find('\n') + 1;
  EXPECT_TRUE(nlohmann::json::parse(out_.substr(second), nullptr, false).is_object()) << out_;
}

TEST_F(PageFaultTest, BehindTheAnswerThereIsNoSecondOne) {
  const LostPage page(directory_ / "page");
  EXPECT_EQ(run(true,
                [&](const Console& console) {
                  GlobalOptions options;
                  options.json = true;
                  const Session session(options, console);
                  session.answer("{\"schema\":1}\n", "", 3);
                  page.touch();
                }),
            3);
  EXPECT_EQ(out_, "{\"schema\":1}\n");
  EXPECT_NE(err_.find("is lost"), std::string::npos);
}

TEST_F(PageFaultTest, ManyThreadsThatMeetLostPagesGiveOneAnswer) {
  const LostPage page(directory_ / "page");
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(run(true,
                  [&](const Console&) {
                    std::vector<std::jthread> threads;
                    for (int i = 0; i < 6; ++i) threads.emplace_back([&] { page.touch(); });
                  }),
              74);
    EXPECT_TRUE(nlohmann::json::parse(out_, nullptr, false).is_object()) << out_;
  }
}

TEST_F(PageFaultTest, ASignalThatSomebodySentEndsTheProcessAsUsual) {
  EXPECT_EQ(run(true, [](const Console&) { kill(getpid(), SIGBUS); }), -SIGBUS);
  EXPECT_EQ(out_, "");
}

TEST_F(PageFaultTest, WhatWasInstalledBeforeIsBack) {
  std::signal(SIGBUS, SIG_IGN);
  {
    const PageFaultGuard guard(false, {});
  }
  EXPECT_EQ(std::signal(SIGBUS, SIG_DFL), SIG_IGN);
}

}  // namespace
}  // namespace syncline
