#include "journal/os/ring.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "journal/base/block.h"
#include "tests/support/child_process.h"
#include "tests/support/fault_directory.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

class RingTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto opened = open_posix_directory(root.string());
    ASSERT_TRUE(opened);
    directory = std::move(*opened);
    ring = make_ring();
    if (!ring) GTEST_SKIP() << "io_uring is refused here";
    EXPECT_EQ(ring->name(), GetParam());
  }
  static std::unique_ptr<Ring> make_ring() {
    if (std::string_view(GetParam()) == "pwrite") return make_plain_ring();
    auto made = make_uring();
    return made ? std::move(*made) : nullptr;
  }
  std::unique_ptr<File> file(const char* name, bool direct = false) {
    auto opened = directory->open_file(name, {.write = true, .create = true, .direct = direct});
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  std::string content(const char* name) { return read_file(*directory, name).value(); }

  TemporaryDirectory root;
  std::unique_ptr<Directory> directory;
  std::unique_ptr<Ring> ring;
};

std::string pattern(size_t size_bytes) {
  std::string made(size_bytes, '\0');
  for (size_t i = 0; i < size_bytes; ++i)
    made[i] = static_cast<char>('a' + i * 7 % 23 + i / 4096 % 3);
  return made;
}

TEST_P(RingTest, WhatIsWrittenIsThere) {
  const auto written = file("file");
  const std::string large = pattern((3 << 20) + 17);
  ASSERT_TRUE(ring->write(*written, 5, as_bytes(large)));
  ASSERT_TRUE(ring->write(*written, 0, as_bytes("begin")));
  ASSERT_TRUE(ring->write(*written, 7, {}));
  ASSERT_TRUE(written->sync_data());
  EXPECT_EQ(content("file"), "begin" + large);
}

TEST_P(RingTest, ManyOperationsFollowEachOther) {
  const auto written = file("file");
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string part = pattern(1 + static_cast<size_t>(i) % 7);
    ASSERT_TRUE(ring->write(*written, expected.size(), as_bytes(part)));
    if (i % 10 == 0) {
      ASSERT_TRUE(written->sync_data());
    }
    expected += part;
  }
  EXPECT_EQ(content("file"), expected);
}

TEST_P(RingTest, BlocksGoToDirectFiles) {
  const auto written = file("file", true);
  std::unique_ptr<std::byte, void (*)(void*)> memory(
      static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, 8 * kBlockBytes)), std::free);
  const std::string blocks = pattern(8 * kBlockBytes);
  std::memcpy(memory.get(), blocks.data(), blocks.size());
  ASSERT_TRUE(ring->write(*written, kBlockBytes, {memory.get(), blocks.size()}));
  ASSERT_TRUE(written->sync_data());
  EXPECT_EQ(content("file"), std::string(kBlockBytes, '\0') + blocks);
}

