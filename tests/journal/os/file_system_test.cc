// What files and directories of the seam do. Which names it takes is file_system_names_test.cc;
// files that come whole or not at all are whole_file_test.cc.
#include "journal/os/file_system.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "journal/base/aligned_buffer.h"
#include "journal/base/block.h"
#include "tests/journal/os/file_system_fixture.h"
#include "tests/support/child_process.h"
#include "tests/support/fault_directory.h"

namespace syncline {
namespace {

TEST_F(FileSystemTest, ReadsAndWritesGoWhereTheySay) {
  auto file = directory->open_file("file", {.write = true, .create = true});
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_at(3, as_bytes("abc")));
  ByteVector buffer(10, std::byte{0xff});
  const auto count = (*file)->read_at(0, buffer);
  ASSERT_TRUE(count);
  EXPECT_EQ(as_text(ByteSpan(buffer).first(*count)), std::string_view("\0\0\0abc", 6));
  EXPECT_EQ((*file)->read_at(6, buffer).value(), 0U);
  EXPECT_EQ((*file)->read_at(1000, buffer).value(), 0U);
  ASSERT_TRUE((*file)->truncate(4));
  EXPECT_EQ((*file)->info()->size_bytes, 4U);
  ASSERT_TRUE((*file)->sync_data());
  ASSERT_TRUE((*file)->close());
  ASSERT_TRUE((*file)->close());
  EXPECT_EQ(read_text(root / "file"), std::string("\0\0\0a", 4));
}

TEST_F(FileSystemTest, WhatIsReservedHasItsBlocksAndReadsAsZeros) {
  for (const bool direct : {false, true}) {
    const std::string name = direct ? "direct" : "buffered";
    auto opened = directory->open_file(name, {.write = true, .create = true, .direct = direct});
    ASSERT_TRUE(opened);
    File* const file = opened->get();
    AlignedBuffer buffer;
    std::byte* const block = buffer.reserve(kBlockBytes);
    std::memset(block, 'a', kBlockBytes);
    ASSERT_TRUE(file->write_at(0, {block, kBlockBytes}));
    ASSERT_TRUE(file->reserve(kBlockBytes, 300 * kBlockBytes));
    ASSERT_TRUE(file->reserve(300 * kBlockBytes, 300 * kBlockBytes));
    struct stat status{};
    ASSERT_EQ(fstat(file->descriptor(), &status), 0);
    EXPECT_EQ(status.st_size, 300 * kBlockBytes);
    EXPECT_GE(status.st_blocks * 512, 300 * kBlockBytes);
    const std::string content = read_text(root / name);
    EXPECT_EQ(content, std::string(kBlockBytes, 'a') + std::string(299 * kBlockBytes, '\0'));
  }
}

TEST_F(FileSystemTest, ReservingMoreThanAFileMayHoldIsTold) {
  ChildProcess child([&](ChildProcess::Channel&) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    auto file = directory->open_file("file", {.write = true, .create = true});
    if (!file) return 3;
    const Status reserved = (*file)->reserve(0, 16'384);
    return !reserved && reserved.error().sys_errno == EFBIG ? 0 : 4;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(FileSystemTest, WritingWhatIsOpenForReadingFails) {
  put(root / "file", "x");
  auto file = directory->open_file("file", {});
  ASSERT_TRUE(file);
  const Status written = (*file)->write_at(0, as_bytes("y"));
  EXPECT_EQ(code_of(written), Code::kIo);
  EXPECT_EQ(written.error().sys_errno, EBADF);
  EXPECT_EQ(read_text(root / "file"), "x");
}

TEST_F(FileSystemTest, AnErrorMayLeaveAPartWrittenAndIsTold) {
  ChildProcess child([&](ChildProcess::Channel&) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    auto file = directory->open_file("file", {.write = true, .create = true});
    if (!file) return 3;
    const Status written = (*file)->write_at(0, ByteVector(16'384, std::byte{1}));
    return !written && written.error().sys_errno == EFBIG ? 0 : 4;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(fs::file_size(root / "file"), 10'000U);
}

TEST_F(FileSystemTest, AFileThatCannotBeSyncedSaysSo) {
  // A file of /proc has no fsync of its own.
  const auto proc = open_posix_directory("/proc/self");
  ASSERT_TRUE(proc);
  const auto status_file = (*proc)->open_file("status", {});
  ASSERT_TRUE(status_file);
  const Status synced = (*status_file)->sync_data();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().sys_errno, EINVAL);
}

TEST_F(FileSystemTest, OpenFlagsMeanWhatTheySay) {
  const mode_t umask_before = umask(022);
  EXPECT_EQ(code_of(directory->open_file("file", {})), Code::kNotFound);
  EXPECT_EQ(code_of(directory->open_file("file", {.write = true})), Code::kNotFound);
  ASSERT_TRUE(directory->open_file("file", {.write = true, .create = true, .exclusive = true}));
  EXPECT_EQ(mode_of(root / "file"), 0644U);
  EXPECT_EQ(
      code_of(directory->open_file("file", {.write = true, .create = true, .exclusive = true})),
      Code::kExists);
  ASSERT_TRUE(
      directory->open_file("secret", {.write = true, .create = true, .private_mode = true}));
  EXPECT_EQ(mode_of(root / "secret"), 0600U);
  ASSERT_TRUE(directory->open_lock("lock"));
  EXPECT_EQ(mode_of(root / "lock"), 0600U);
  ASSERT_TRUE(directory->make_directories("open/deep"));
  ASSERT_TRUE(directory->make_directories("private/deep", true));
  EXPECT_EQ(mode_of(root / "open/deep"), 0755U);
  EXPECT_EQ(mode_of(root / "private"), 0700U);
  EXPECT_EQ(mode_of(root / "private/deep"), 0700U);
  umask(umask_before);
}

struct AlignedBuffer {
  explicit AlignedBuffer(size_t size_bytes)
      : memory(static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, size_bytes)), std::free),
        bytes(memory.get(), size_bytes) {}
  std::unique_ptr<std::byte, void (*)(void*)> memory;
  MutableByteSpan bytes;
};

void write_and_read_in_blocks(Directory& directory) {
  auto file = directory.open_file("direct", {.write = true, .create = true, .direct = true});
  ASSERT_TRUE(file) << file.error().message;
  const AlignedBuffer buffer(4 * kBlockBytes);
  std::fill(buffer.bytes.begin(), buffer.bytes.end(), std::byte{7});
  ASSERT_TRUE((*file)->write_at(kBlockBytes, buffer.bytes.first(2 * kBlockBytes)));
  ASSERT_TRUE((*file)->sync_data());
  // The end of the file stops a direct read wherever it is.
  for (const uint64_t size : {3 * kBlockBytes, 2 * kBlockBytes + 512, 2 * kBlockBytes + 1}) {
    ASSERT_TRUE((*file)->truncate(size));
    EXPECT_EQ((*file)->read_at(0, buffer.bytes).value(), size);
    EXPECT_EQ(buffer.bytes[kBlockBytes - 1], std::byte{0});
    EXPECT_EQ(buffer.bytes[2 * kBlockBytes], std::byte{7});
    EXPECT_EQ((*file)->read_at(3 * kBlockBytes, buffer.bytes).value(), 0U);
  }
}

TEST_F(FileSystemTest, DirectFilesReadAndWriteBlocks) {
  write_and_read_in_blocks(*directory);
}

TEST_F(FileSystemTest, DirectOnAFileSystemInMemoryWorksEitherWay) {
  if (!fs::is_directory("/dev/shm")) GTEST_SKIP() << "no /dev/shm";
  const TemporaryDirectory in_memory("syncline-test", "/dev/shm");
  write_and_read_in_blocks(*open_directory_at(in_memory.string()));
}

TEST_F(FileSystemTest, DirectIsBufferedWhereTheFileSystemDoesNotKnowIt) {
  const auto proc = open_directory_at("/proc/self");
  const auto file = proc->open_file("status", {.direct = true});
  ASSERT_TRUE(file);
  EXPECT_FALSE((*file)->direct());
  ByteVector buffer(5);
  ASSERT_EQ((*file)->read_at(0, buffer).value(), 5U);
  EXPECT_EQ(as_text(buffer), "Name:");
}

TEST_F(FileSystemTest, ListsAreSortedAndHideNothingOfOurs) {
  for (const char* name : {"b", "a", ".hidden", "c with space"}) put(root / name, "");
  EXPECT_EQ(directory->list(".").value(),
            (std::vector<std::string>{".hidden", "a", "b", "c with space"}));
  EXPECT_EQ(directory->list(".").value().size(), 4U) << "a second listing begins anew";
  fs::create_directory(root / "empty");
  EXPECT_TRUE(directory->list("empty").value().empty());
  EXPECT_EQ(code_of(directory->list("missing")), Code::kNotFound);
  EXPECT_EQ(code_of(directory->list("a")), Code::kUnsafePath);
}

TEST_F(FileSystemTest, SlashesInNamesReachBelow) {
  ASSERT_TRUE(directory->make_directories("journal/old"));
  ASSERT_TRUE(directory->make_directories("journal/old"));
  ASSERT_TRUE(directory->create_whole("journal/0001.seg", as_bytes("x")));
  ASSERT_TRUE(directory->rename("journal/0001.seg", "journal/old/0001.seg"));
  ASSERT_TRUE(directory->sync_directory("journal"));
  ASSERT_TRUE(directory->sync_directory("journal/old"));
  ASSERT_TRUE(directory->sync_directory("."));
  ASSERT_TRUE(directory->sync_file_system());
  EXPECT_EQ(directory->info("journal/old/0001.seg")->size_bytes, 1U);
  EXPECT_EQ(directory->info(".")->type, FileInfo::Type::kDirectory);
  const auto sub = directory->open_directory("journal/old");
  ASSERT_TRUE(sub);
  EXPECT_EQ((*sub)->path(), root.string() + "/journal/old");
  EXPECT_EQ(read_file(**sub, "0001.seg").value(), "x");
  EXPECT_FALSE(directory->remove_directory("journal/old")) << "not empty";
  ASSERT_TRUE(directory->remove_file("journal/old/0001.seg"));
  ASSERT_TRUE(directory->remove_directory("journal/old"));
  EXPECT_EQ(code_of(directory->remove_file("journal/old/0001.seg")), Code::kNotFound);
  EXPECT_EQ(code_of(directory->info("journal/old")), Code::kNotFound);
  EXPECT_EQ(code_of(directory->sync_directory("journal/old")), Code::kNotFound);
  EXPECT_EQ(code_of(directory->create_whole("journal/", as_bytes("x"))), Code::kInvalid);
  EXPECT_EQ(code_of(directory->remove_directory(".")), Code::kInvalid);
}

TEST_F(FileSystemTest, IdentityStaysOnReopeningAndChangesWithACopy) {
  fs::create_directory(root / "store");
  const auto store = open_directory_at(root / "store");
  const auto identity = store->identity();
  ASSERT_TRUE(identity);
  EXPECT_EQ(*identity, open_directory_at(root / "store")->identity().value());
  fs::copy(root / "store", root / "copy", fs::copy_options::recursive);
  EXPECT_NE(*identity, open_directory_at(root / "copy")->identity().value());
  fs::rename(root / "store", root / "moved");
  EXPECT_EQ(*identity, store->identity().value());
}

TEST_F(FileSystemTest, CacheTokenIsOfTheMountAndTheBoot) {
  const auto token = directory->cache_token();
  ASSERT_TRUE(token);
  if (token->empty()) GTEST_SKIP() << "this kernel has no unique mount ids";
  EXPECT_EQ(*token, open_directory_at(root.path())->cache_token().value());
  EXPECT_NE(*token, open_directory_at("/proc")->cache_token().value());
}

TEST_F(FileSystemTest, PagesGrowAndAreNeverShrunkOrCleared) {
  {
    const auto page = directory->map_page("page", 4096);
    ASSERT_TRUE(page);
    EXPECT_EQ((*page)->bytes().size(), 4096U);
    EXPECT_EQ((*page)->bytes()[4095], std::byte{0});
    (*page)->bytes()[0] = std::byte{42};
  }
  const auto larger = directory->map_page("page", 8192);
  const auto smaller = directory->map_page("page", 4096);
  ASSERT_TRUE(larger && smaller);
  EXPECT_EQ(fs::file_size(root / "page"), 8192U);
  EXPECT_EQ((*larger)->bytes()[0], std::byte{42});
  (*smaller)->bytes()[1] = std::byte{43};
  EXPECT_EQ((*larger)->bytes()[1], std::byte{43});
  // Stores into the page must not meet a full disk: its blocks are there from the beginning.
  struct stat status{};
  ASSERT_EQ(stat((root / "page").c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 8192);
}

TEST_F(FileSystemTest, AMissingDirectoryIsNotFound) {
  EXPECT_EQ(code_of(open_posix_directory(root.string() + "/missing")), Code::kNotFound);
  put(root / "file", "");
  EXPECT_FALSE(open_posix_directory(root.string() + "/file"));
  // The way to the store itself may go over links.
  fs::create_symlink(root.path(), root / "link");
  EXPECT_TRUE(open_posix_directory(root.string() + "/link"));
}

TEST_F(FileSystemTest, PlannedFaultsComeOnceOrForGood) {
  const auto faults = std::make_shared<Faults>();
  FaultDirectory failing(*directory, faults);
  auto file = failing.open_file("file", {.write = true, .create = true});
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->descriptor(), -1);
  faults->fail(FaultCall::kSyncData, 2, EIO);
  EXPECT_TRUE((*file)->sync_data());
  EXPECT_EQ(code_of((*file)->sync_data()), Code::kIo);
  EXPECT_TRUE((*file)->sync_data());
  faults->fail(FaultCall::kWrite, 2, ENOSPC, Faults::kSticky);
  EXPECT_TRUE((*file)->write_at(0, as_bytes("abc")));
  EXPECT_EQ(code_of((*file)->write_at(3, as_bytes("d"))), Code::kRetryLater);
  EXPECT_EQ(code_of((*file)->write_at(3, as_bytes("d"))), Code::kRetryLater);
  faults->clear();
  faults->fail_short_write(1, EIO, 1);
  EXPECT_FALSE((*file)->write_at(3, as_bytes("de")));
  EXPECT_EQ(read_text(root / "file"), "abcd");
  EXPECT_EQ(faults->failures(), 4U);
  const auto sub = failing.open_directory(".");
  faults->fail(FaultCall::kRename, 1, EXDEV);
  EXPECT_EQ(code_of((*sub)->rename("file", "other")), Code::kUnsafePath);
}

}  // namespace
}  // namespace syncline
