// The system calls below the file seam, interrupted by signals and cut short: EINTR is retried
// there and nowhere else, a short transfer is continued, and a sync is never tried again.
//
// This program's own pwrite, pread, ftruncate, flock and fdatasync stand in front of the C
// library's and do what the plan says before they ask the kernel.
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "journal/os/file_system.h"
#include "tests/support/temporary_directory.h"

namespace {

struct Plan {
  int interrupts = 0;           // so many calls answer EINTR first
  size_t bytes_max = SIZE_MAX;  // no transfer moves more
  int calls = 0;
};
Plan plan;

bool interrupted() {
  ++plan.calls;
  if (plan.interrupts == 0) return false;
  --plan.interrupts;
  errno = EINTR;
  return true;
}

}  // namespace

extern "C" {
ssize_t pwrite(int descriptor, const void* from, size_t count, off_t offset) {
  if (interrupted()) return -1;
  return syscall(SYS_pwrite64, descriptor, from, std::min(count, plan.bytes_max), offset);
}
ssize_t pread(int descriptor, void* into, size_t count, off_t offset) {
  if (interrupted()) return -1;
  return syscall(SYS_pread64, descriptor, into, std::min(count, plan.bytes_max), offset);
}
int ftruncate(int descriptor, off_t size) noexcept {
  if (interrupted()) return -1;
  return static_cast<int>(syscall(SYS_ftruncate, descriptor, size));
}
int flock(int descriptor, int operation) noexcept {
  if (interrupted()) return -1;
  return static_cast<int>(syscall(SYS_flock, descriptor, operation));
}
int fdatasync(int descriptor) {
  if (interrupted()) return -1;
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}
}

namespace syncline {
namespace {

class InterruptedCalls : public testing::Test {
 protected:
  void SetUp() override {
    directory = *open_posix_directory(temporary.path().string());
    file = *directory->open_file("file", {.write = true, .create = true});
    plan = {};
  }
  void TearDown() override { plan = {}; }
  std::string content() {
    plan = {};
    return *read_file(*directory, "file");
  }

  TemporaryDirectory temporary;
  std::unique_ptr<Directory> directory;
  std::unique_ptr<File> file;
};

TEST_F(InterruptedCalls, AWriteGoesOn) {
  plan.interrupts = 3;
  ASSERT_TRUE(file->write_at(0, as_bytes("whole")));
  EXPECT_EQ(plan.calls, 4);
  EXPECT_EQ(content(), "whole");
}

TEST_F(InterruptedCalls, AShortWriteIsContinued) {
  plan.bytes_max = 3;
  ASSERT_TRUE(file->write_at(2, as_bytes("0123456789")));
  EXPECT_EQ(plan.calls, 4);
  EXPECT_EQ(content(), std::string(2, '\0') + "0123456789");
}

TEST_F(InterruptedCalls, AFileMadeWholeIsWhole) {
  plan = {.interrupts = 2, .bytes_max = 7};
  ASSERT_TRUE(directory->create_whole("made", as_bytes("a text of some length")));
  plan = {};
  EXPECT_EQ(*read_file(*directory, "made"), "a text of some length");
}

TEST_F(InterruptedCalls, AReadGoesOnAndAShortOneIsContinued) {
  ASSERT_TRUE(file->write_at(0, as_bytes("0123456789")));
  plan = {.interrupts = 2, .bytes_max = 4};
  std::string text(10, ' ');
  const auto count = file->read_at(0, std::as_writable_bytes(std::span(text)));
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 10u);
  EXPECT_EQ(text, "0123456789");
}

TEST_F(InterruptedCalls, ATruncationGoesOn) {
  ASSERT_TRUE(file->write_at(0, as_bytes("0123456789")));
  plan.interrupts = 2;
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(content(), "0123");
}

TEST_F(InterruptedCalls, WaitingForALockGoesOn) {
  auto lock = directory->open_lock("lock");
  ASSERT_TRUE(lock);
  plan.interrupts = 2;
  EXPECT_TRUE((*lock)->lock(FileLock::Mode::kExclusive, kForever));
  plan.interrupts = 2;
  const auto tried = (*lock)->try_lock(FileLock::Mode::kExclusive);
  ASSERT_TRUE(tried);
  EXPECT_TRUE(*tried);
}

// The interrupted call may have taken the error of a failed write-back with it.
TEST_F(InterruptedCalls, ASyncIsNeverTriedAgain) {
  plan.interrupts = 1;
  const Status synced = file->sync_data();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().sys_errno, EINTR);
  EXPECT_EQ(plan.calls, 1);
}

}  // namespace
}  // namespace syncline