TEST_P(RingTest, ErrorsComeBackAndTheNextOperationWorks) {
  file("file");
  auto read_only = directory->open_file("file", {});
  ASSERT_TRUE(read_only);
  const Status refused = ring->write(**read_only, 0, as_bytes("x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kIo);
  EXPECT_EQ(refused.error().sys_errno, EBADF);
  const auto written = file("file");
  ASSERT_TRUE(ring->write(*written, 0, as_bytes("y")));
  ASSERT_TRUE(written->sync_data());
  EXPECT_EQ(content("file"), "y");
}

TEST_P(RingTest, AShortWriteIsContinuedUntilTheKernelRefuses) {
  ChildProcess child([&](ChildProcess::Channel&) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const auto own_ring = make_ring();
    const auto written = file("file");
    const std::string large = pattern(16'384);
    const Status refused = own_ring->write(*written, 0, as_bytes(large));
    return !refused && refused.error().sys_errno == EFBIG ? 0 : 3;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(content("file"), pattern(16'384).substr(0, 10'000));
}

TEST_P(RingTest, FilesWithoutADescriptorAreReachedByTheirMethods) {
  const auto faults = std::make_shared<Faults>();
  FaultDirectory failing(*directory, faults);
  auto written = failing.open_file("file", {.write = true, .create = true});
  ASSERT_TRUE(written);
  ASSERT_TRUE(ring->write(**written, 0, as_bytes("abc")));
  faults->fail_short_write(1, ENOSPC, 1);
  const Status full = ring->write(**written, 3, as_bytes("de"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kRetryLater);
  EXPECT_EQ(content("file"), "abcd");
}

TEST_P(RingTest, AForkedChildDoesNotShareTheQueue) {
  const auto written = file("file");
  ASSERT_TRUE(ring->write(*written, 0, as_bytes("....")));
  ChildProcess child([&](ChildProcess::Channel& parent) {
    for (int i = 0; i < 50; ++i) {
      if (!ring->write(*written, 0, as_bytes("ch")) || !written->sync_data()) return 2;
    }
    parent.say();
    ring.reset();
    return 0;
  });
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(ring->write(*written, 2, as_bytes("pa")));
    ASSERT_TRUE(written->sync_data());
  }
  ASSERT_TRUE(child.channel().hear());
  EXPECT_EQ(child.wait(), 0);
  ASSERT_TRUE(ring->write(*written, 4, as_bytes("!")));
  EXPECT_EQ(content("file"), "chpa!");
}

// Not even when nothing else goes on: by the queue it would work, and be the parent's.
TEST_P(RingTest, AForkedChildReachesFilesByTheirMethods) {
  class CountedFile final : public File {
   public:
    CountedFile(std::unique_ptr<File> inner, int& writes)
        : inner_(std::move(inner)), writes_(writes) {}
    Result<size_t> read_at(uint64_t offset, MutableByteSpan into) override {
      return inner_->read_at(offset, into);
    }
    Status write_at(uint64_t offset, ByteSpan from) override {
      ++writes_;
      return inner_->write_at(offset, from);
    }
    Status sync_data() override { return inner_->sync_data(); }
    Status truncate(uint64_t size_bytes) override { return inner_->truncate(size_bytes); }
    Result<FileInfo> info() override { return inner_->info(); }
    Status close() override { return inner_->close(); }
    int descriptor() const override { return inner_->descriptor(); }
    bool direct() const override { return inner_->direct(); }

   private:
    std::unique_ptr<File> inner_;
    int& writes_;
  };
  auto opened = directory->open_file("file", {.write = true, .create = true});
  ASSERT_TRUE(opened);
  int writes = 0;
  CountedFile counted(std::move(*opened), writes);
  ChildProcess child([&](ChildProcess::Channel&) {
    return ring->write(counted, 0, as_bytes("child")) && writes == 1 ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(content("file"), "child");
}

INSTANTIATE_TEST_SUITE_P(Kinds, RingTest, testing::Values("pwrite", "io_uring"),
                         [](const auto& kind) { return std::string(kind.param); });

class BestRingTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* const value = std::getenv("SYNCLINE_IO");
    if (value != nullptr) before_ = value;
  }
  void TearDown() override {
    if (before_) {
      setenv("SYNCLINE_IO", before_->c_str(), 1);
    } else {
      unsetenv("SYNCLINE_IO");
    }
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(BestRingTest, TheEnvironmentAsksForPwrite) {
  setenv("SYNCLINE_IO", "pwrite", 1);
  EXPECT_EQ(make_best_ring()->name(), "pwrite");
}

TEST_F(BestRingTest, IoUringIsTakenWhereItCanBeHad) {
  unsetenv("SYNCLINE_IO");
  EXPECT_EQ(make_best_ring()->name(), make_uring() ? "io_uring" : "pwrite");
}

TEST_F(BestRingTest, WithoutDescriptorsToSpareThereIsStillARing) {
  unsetenv("SYNCLINE_IO");
  ChildProcess child([](ChildProcess::Channel&) {
    const rlimit limit{0, 0};  // what is open stays open
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
    if (make_uring()) return 3;
    return make_best_ring()->name() == "pwrite" ? 0 : 4;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace syncline
