// The simulated disk does what its headers say, and a crash leaves no more and no less.
#include "tests/simulation/disk.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>

#include "tests/simulation/persistence.h"

namespace syncline::simulation {
namespace {

class DiskTest : public testing::Test {
 protected:
  DiskTest() : plan(&clock), disk(DiskImage(), plan, clock) {
    auto opened = disk.open(0);
    EXPECT_TRUE(opened);
    root = std::move(*opened);
  }
  std::unique_ptr<File> create(std::string_view name) {
    auto opened = root->open_file(name, {.write = true, .create = true});
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  void write(File& file, uint64_t offset, std::string_view text) {
    EXPECT_TRUE(file.write_at(offset, as_bytes(text)));
  }
  static std::string text(const DiskImage& image, std::string_view path) {
    if (!image.exists(path)) return "-";
    const ByteVector bytes = image.bytes(path);
    return std::string(as_text(bytes));
  }
  // Every outcome of a power cut, as the text of one file.
  std::multiset<std::string> outcomes(std::string_view path) {
    const PersistenceChoices choices(disk.image());
    std::multiset<std::string> found;
    for (uint64_t k = 0; k < choices.count(); ++k) found.insert(text(choices.apply(k), path));
    return found;
  }

  SimulatedClock clock;
  FaultPlan plan;
  Disk disk;
  std::unique_ptr<Directory> root;
};

TEST_F(DiskTest, WhatIsSyncedWithItsNameSurvivesAndNothingElseNeed) {
  const auto file = create("f");
  write(*file, 0, "durable");
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"-", "durable"}));  // the name is pending
  ASSERT_TRUE(root->sync_directory("."));
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"durable"}));
}

TEST_F(DiskTest, EverySubsetOfUnsyncedSectorsComesBackOnce) {
  const auto file = create("f");
  write(*file, 0, std::string(3 * kSectorBytes, 'a'));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(root->sync_directory("."));
  write(*file, 0, std::string(3 * kSectorBytes, 'b'));
  std::multiset<std::string> expected;
  for (unsigned subset = 0; subset < 8; ++subset) {
    std::string one;
    for (unsigned i = 0; i < 3; ++i) {
      one += std::string(kSectorBytes, (subset & (1u << i)) != 0 ? 'b' : 'a');
    }
    expected.insert(one);
  }
  EXPECT_EQ(outcomes("f"), expected);
}

TEST_F(DiskTest, ASectorWrittenTwiceMayBeAsFirstWritten) {
  const auto file = create("f");
  write(*file, 0, "one");
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(root->sync_directory("."));
  write(*file, 0, "two");
  write(*file, 0, "six");
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"one", "two", "six"}));
  write(*file, 0, "one");
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"one", "two", "six"}));
}

TEST_F(DiskTest, AGrownFileMayHaveItsSizeWithoutItsBytes) {
  const auto file = create("f");
  ASSERT_TRUE(root->sync_directory("."));
  write(*file, 0, "abc");
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"", std::string(3, '\0'), "abc"}));
}

TEST_F(DiskTest, WhatWasCutOffDoesNotComeBackUnderALaterSize) {
  const auto file = create("f");
  write(*file, 0, "secret");
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(root->sync_directory("."));
  ASSERT_TRUE(file->truncate(2));
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"secret", "se", std::string("se\0\0", 4)}));
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{std::string("se\0\0", 4)}));
}

TEST_F(DiskTest, ARenameHappensAtBothEndsOrNotAtAll) {
  ASSERT_TRUE(root->make_directories("a"));
  ASSERT_TRUE(root->make_directories("b"));
  const auto file = create("a/f");
  ASSERT_TRUE(root->sync_file_system());
  ASSERT_TRUE(root->rename("a/f", "b/g"));
  const PersistenceChoices choices(disk.image());
  ASSERT_EQ(choices.count(), 2u);
  for (uint64_t k = 0; k < 2; ++k) {
    const DiskImage after = choices.apply(k);
    EXPECT_NE(after.exists("a/f"), after.exists("b/g"));
  }
  ASSERT_TRUE(root->sync_directory("a"));
  EXPECT_EQ(PersistenceChoices(disk.image()).count(), 1u);
  EXPECT_TRUE(PersistenceChoices(disk.image()).apply(0).exists("b/g"));
}

