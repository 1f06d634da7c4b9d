#include "journal/os/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include "journal/base/block.h"
#include "journal/os/posix_path.h"
#include "journal/os/whole_file.h"
#include "tests/support/child_process.h"
#include "tests/support/fault_directory.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

void put(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::unique_ptr<Directory> open_directory_at(const fs::path& path) {
  auto opened = open_posix_directory(path.string());
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

template <typename T>
Code code_of(const Result<T>& result) {
  return result ? Code::kInternal : result.error().code;
}

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

std::set<int> open_descriptors() {
  std::set<int> open;
  for (int descriptor = 0; descriptor < 256; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0) open.insert(descriptor);
  }
  return open;
}

class FileSystemTest : public testing::Test {
 protected:
  FileSystemTest() : directory(open_directory_at(root.path())) {}

  // Every call of the seam that takes a name, for promises that hold for all of them.
  std::vector<std::pair<std::string, std::function<Code(const std::string&)>>> calls() {
    return {
        {"open_file", [&](auto& name) { return code_of(directory->open_file(name, {})); }},
        {"open_file to create",
         [&](auto& name) {
           return code_of(directory->open_file(name, {.write = true, .create = true}));
         }},
        {"open_directory", [&](auto& name) { return code_of(directory->open_directory(name)); }},
        {"make_directories",
         [&](auto& name) { return code_of(directory->make_directories(name)); }},
        {"create_whole",
         [&](auto& name) { return code_of(directory->create_whole(name, as_bytes("x"))); }},
        {"rename from", [&](auto& name) { return code_of(directory->rename(name, "new")); }},
        {"rename to", [&](auto& name) { return code_of(directory->rename("here", name)); }},
        {"remove_file", [&](auto& name) { return code_of(directory->remove_file(name)); }},
        {"remove_directory",
         [&](auto& name) { return code_of(directory->remove_directory(name)); }},
        {"info", [&](auto& name) { return code_of(directory->info(name)); }},
        {"list", [&](auto& name) { return code_of(directory->list(name)); }},
        {"sync_directory", [&](auto& name) { return code_of(directory->sync_directory(name)); }},
        {"open_lock", [&](auto& name) { return code_of(directory->open_lock(name)); }},
        {"map_page", [&](auto& name) { return code_of(directory->map_page(name, 4096)); }},
        {"read_file", [&](auto& name) { return code_of(read_file(*directory, name)); }},
        {"replace_file",
         [&](auto& name) { return code_of(replace_file(*directory, name, as_bytes("x"))); }},
    };
  }

  TemporaryDirectory root;
  std::unique_ptr<Directory> directory;
};

TEST_F(FileSystemTest, NamesThatLeaveTheDirectoryAreRefusedByEveryCall) {
  fs::create_directory(root / "in");
  put(root / "here", "stays");
  const TemporaryDirectory outside;
  put(outside / "secret", "untouched");
  const std::vector<std::string> names = {"..",
                                          "../x",
                                          "in/..",
                                          "in/../here",
                                          "in/../../x",
                                          "/",
                                          (outside / "secret").string(),
                                          "./../x",
                                          "in//../x",
                                          "",
                                          std::string("he\0re", 5)};
  for (const auto& [call_name, call] : calls()) {
    for (const std::string& name : names) {
      EXPECT_EQ(call(name), Code::kUnsafePath) << call_name << " of '" << name << "'";
    }
  }
  EXPECT_EQ(content_of(root / "here"), "stays");
  EXPECT_EQ(content_of(outside / "secret"), "untouched");
}

TEST_F(FileSystemTest, SymbolicLinksOnTheWayAreRefusedByEveryCall) {
  const TemporaryDirectory outside;
  put(outside / "secret", "untouched");
  fs::create_directory(outside / "folder");
  put(root / "here", "stays");
  fs::create_directory(root / "real");
  fs::create_symlink(outside.path(), root / "link");
  fs::create_symlink("real", root / "inner_link");
  for (const auto& [call_name, call] : calls()) {
    for (const char* name :
         {"link/secret", "link/folder", "link/new", "inner_link/new", "real/../link/secret"}) {
      EXPECT_EQ(call(name), Code::kUnsafePath) << call_name << " of " << name;
    }
  }
  EXPECT_EQ(content_of(outside / "secret"), "untouched");
  EXPECT_TRUE(fs::exists(outside / "folder"));
  EXPECT_FALSE(fs::exists(outside / "new"));
  EXPECT_TRUE(fs::is_empty(root / "real"));
}

TEST_F(FileSystemTest, AFinalSymbolicLinkIsNeverFollowed) {
  const TemporaryDirectory outside;
  put(outside / "secret", "untouched");
  fs::create_symlink(outside / "secret", root / "link");
  fs::create_symlink(outside / "missing", root / "dangling");
  fs::create_symlink(outside.path(), root / "folder_link");
  for (const char* name : {"link", "dangling", "folder_link"}) {
    EXPECT_EQ(code_of(directory->open_file(name, {})), Code::kUnsafePath) << name;
    EXPECT_EQ(code_of(directory->open_file(name, {.write = true, .create = true})),
              Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->create_whole(name, as_bytes("x"))), Code::kExists);
    EXPECT_EQ(code_of(directory->open_directory(name)), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->make_directories(name)), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->list(name)), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->open_lock(name)), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->map_page(name, 4096)), Code::kUnsafePath);
    const auto info = directory->info(name);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->type, FileInfo::Type::kSymlink);
    // Removing and replacing concern the link, not what it points to.
    ASSERT_TRUE(directory->remove_file(name));
    EXPECT_FALSE(fs::is_symlink(root / name));
  }
  fs::create_symlink(outside / "secret", root / "link");
  ASSERT_TRUE(replace_file(*directory, "link", as_bytes("new")));
  EXPECT_FALSE(fs::is_symlink(root / "link"));
  EXPECT_EQ(content_of(root / "link"), "new");
  EXPECT_EQ(content_of(outside / "secret"), "untouched");
  EXPECT_FALSE(fs::exists(outside / "missing"));
}

