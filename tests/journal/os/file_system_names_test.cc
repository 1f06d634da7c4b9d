// Names that leave the directory, links on the way, what is no regular file: each is refused by
// every call, and no descriptor is left open.
#include <unistd.h>

#include "journal/os/posix_path.h"
#include "tests/journal/os/file_system_fixture.h"
#include "tests/support/child_process.h"
#include "tests/support/fault_directory.h"

namespace syncline {
namespace {

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
  EXPECT_EQ(read_text(root / "here"), "stays");
  EXPECT_EQ(read_text(outside / "secret"), "untouched");
}

TEST_F(FileSystemTest, SymbolicLinksOnTheWayAreRefusedByEveryCall) {
  const TemporaryDirectory outside;
  put(outside / "secret", "untouched");
  fs::create_directory(outside / "directory");
  put(root / "here", "stays");
  fs::create_directory(root / "real");
  fs::create_symlink(outside.path(), root / "link");
  fs::create_symlink("real", root / "inner_link");
  for (const auto& [call_name, call] : calls()) {
    for (const char* name :
         {"link/secret", "link/directory", "link/new", "inner_link/new", "real/../link/secret"}) {
      EXPECT_EQ(call(name), Code::kUnsafePath) << call_name << " of " << name;
    }
  }
  EXPECT_EQ(read_text(outside / "secret"), "untouched");
  EXPECT_TRUE(fs::exists(outside / "directory"));
  EXPECT_FALSE(fs::exists(outside / "new"));
  EXPECT_TRUE(fs::is_empty(root / "real"));
}

TEST_F(FileSystemTest, AFinalSymbolicLinkIsNeverFollowed) {
  const TemporaryDirectory outside;
  put(outside / "secret", "untouched");
  fs::create_symlink(outside / "secret", root / "link");
  fs::create_symlink(outside / "missing", root / "dangling");
  fs::create_symlink(outside.path(), root / "directory_link");
  for (const char* name : {"link", "dangling", "directory_link"}) {
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
  EXPECT_EQ(read_text(root / "link"), "new");
  EXPECT_EQ(read_text(outside / "secret"), "untouched");
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
  fs::create_directory(root / "directory");
  put(root / "file", "x");
  for (const bool write : {false, true}) {
    EXPECT_EQ(code_of(directory->open_file("fifo", {.write = write})), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->open_file("directory", {.write = write})), Code::kUnsafePath);
    EXPECT_EQ(code_of(directory->open_file("file/below", {.write = write})), Code::kUnsafePath);
  }
  EXPECT_EQ(code_of(directory->open_lock("fifo")), Code::kUnsafePath);
  EXPECT_EQ(code_of(directory->map_page("fifo", 4096)), Code::kUnsafePath);
  EXPECT_EQ(code_of(directory->make_directories("file/below")), Code::kUnsafePath);
}

TEST_F(FileSystemTest, EveryDescriptorClosesOnExec) {
  const std::set<int> before = open_descriptors();
  fs::create_directory(root / "directory");
  const auto again = open_directory_at(root.path());
  const auto sub = directory->open_directory("directory");
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

}  // namespace
}  // namespace syncline
