// Long stretches read in parts, several under way at a time: what is given is what the files hold,
// and what cannot be read so is left to plain reads.
#include "journal/os/read_ahead.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "journal/base/block.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

struct ReadAheadTest : testing::Test {
  ReadAheadTest() : directory(std::move(*open_posix_directory(temporary.path().string()))) {}
  std::unique_ptr<File> file(const std::string& name, size_t bytes) {
    ByteVector content(bytes);
    for (size_t at = 0; at + 8 <= bytes; at += 8) store_le(content.data() + at, at * 7 + bytes);
    auto opened = std::move(*directory->open_file(name, {.write = true, .create = true}));
    EXPECT_TRUE(opened->write_at(0, content));
    EXPECT_TRUE(opened->sync_data());
    return opened;
  }
  static void drop_cache(const File& file) {
    posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
  }
  // All that comes, checked against what read_at gives; how many bytes of it.
  static uint64_t take_all(ReadAhead& ahead, File& file, uint64_t from, uint64_t to) {
    while (from < to) {
      const auto part = ahead.next();
      if (!part) break;
      EXPECT_EQ(part->file, &file);
      EXPECT_EQ(part->offset, from);
      ByteVector held(part->bytes.size());
      EXPECT_EQ(*file.read_at(from, held), held.size());
      EXPECT_TRUE(std::equal(held.begin(), held.end(), part->bytes.begin()));
      from += part->bytes.size();
    }
    return from;
  }

  // A file system in memory is its own cache, of which nothing can be dropped.
  bool on_disk() const {
    struct statfs about{};
    EXPECT_EQ(statfs(temporary.path().c_str(), &about), 0);
    return about.f_type != TMPFS_MAGIC;
  }
  // Kernels before 6.5 do not tell what is cached.
  static bool cache_is_told() {
    return syscall(451, -1, nullptr, nullptr, 0) == 0 || errno != ENOSYS;
  }

  TemporaryDirectory temporary;
  std::unique_ptr<Directory> directory;
};

TEST_F(ReadAheadTest, GivesTheBytesOfEachStretchInOrder) {
  const auto first = file("first", (9u << 20) + 4096);
  const auto second = file("second", 5u << 20);
  for (const bool partly_cached : {false, true}) {
    drop_cache(*first);
    drop_cache(*second);
    ByteVector middle(5u << 20);
    if (partly_cached) {
      ASSERT_TRUE(first->read_at(4u << 20, middle));
    }
    ReadAhead ahead;
    ASSERT_EQ(ahead.add(*first, 4096, 9u << 20), on_disk());
    if (!on_disk()) continue;
    ASSERT_TRUE(ahead.add(*second, 0, 5u << 20));
    EXPECT_TRUE(ahead.goes_on_with(*first, 4096));
    EXPECT_EQ(take_all(ahead, *first, 4096, 9u << 20), 9u << 20);
    EXPECT_TRUE(ahead.goes_on_with(*second, 0));
    EXPECT_EQ(take_all(ahead, *second, 0, 5u << 20), 5u << 20);
    EXPECT_FALSE(ahead.next());
  }
}

TEST_F(ReadAheadTest, AFileInTheCacheIsReadInSteps) {
  const auto cached = file("file", 16u << 20);
  ByteVector bytes(16u << 20);
  ASSERT_TRUE(cached->read_at(0, bytes));
  ReadAhead ahead;
  EXPECT_EQ(ahead.add(*cached, 0, 16u << 20), !cache_is_told());
}

TEST_F(ReadAheadTest, EndsWhereTheFileDoesNotReach) {
  const auto shorter = file("file", 5u << 20);
  drop_cache(*shorter);
  ReadAhead ahead;
  ASSERT_EQ(ahead.add(*shorter, 0, 20u << 20), on_disk());
  if (!on_disk()) return;
  EXPECT_EQ(take_all(ahead, *shorter, 0, 20u << 20), 4u << 20);
  EXPECT_FALSE(ahead.next());
}

TEST_F(ReadAheadTest, MayBeLeftWithReadsUnderWay) {
  const auto left = file("file", 16u << 20);
  for (int i = 0; i < 20; ++i) {
    drop_cache(*left);
    ReadAhead ahead;
    ASSERT_EQ(ahead.add(*left, 0, 16u << 20), on_disk());
    EXPECT_EQ(ahead.next().has_value(), on_disk());
  }
}

TEST_F(ReadAheadTest, AForkedChildDoesNotTouchTheQueue) {
  const auto shared = file("file", 16u << 20);
  drop_cache(*shared);
  ReadAhead ahead;
  ASSERT_EQ(ahead.add(*shared, 0, 16u << 20), on_disk());
  if (!on_disk()) return;
  ASSERT_TRUE(ahead.next());
  ChildProcess child([&](ChildProcess::Channel&) { return ahead.next() ? 2 : 0; });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(take_all(ahead, *shared, 4u << 20, 16u << 20), 16u << 20);
}

TEST_F(ReadAheadTest, ARefusedRingLeavesAllToPlainReads) {
  const auto refused = file("file", 16u << 20);
  drop_cache(*refused);
  ChildProcess child([&](ChildProcess::Channel&) {
    const rlimit limit{0, 0};  // what is open stays open
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
    ReadAhead ahead;
    return ahead.add(*refused, 0, 16u << 20) ? 3 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(ReadAheadTest, TheEnvironmentAsksForPlainReads) {
  const auto plain = file("file", 16u << 20);
  drop_cache(*plain);
  ChildProcess child([&](ChildProcess::Channel&) {
    setenv("SYNCLINE_IO", "pwrite", 1);
    ReadAhead ahead;
    return ahead.add(*plain, 0, 16u << 20) ? 3 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace syncline
