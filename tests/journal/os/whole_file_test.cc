// Files that come whole or not at all: created, replaced, read within a limit.
#include "journal/os/whole_file.h"

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/journal/os/file_system_fixture.h"
#include "tests/support/child_process.h"
#include "tests/support/fault_directory.h"

namespace syncline {
namespace {

TEST_F(FileSystemTest, CreateWholeNeverReplacesWhatIsThere) {
  put(root / "file", "old");
  fs::create_directory(root / "directory");
  EXPECT_EQ(code_of(directory->create_whole("file", as_bytes("new"))), Code::kExists);
  EXPECT_EQ(code_of(directory->create_whole("directory", as_bytes("new"))), Code::kExists);
  EXPECT_EQ(read_text(root / "file"), "old");
  EXPECT_EQ(code_of(directory->create_whole("missing/file", as_bytes("new"))), Code::kNotFound);
  EXPECT_EQ(directory->list(".").value(), (std::vector<std::string>{"directory", "file"}));
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
  EXPECT_EQ(read_text(root / "file"), "whole");
  EXPECT_EQ(directory->list(".").value(), (std::vector<std::string>{"empty", "file"}));
  EXPECT_EQ(directory->info("file")->links, 1U);
  EXPECT_EQ(code_of(create("file", as_bytes("other"))), Code::kExists);
  EXPECT_EQ(read_text(root / "file"), "whole");
  EXPECT_EQ(directory->list(".").value(), (std::vector<std::string>{"empty", "file"}));
}

TEST_P(CreateWholeTest, LongestNamesWork) {
  const std::string name(255, 'n');
  ASSERT_TRUE(create(name, as_bytes("x")));
  EXPECT_EQ(read_text(root / name), "x");
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
  EXPECT_EQ(read_text(root / "file"), std::string(100'000, static_cast<char>('a' + winner)));
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
  EXPECT_EQ(read_text(root / "file"), "new");
  EXPECT_EQ(read_text(root / temporary_name("file", 0)), "left");
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
        EXPECT_EQ(read_text(root / "sub/file"), "new");
        continue;
      }
      ASSERT_FALSE(replaced);
      EXPECT_EQ(replaced.error().sys_errno, step.sys_errno);
      EXPECT_EQ(read_text(root / "sub/file"), "old");
      EXPECT_EQ(directory->list("sub").value(), std::vector<std::string>{"file"});
    }
  }
  // A short write is no half file either.
  const auto faults = std::make_shared<Faults>();
  FaultDirectory failing(*directory, faults);
  put(root / "sub/file", "old");
  faults->fail_short_write(1, ENOSPC, 2);
  EXPECT_EQ(code_of(replace_file(failing, "sub/file", as_bytes("new"))), Code::kRetryLater);
  EXPECT_EQ(read_text(root / "sub/file"), "old");
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

}  // namespace
}  // namespace syncline
