// An ingest that has the store open and waits for lines, while things are done to the store.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "tests/e2e/store_under_test.h"

namespace syncline {

class RunningIngest {
 public:
  // `pipe` is made.
  RunningIngest(const StoreUnderTest& store, const std::filesystem::path& pipe) : store_(store) {
    EXPECT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    // For reading as well, so that opening waits for nobody.
    lines_ = open(pipe.c_str(), O_RDWR | O_CLOEXEC);
    process_.emplace(store.command({"ingest", pipe.string(), "--json"}));
  }
  ~RunningIngest() { end(); }
  RunningIngest(const RunningIngest&) = delete;
  RunningIngest& operator=(const RunningIngest&) = delete;

  // Lines of NDJSON, each ended.
  void give(const std::string& lines) {
    EXPECT_EQ(write(lines_, lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  }
  // Returns once the record with this key is applied.
  void give_and_await(const std::string& lines, const std::string& key) {
    give(lines);
    for (;;) {
      const ProcessResult shown = store_.syncline({"show", "--key", key, "--json"});
      const Json receipt = Json::parse(shown.out, nullptr, false);
      if (shown.ok() && receipt.is_object() && receipt.value("stage", "") != "journaled") return;
      ASSERT_FALSE(process_->ended_within(std::chrono::milliseconds(0)));
    }
  }
  // The end of the lines.
  void end() {
    if (lines_ >= 0) close(lines_);
    lines_ = -1;
  }
  void send(int signal_number) { process_->send(signal_number); }
  ProcessResult wait() { return process_->wait(); }

 private:
  const StoreUnderTest& store_;
  int lines_ = -1;
  std::optional<Process> process_;
};

}  // namespace syncline
