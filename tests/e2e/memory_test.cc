// What one process holds in memory and in open descriptors, however much is in the store.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

struct Held {
  uint64_t peak_kib = 0;
  size_t descriptors = 0;
};

void look(const Process& process, Held& held) {
  const std::filesystem::path proc = "/proc/" + std::to_string(process.pid());
  std::ifstream status(proc / "status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("VmHWM:")) continue;
    held.peak_kib = std::max<uint64_t>(held.peak_kib, std::stoull(line.substr(6)));
  }
  std::error_code ended;
  const auto descriptors = std::filesystem::directory_iterator(proc / "fd", ended);
  if (ended) return;
  held.descriptors =
      std::max<size_t>(held.descriptors, std::distance(begin(descriptors), end(descriptors)));
}

std::string notes(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    lines += R"({"kind":"note","fields":{"title":"note )" + std::to_string(i) + "\"}}\n";
  }
  return lines;
}

Held ingest(const StoreUnderTest& store, const std::string& file) {
  Held held;
  Process process(store.command({"ingest", file}));
  while (!process.ended_within(std::chrono::milliseconds(2))) look(process, held);
  const ProcessResult result = process.wait();
  EXPECT_TRUE(result.ok()) << result.describe();
  return held;
}

// While another process records, one record after the other.
Held ingest_beside_a_writer(const StoreUnderTest& store, const std::string& file) {
  Held held;
  Process process(store.command({"ingest", file}));
  while (!process.ended_within(std::chrono::milliseconds(0))) {
    Process writer(store.command({"record", "note", "--title", "beside"}));
    while (!writer.ended_within(std::chrono::milliseconds(2))) look(process, held);
    const ProcessResult written = writer.wait();
    EXPECT_TRUE(written.ok()) << written.describe();
  }
  const ProcessResult result = process.wait();
  EXPECT_TRUE(result.ok()) << result.describe();
  return held;
}

// As many files as `count`, a thousand a directory, in the index and at HEAD; not in the work tree.
void commit_files_of_others(const StoreUnderTest& store, int count) {
  write_whole(store.root() / "theirs", "x");
  const std::string blob = store.git({"hash-object", "-w", "theirs"});
  ProcessOptions options{.environment = plain_git_environment()};
  for (int i = 0; i < count; ++i) {
    options.input += "100644 " + blob + "\tothers/directory-" + std::to_string(1000 + i / 1000) +
                     "/file-" + std::to_string(i) + "\n";
  }
  const ProcessResult added =
      run_process({"git", "-C", store.root().string(), "update-index", "--index-info"}, options);
  ASSERT_TRUE(added.ok()) << added.describe();
  store.git({"commit", "-q", "-m", "three hundred thousand files"});
}

TEST(Memory, IngestHoldsAsMuchInALargeRepositoryAsInASmallOne) {
  constexpr int kOthers = 300'000;
  TemporaryDirectory directory;
  const std::string file = (directory / "notes.ndjson").string();
  write_whole(file, notes(2'000));
  const StoreUnderTest small("notes", directory / "small");
  const StoreUnderTest large("notes", directory / "large");
  commit_files_of_others(large, kOthers);
  ASSERT_GT(std::filesystem::file_size(large.root() / ".git/index"), 25u << 20);

  const Held in_small = ingest(small, file);
  const Held in_large = ingest(large, file);
  ASSERT_GT(in_small.peak_kib, 0u);
  ASSERT_GT(in_large.peak_kib, 0u);
  // The old and the new index, held whole, are 57 MiB more.
  EXPECT_LT(in_large.peak_kib, in_small.peak_kib + (16u << 10));
  // All of it is published, and the others' files are as they were.
  EXPECT_EQ(large.git({"ls-files", "--", "others"}).size(),
            large.git({"ls-tree", "-r", "--name-only", "HEAD", "--", "others"}).size());
  EXPECT_EQ(large.git({"diff", "--cached", "--name-only"}), "");
  EXPECT_EQ(large.row_count(), 2'000u);
}

TEST(Memory, IngestBesideAWriterHoldsFewDescriptors) {
  TemporaryDirectory directory;
  const std::string file = (directory / "notes.ndjson").string();
  write_whole(file, notes(5'000));
  const StoreUnderTest store("notes", directory / "store");
  const Held held = ingest_beside_a_writer(store, file);
  ASSERT_GT(held.descriptors, 0u);
  EXPECT_LT(held.descriptors, 100u);
  EXPECT_GE(store.row_count(), 5'000u);
}

}  // namespace
}  // namespace syncline