TEST_F(FileSystemTest, MagicLinksAreRefused) {
  const auto proc = open_directory_at("/proc/self");
  EXPECT_EQ(code_of(proc->open_directory("cwd")), Code::kUnsafePath);
  EXPECT_EQ(code_of(proc->open_file("exe", {})), Code::kUnsafePath);
}

TEST_F(FileSystemTest, TheWalkByComponentsAnswersAsTheKernelDoes) {
  fs::create_directories(root / "a/b");
  put(root / "a/b/file", "x");
  fs::create_symlink("b", root / "a/link");
  fs::create_symlink("file", root / "a/b/file_link");
  const int at = open(root.string().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_GE(at, 0);
  const PosixFd at_owner(at);
  for (const char* name :
       {"a", "a/b", "a/b/file", "a//b/./file", "a/link", "a/link/file", "a/b/file_link",
        "a/b/file/x", "a/missing", "missing/x", ".", "a/", "a/b/file/"}) {
    for (const int flags : {O_RDONLY, O_RDONLY | O_DIRECTORY, O_PATH | O_DIRECTORY}) {
      const auto by_kernel = open_beneath(at, name, flags, 0, "open ");
      const PosixFd by_walk(open_by_components(at, name, flags, 0));
      const int walk_errno = by_walk.get() < 0 ? errno : 0;
      EXPECT_EQ(by_kernel ? 0 : by_kernel.error().sys_errno, walk_errno)
          << name << " with flags " << flags;
      if (by_walk.get() >= 0) {
        EXPECT_EQ(fcntl(by_walk.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
      }
    }
  }
  // What open_beneath refuses by its text, the walk refuses by itself.
  for (const char* name : {"..", "a/..", "a/../a"}) {
    EXPECT_EQ(open_by_components(at, name, O_RDONLY, 0), -1) << name;
    EXPECT_EQ(errno, EXDEV) << name;
  }
  const PosixFd created(open_by_components(at, "a/b/new", O_RDWR | O_CREAT | O_EXCL, 0600));
  EXPECT_GE(created.get(), 0);
  EXPECT_EQ(mode_of(root / "a/b/new"), 0600U);
}

TEST_F(FileSystemTest, WhatIsNoRegularFileIsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo((root / "fifo").c_str(), 0600), 0);
  fs::create_directory(root / "folder");
  put(root / "file", "x");
  for (const bool write : {false, true}) {
    EXPECT_EQ(code_of(directory->open_file("fifo", {.write = write})), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->open_file("folder", {.write = write})), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->open_file("file/below", {.write = write})), Code::kUnsafePath);
  }
  EXPECT_EQ(code_of(directory->open_lock("fifo")), Code::kUnsafePath);
  EXPECT_EQ(code_of(directory->map_page("fifo", 4096)), Code::kUnsafePath);
  EXPECT_EQ(code_of(directory->make_directories("file/below")), Code::kUnsafePath);
}