TEST_F(DiskTest, ReplacedFileComesBackWhereTheRenameIsLost) {
  write(*create("f"), 0, "old");
  ASSERT_TRUE(root->sync_file_system());
  const auto file = create("t");
  write(*file, 0, "new");
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(root->rename("t", "f"));
  const auto found = outcomes("f");
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()),
            (std::set<std::string>{"old", "new"}));
}

TEST_F(DiskTest, AFailedSyncIsNotMadeGoodByALaterOne) {
  const auto file = create("f");
  write(*file, 0, "old");
  ASSERT_TRUE(root->sync_file_system());
  write(*file, 0, "new");
  plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync);
  ASSERT_FALSE(file->sync_data());
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(text(disk.image(), "f"), "new");  // the cache still shows it
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"old", "new"}));
  write(*file, 0, "new");  // written anew, it is synced like anything else
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"new"}));
}

TEST_F(DiskTest, AFailedDirectorySyncIsMadeGoodOnlyByAnotherChange) {
  const auto file = create("f");
  plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSyncDirectory);
  ASSERT_FALSE(root->sync_directory("."));
  ASSERT_TRUE(root->sync_directory("."));
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{"-", ""}));
  create("g");
  ASSERT_TRUE(root->sync_directory("."));
  EXPECT_EQ(outcomes("f"), (std::multiset<std::string>{""}));
}

TEST_F(DiskTest, AKilledProcessHasNoEffectAndLetsGoOfItsLocks) {
  const ProcessId other = disk.start_process();
  const auto others = disk.open(other);
  ASSERT_TRUE(others);
  const auto mine = root->open_lock("l");
  const auto theirs = (*others)->open_lock("l");
  const auto page = root->map_page("p", 4096);
  ASSERT_TRUE(mine && theirs && page);
  ASSERT_TRUE((*mine)->lock(FileLock::Mode::kExclusive, kForever));
  EXPECT_FALSE(*(*theirs)->try_lock(FileLock::Mode::kShared));
  const auto file = create("f");
  disk.kill(0);
  (*page)->bytes()[0] = std::byte{1};  // as a destructor may
  disk.reap(0);
  EXPECT_EQ((*page)->bytes()[0], std::byte{0});
  EXPECT_TRUE(*(*theirs)->try_lock(FileLock::Mode::kExclusive));
  EXPECT_THROW(static_cast<void>(file->write_at(0, as_bytes("x"))), SimulatedCrash);
  {
    const QuietDeath quiet(disk, 0);
    EXPECT_FALSE(file->write_at(0, as_bytes("x")));
  }
  EXPECT_EQ(text(disk.image(), "f"), "");
}

TEST_F(DiskTest, ACrashInTheMiddleOfAWriteLeavesItsBeginning) {
  const auto file = create("f");
  plan.crash_at(1, 512);
  EXPECT_THROW(static_cast<void>(file->write_at(0, as_bytes(std::string(1024, 'x')))),
               SimulatedCrash);
  EXPECT_EQ(text(disk.image(), "f"), std::string(512, 'x'));
}

TEST_F(DiskTest, AFullDiskTakesWhatFitsAndSpaceComesBack) {
  disk.image().capacity_bytes = 8192;
  const auto file = create("f");
  const Status full = file->write_at(0, as_bytes(std::string(10000, 'x')));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kRetryLater);
  EXPECT_EQ(disk.image().bytes("f").size(), 8192u);
  EXPECT_TRUE(file->write_at(0, as_bytes(std::string(8192, 'y'))));
  ASSERT_TRUE(file->close());
  ASSERT_TRUE(root->remove_file("f"));
  ASSERT_TRUE(root->sync_directory("."));
  EXPECT_EQ(disk.image().used_bytes(), 0u);
}

TEST_F(DiskTest, AReadOnlyDiskTakesNoChange) {
  const auto file = create("f");
  disk.set_read_only(true);
  EXPECT_EQ(file->write_at(0, as_bytes("x")).error().code, Code::kReadOnly);
  EXPECT_EQ(root->remove_file("f").error().code, Code::kReadOnly);
  EXPECT_EQ(root->sync_directory(".").error().code, Code::kReadOnly);
  EXPECT_TRUE(root->open_file("f", {}));
  EXPECT_FALSE(root->open_file("f", {.write = true}));
}

TEST_F(DiskTest, NamesAreResolvedBeneath) {
  ASSERT_TRUE(root->make_directories("a/b/c"));
  write(*create("a/b/f"), 0, "x");
  const auto below = root->open_directory("a/b");
  ASSERT_TRUE(below);
  EXPECT_TRUE((*below)->open_file("f", {}));
  EXPECT_EQ(*(*below)->list("."), (std::vector<std::string>{"c", "f"}));
  EXPECT_EQ((*below)->open_file("../b/f", {}).error().code, Code::kUnsafePath);
  EXPECT_EQ((*below)->open_file("f/x", {}).error().code, Code::kUnsafePath);
  EXPECT_EQ((*below)->open_file("c", {}).error().code, Code::kUnsafePath);
  EXPECT_EQ((*below)->open_file("nothing", {}).error().code, Code::kNotFound);
  EXPECT_FALSE(root->remove_directory("a/b"));
  EXPECT_TRUE(root->remove_directory("a/b/c"));
  EXPECT_EQ(root->create_whole("a/b/f", {}).error().code, Code::kExists);
}

TEST_F(DiskTest, CopiesAreIndependent) {
  const auto file = create("f");
  write(*file, 0, "before");
  const DiskImage copy = disk.image();
  write(*file, 0, "after!");
  EXPECT_EQ(text(copy, "f"), "before");
  EXPECT_EQ(text(disk.image(), "f"), "after!");
}

TEST_F(DiskTest, MappedPagesComeBackAsTheyAreWereZeroOrNoise) {
  const auto page = root->map_page("p", 4096);
  ASSERT_TRUE(page);
  (*page)->bytes()[0] = std::byte{1};
  create("f");  // an operation, between which pages are noted
  (*page)->bytes()[0] = std::byte{2};
  std::set<int> first_bytes;
  const PersistenceChoices choices(disk.image());
  for (uint64_t k = 0; k < choices.count(); ++k) {
    first_bytes.insert(std::to_integer<int>(choices.apply(k).bytes("p")[0]));
  }
  EXPECT_TRUE(first_bytes.contains(0));
  EXPECT_TRUE(first_bytes.contains(1));
  EXPECT_TRUE(first_bytes.contains(2));
}

TEST_F(DiskTest, TooManyOutcomesAreSampledWithTheOnesThatMatter) {
  const auto file = create("f");
  ASSERT_TRUE(root->sync_directory("."));
  std::string content;
  for (int i = 0; i < 40; ++i) content += std::string(kSectorBytes, static_cast<char>('A' + i));
  ASSERT_TRUE(file->truncate(content.size()));
  ASSERT_TRUE(file->sync_data());
  write(*file, 0, content);
  const PersistenceChoices choices(disk.image(), {.sample = 200});
  EXPECT_FALSE(choices.exhaustive());
  EXPECT_EQ(choices.count(), 200u);
  const auto found = outcomes("f");
  EXPECT_TRUE(found.contains(content));
  EXPECT_TRUE(found.contains(std::string(content.size(), '\0')));
  for (size_t i = 0; i < 40; ++i) {
    std::string one_lost = content;
    std::fill_n(one_lost.begin() + static_cast<std::ptrdiff_t>(i * kSectorBytes), kSectorBytes,
                '\0');
    EXPECT_TRUE(found.contains(one_lost)) << i;
  }
}

}  // namespace
}  // namespace syncline::simulation