TEST_F(FileSystemTest, EveryDescriptorClosesOnExec) {
  const std::set<int> before = open_descriptors();
  fs::create_directory(root / "folder");
  const auto again = open_directory_at(root.path());
  const auto sub = directory->open_directory("folder");
  const auto file = directory->open_file("file", {.write = true, .create = true});
  const auto lock = directory->open_lock("lock");
  const auto page = directory->map_page("page", 4096);
  ASSERT_TRUE(sub && file && lock && page);
  int added = 0;
  for (const int descriptor : open_descriptors()) {
    if (before.contains(descriptor)) continue;
    ++added;
    EXPECT_EQ(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC) << descriptor;
  }
  EXPECT_GE(added, 4);
  // Opening did not wait; reading and writing by io_uring must.
  EXPECT_EQ(fcntl((*file)->descriptor(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(FileSystemTest, FailuresLeakNoDescriptors) {
  put(root / "file", "x");
  const std::set<int> before = open_descriptors();
  for (const auto& [call_name, call] : calls()) {
    for (const char* name : {"missing/x", "file/x", "..", "file"}) call(name);
  }
  EXPECT_EQ(open_descriptors(), before);
}

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
  EXPECT_EQ(content_of(root / "file"), std::string("\0\0\0a", 4));
}

TEST_F(FileSystemTest, WritingWhatIsOpenForReadingFails) {
  put(root / "file", "x");
  auto file = directory->open_file("file", {});
  ASSERT_TRUE(file);
  const Status written = (*file)->write_at(0, as_bytes("y"));
  EXPECT_EQ(code_of(written), Code::kIo);
  EXPECT_EQ(written.error().sys_errno, EBADF);
  EXPECT_EQ(content_of(root / "file"), "x");
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
  std::string pattern = "/dev/shm/syncline-test-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  write_and_read_in_blocks(*open_directory_at(pattern));
  fs::remove_all(pattern);
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

TEST_F(FileSystemTest, CreateWholeNeverReplacesWhatIsThere) {
  put(root / "file", "old");
  fs::create_directory(root / "folder");
  EXPECT_EQ(code_of(directory->create_whole("file", as_bytes("new"))), Code::kExists);
  EXPECT_EQ(code_of(directory->create_whole("folder", as_bytes("new"))), Code::kExists);
  EXPECT_EQ(content_of(root / "file"), "old");
  EXPECT_EQ(code_of(directory->create_whole("missing/file", as_bytes("new"))), Code::kNotFound);
  EXPECT_EQ(directory->list(".").value(), (std::vector<std::string>{"file", "folder"}));
}

class CreateWholeTest : public FileSystemTest, public testing::WithParamInterface<bool> {
 protected:
  Status create(const std::string& name, ByteSpan content) {
    const int at = open(root.string().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const PosixFd at_owner(at);
    TRY_ASSIGN(const PosixEntry entry, open_parent_beneath(at, name, "create "));
    if (GetParam()) return create_by_hidden_file(entry, content, /*synced=*/false, name);
    TRY_ASSIGN(const bool created, create_by_unnamed_file(entry, content, /*synced=*/false, name));
    EXPECT_TRUE(created) << "this file system lacks O_TMPFILE";
    return {};
  }
};

TEST_P(CreateWholeTest, MakesTheFileAndLeavesNothingElse) {
  ASSERT_TRUE(create("file", as_bytes("whole")));
  ASSERT_TRUE(create("empty", {}));
  EXPECT_EQ(content_of(root / "file"), "whole");
  EXPECT_EQ(directory->list(".").value(), (std::vector<std::string>{"empty", "file"}));
  EXPECT_EQ(directory->info("file")->links, 1U);
  EXPECT_EQ(code_of(create("file", as_bytes("other"))), Code::kExists);
  EXPECT_EQ(content_of(root / "file"), "whole");
  EXPECT_EQ(directory->list(".").value(), (std::vector<std::string>{"empty", "file"}));
}

TEST_P(CreateWholeTest, LongestNamesWork) {
  const std::string name(255, 'n');
  ASSERT_TRUE(create(name, as_bytes("x")));
  EXPECT_EQ(content_of(root / name), "x");
  EXPECT_FALSE(create(std::string(256, 'n'), as_bytes("x")));
  EXPECT_EQ(directory->list(".").value().size(), 1U);
}

TEST_P(CreateWholeTest, OfManyAtOnceOneWinsWhole) {
  constexpr int kThreads = 8;
  std::atomic<int> winners = 0;
  std::atomic<int> winner = -1;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const Status created =
          create("file", as_bytes(std::string(100'000, static_cast<char>('a' + i))));
      if (created) {
        ++winners;
        winner = i;
      } else {
        EXPECT_EQ(created.error().code, Code::kExists) << created.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(winners, 1);
  EXPECT_EQ(content_of(root / "file"), std::string(100'000, static_cast<char>('a' + winner)));
  EXPECT_EQ(directory->list(".").value(), std::vector<std::string>{"file"});
}

TEST_P(CreateWholeTest, AWriteThatFailsLeavesNothing) {
  ChildProcess child([&](ChildProcess::Channel&) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const Status created = create("file", ByteVector(16'384, std::byte{1}));
    return !created && created.error().sys_errno == EFBIG ? 0 : 3;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(directory->list(".").value().empty());
}

INSTANTIATE_TEST_SUITE_P(Ways, CreateWholeTest, testing::Bool(),
                         [](const auto& way) { return way.param ? "HiddenFile" : "UnnamedFile"; });

TEST_F(FileSystemTest, HiddenFilesLeftByACrashAreSteppedOver) {
  put(root / temporary_name("file", 0), "left");
  put(root / temporary_name("file", 1), "left");
  ASSERT_TRUE(replace_file(*directory, "file", as_bytes("new")));
  EXPECT_EQ(content_of(root / "file"), "new");
  EXPECT_EQ(content_of(root / temporary_name("file", 0)), "left");
  EXPECT_EQ(directory->list(".").value().size(), 3U);
}

TEST_F(FileSystemTest, ReplaceFileKeepsTheOldContentUntilTheNewIsWhole) {
  ASSERT_TRUE(directory->make_directories("sub"));
  const struct {
    FaultCall call;
    int sys_errno;
    bool durable_only;
  } steps[] = {{FaultCall::kInfo, EACCES, false},  {FaultCall::kOpenFile, EMFILE, false},
               {FaultCall::kWrite, ENOSPC, false}, {FaultCall::kSyncData, EIO, true},
               {FaultCall::kClose, EIO, false},    {FaultCall::kRename, EIO, false}};
  for (const auto& step : steps) {
    for (const bool durable : {true, false}) {
      put(root / "sub/file", "old");
      const auto faults = std::make_shared<Faults>();
      FaultDirectory failing(*directory, faults);
      faults->fail(step.call, 1, step.sys_errno);
      const Status replaced = replace_file(failing, "sub/file", as_bytes("new"), durable);
      if (step.durable_only && !durable) {
        EXPECT_TRUE(replaced);
        EXPECT_EQ(content_of(root / "sub/file"), "new");
        continue;
      }
      ASSERT_FALSE(replaced);
      EXPECT_EQ(replaced.error().sys_errno, step.sys_errno);
      EXPECT_EQ(content_of(root / "sub/file"), "old");
      EXPECT_EQ(directory->list("sub").value(), std::vector<std::string>{"file"});
    }
  }
  // A short write is no half file either.
  const auto faults = std::make_shared<Faults>();
  FaultDirectory failing(*directory, faults);
  put(root / "sub/file", "old");
  faults->fail_short_write(1, ENOSPC, 2);
  EXPECT_EQ(code_of(replace_file(failing, "sub/file", as_bytes("new"))), Code::kRetryLater);
  EXPECT_EQ(content_of(root / "sub/file"), "old");
  // The rename happened, but nobody may call it durable.
  faults->fail(FaultCall::kSyncDirectory, 1, EIO);
  EXPECT_EQ(code_of(replace_file(failing, "sub/file", as_bytes("new"))), Code::kIo);
  EXPECT_EQ(faults->calls(FaultCall::kSyncData), 1U);
}

TEST_F(FileSystemTest, ReplaceFileSyncsOnlyWhenDurabilityIsAskedFor) {
  const auto faults = std::make_shared<Faults>();
  FaultDirectory counting(*directory, faults);
  ASSERT_TRUE(replace_file(counting, "cache", as_bytes("x"), false));
  EXPECT_EQ(faults->calls(FaultCall::kSyncData) + faults->calls(FaultCall::kSyncDirectory), 0U);
  ASSERT_TRUE(replace_file(counting, "cache", as_bytes("x"), true));
  EXPECT_EQ(faults->calls(FaultCall::kSyncData), 1U);
  EXPECT_EQ(faults->calls(FaultCall::kSyncDirectory), 1U);
}

TEST_F(FileSystemTest, ReplaceFileKeepsASecretSecret) {
  put(root / "secret", "old");
  fs::permissions(root / "secret", fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(replace_file(*directory, "secret", as_bytes("new")));
  EXPECT_EQ(mode_of(root / "secret"), 0600U);
}

TEST_F(FileSystemTest, ReadFileRefusesMoreThanItWasAllowed) {
  put(root / "file", "12345");
  EXPECT_EQ(read_file(*directory, "file", 5).value(), "12345");
  EXPECT_EQ(code_of(read_file(*directory, "file", 4)), Code::kInvalid);
  EXPECT_EQ(code_of(read_file(*directory, "missing")), Code::kNotFound);
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
  EXPECT_EQ(content_of(root / "file"), "abcd");
  EXPECT_EQ(faults->failures(), 4U);
  const auto sub = failing.open_directory(".");
  faults->fail(FaultCall::kRename, 1, EXDEV);
  EXPECT_EQ(code_of((*sub)->rename("file", "other")), Code::kUnsafePath);
}

}  // namespace
}  // namespace syncline
