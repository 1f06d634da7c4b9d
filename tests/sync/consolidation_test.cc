// Packs into fewer packs, and none that alone holds something.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "sync/git/git_platform.h"
#include "sync/git/redundant_packs.h"
#include "tests/support/hooked_directory.h"
#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr char kPacks[] = ".git/objects/pack";

std::vector<std::string> names_ending(const GitRepository& repository, std::string_view ending) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(repository.path() / kPacks)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(ending)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

class RedundantPacks : public testing::Test {
 protected:
  // Three packs of a commit each, in the order they were made.
  void SetUp() override {
    for (const std::string text : {"one", "two", "three"}) {
      write_file(repository.path() / text, text);
      repository.git("add .");
      repository.git("commit -q -m " + text);
      repository.git("repack -q -d");
      repository.git("prune-packed -q");
      const std::vector<std::string> now = packs();
      const auto is_new = [&](const std::string& name) {
        return std::ranges::find(made, name) == made.end();
      };
      made.push_back(*std::ranges::find_if(now, is_new));
    }
  }
  std::vector<std::string> packs() const { return names_ending(repository, ".pack"); }
  fs::path in_packs(const std::string& name) const { return repository.path() / kPacks / name; }
  // A pack of everything, as a repack that takes nothing away leaves it.
  std::string add_whole_pack() {
    const std::string name = repository.git("pack-objects -q --all .git/objects/pack/pack", "\n");
    return "pack-" + name + ".pack";
  }

  GitRepository repository;
  std::vector<std::string> made;
};

TEST_F(RedundantPacks, NoneOfPacksThatHoldDifferentObjectsGoes) {
  const std::vector<std::string> before = packs();
  ASSERT_EQ(before.size(), 3u);
  ASSERT_TRUE(ok(remove_redundant_packs(repository.common_dir())));
  EXPECT_EQ(packs(), before);
}

TEST_F(RedundantPacks, GoWhereALargerOneHoldsAllOfThem) {
  const std::string whole = add_whole_pack();
  ASSERT_TRUE(ok(remove_redundant_packs(repository.common_dir())));
  EXPECT_EQ(packs(), std::vector{whole});
  EXPECT_EQ(names_ending(repository, ".idx").size(), 1u);
  repository.expect_sound();
}

TEST_F(RedundantPacks, APackWithOneObjectMoreStays) {
  // All but the blob of the second commit.
  const std::string blob = repository.git("rev-parse HEAD:two");
  std::string wanted;
  for (const std::string kind : {"one", "three"}) {
    wanted += repository.git("rev-parse HEAD:" + kind) + "\n";
  }
  wanted += repository.git("log --format='%H%n%T'") + "\n";
  repository.git("pack-objects -q .git/objects/pack/pack", wanted);
  ASSERT_TRUE(ok(remove_redundant_packs(repository.common_dir())));
  const std::vector<std::string> left = packs();
  EXPECT_EQ(left.size(), 2u);
  EXPECT_TRUE(std::ranges::find(left, made[1]) != left.end());
  EXPECT_EQ(repository.git("cat-file blob " + blob), "two");
  repository.expect_sound();
}

TEST_F(RedundantPacks, OneOfTwoWithTheSameObjectsStays) {
  for (const std::string part : {".pack", ".idx"}) {
    const std::string from = made[0].substr(0, made[0].size() - 5) + part;
    fs::copy_file(in_packs(from), in_packs("pack-" + std::string(40, 'a') + part));
  }
  ASSERT_EQ(packs().size(), 4u);
  ASSERT_TRUE(ok(remove_redundant_packs(repository.common_dir())));
  EXPECT_EQ(packs().size(), 3u);
  repository.expect_sound();
}

TEST_F(RedundantPacks, ALargerPackThatIsNotWholeIsNotReliedOn) {
  const std::string whole = add_whole_pack();
  fs::permissions(in_packs(whole), fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(in_packs(whole), fs::file_size(in_packs(whole)) - 1);
  ASSERT_TRUE(ok(remove_redundant_packs(repository.common_dir())));
  EXPECT_EQ(packs().size(), 4u);
}

TEST_F(RedundantPacks, APackThatSomebodyKeepsStays) {
  write_file(in_packs(made[0].substr(0, made[0].size() - 5) + ".keep"), "a person's reason\n");
  const std::string whole = add_whole_pack();
  ASSERT_TRUE(ok(remove_redundant_packs(repository.common_dir())));
  std::vector<std::string> expected = {made[0], whole};
  std::ranges::sort(expected);
  EXPECT_EQ(packs(), expected);
}

TEST_F(RedundantPacks, AMultiPackIndexThatNamesThemGoesFirst) {
  add_whole_pack();
  repository.git("multi-pack-index write");
  ASSERT_TRUE(ok(remove_redundant_packs(repository.common_dir())));
  EXPECT_EQ(packs().size(), 1u);
  EXPECT_FALSE(fs::exists(in_packs("multi-pack-index")));
  repository.expect_sound();
}

TEST_F(RedundantPacks, AnyOperationThatFailsLosesNothing) {
  add_whole_pack();
  repository.git("multi-pack-index write");
  auto left = std::make_shared<uint64_t>(0);
  auto hook = std::make_shared<DirectoryHook>([left](std::string_view, const std::string&) {
    if (*left == 0) return Status(make_error(Code::kIo, "the process has died here"));
    --*left;
    return Status{};
  });
  uint64_t operations = 0;
  for (; operations < 1000; ++operations) {
    auto opened = open_posix_directory((repository.path() / ".git").string());
    ASSERT_TRUE(ok(opened));
    HookedDirectory dying(std::move(*opened), hook);
    *left = operations;
    const Status done = remove_redundant_packs(dying);
    repository.expect_sound();
    if (done) break;
  }
  EXPECT_GT(operations, 10u);
  EXPECT_EQ(packs().size(), 1u);
}

TEST_F(RedundantPacks, NothingIsRemovedBeforeTheDirectoryIsSynced) {
  add_whole_pack();
  auto told = std::make_shared<std::vector<std::string>>();
  auto hook =
      std::make_shared<DirectoryHook>([told](std::string_view operation, const std::string&) {
        told->emplace_back(operation);
        return Status{};
      });
  auto opened = open_posix_directory((repository.path() / ".git").string());
  ASSERT_TRUE(ok(opened));
  HookedDirectory watched(std::move(*opened), hook);
  ASSERT_TRUE(ok(remove_redundant_packs(watched)));
  const auto synced = std::ranges::find(*told, "sync-directory");
  const auto removed = std::ranges::find(*told, "remove");
  ASSERT_TRUE(removed != told->end());
  EXPECT_LT(synced - told->begin(), removed - told->begin());
}

TEST_F(RedundantPacks, AnObjectThatCanNotBeReadNowIsNotCalledMissing) {
  const std::optional<ObjectId> head = ObjectId::parse(repository.git("rev-parse HEAD"));
  const std::unique_ptr<ObjectReader> reader = repository.reader();
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Result<std::optional<Object>> starved = reader->read(*head);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_FALSE(starved);
  EXPECT_NE(starved.error().code, Code::kCorrupt);
  const Result<std::optional<Object>> after = reader->read(*head);
  ASSERT_TRUE(ok(after));
  EXPECT_TRUE(*after);
}

// The real system, but what becomes of `git repack` is the test's to say.
class RepackPlatform final : public GitPlatform {
 public:
  enum class Repack { kDone, kAnsweredAndNotDone, kDoneAndNotAnswered };

  Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& environment,
                                    Deadline deadline) override {
    asked = arguments;
    if (repack == Repack::kAnsweredAndNotDone) return CommandResult{};
    Result<CommandResult> result = GitPlatform::run_command(arguments, environment, deadline);
    if (repack == Repack::kDoneAndNotAnswered) return make_error(Code::kTimeout, "took too long");
    return result;
  }

  Repack repack = Repack::kDone;
  std::vector<std::string> asked;
};

class Consolidation : public testing::Test {
 protected:
  Consolidation() {
    store.options.consolidate_packs = 6;
    auto opened = Syncer::open(store.repository.path().string(), store.store_directory(),
                               store.journal(), system_clock(), store.options, platform);
    EXPECT_TRUE(ok(opened));
    store.syncer = std::move(*opened);
  }
  size_t packs() const { return names_ending(store.repository, ".pack").size(); }
  void record_and_publish(int records) {
    for (int i = 0; i < records; ++i) {
      store.record(i % 4 == 0 ? rule_intent("cpp", "n") : note_intent("n"));
      store.publish_all();
    }
  }

  RepackPlatform platform;
  PublishStore store;
};

TEST_F(Consolidation, KeepsThePacksFew) {
  size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    record_and_publish(1);
    ASSERT_TRUE(ok(store.syncer->consolidator().run_if_due()));
    most = std::max(most, packs());
  }
  EXPECT_LE(most, 12u);
  EXPECT_EQ(store.status(), "");
  store.expect_clean();
  EXPECT_EQ(store.repository.git("rev-list --count " + store.own_ref()), "20");
}

// git 2.39 answers 0 where it could not tell itself which packs to take.
TEST_F(Consolidation, ARepackThatSaysItIsDoneAndIsNotLosesNothing) {
  platform.repack = RepackPlatform::Repack::kAnsweredAndNotDone;
  record_and_publish(5);
  const size_t before = packs();
  ASSERT_TRUE(ok(store.syncer->consolidator().run_if_due()));
  ASSERT_FALSE(platform.asked.empty());
  EXPECT_TRUE(std::ranges::find(platform.asked, "-d") == platform.asked.end());
  EXPECT_EQ(packs(), before);
  store.expect_clean();
}

TEST_F(Consolidation, WhatAnUnansweredRepackLeftIsTidiedTheNextTime) {
  platform.repack = RepackPlatform::Repack::kDoneAndNotAnswered;
  record_and_publish(5);
  const size_t before = packs();
  EXPECT_TRUE(fails_with(store.syncer->consolidator().run_if_due(), Code::kTimeout));
  EXPECT_EQ(packs(), before + 1);
  store.expect_clean();

  platform.repack = RepackPlatform::Repack::kDone;
  record_and_publish(3);
  ASSERT_TRUE(ok(store.syncer->consolidator().run_if_due()));
  EXPECT_LT(packs(), before);
  store.expect_clean();
}

// A process that ingests for hours sees packs come and go all the time.
TEST(ObjectReader, LetsGoOfPacksThatWentAway) {
  GitRepository repository;
  const auto reader = open_object_reader((repository.path() / ".git/objects").string());
  ASSERT_TRUE(ok(reader));
  // The index of a pack stays mapped for as long as libgit2 has the pack on its list.
  const auto gone_and_mapped = [] {
    std::ifstream maps("/proc/self/maps");
    size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
      count += line.ends_with(".idx (deleted)") ? 1 : 0;
    }
    return count;
  };
  size_t most = 0;
  for (int round = 0; round < 40; ++round) {
    repository.git("commit -q --allow-empty -m " + std::to_string(round));
    repository.git("repack -a -d -q");
    const auto head = ObjectId::parse(repository.git("rev-parse HEAD"));
    ASSERT_TRUE(head);
    const auto read = (*reader)->read(*head);
    ASSERT_TRUE(ok(read));
    ASSERT_TRUE(read->has_value());
    most = std::max(most, gone_and_mapped());
  }
  EXPECT_GT(most, 0u) << "libgit2 keeps none open: then this test and what it tests can go";
  EXPECT_LE(most, 16u);
}

TEST(ObjectReader, HoldsFewOfManyPacksOpen) {
  GitRepository repository;
  std::vector<ObjectId> heads;
  for (int round = 0; round < 40; ++round) {
    repository.git("commit -q --allow-empty -m " + std::to_string(round));
    repository.git("repack -d -q");
    heads.push_back(*ObjectId::parse(repository.git("rev-parse HEAD")));
  }
  const auto reader = open_object_reader((repository.path() / ".git/objects").string());
  ASSERT_TRUE(ok(reader));
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = descriptors();
  for (const ObjectId& head : heads) {
    const auto read = (*reader)->read(head);
    ASSERT_TRUE(ok(read));
    ASSERT_TRUE(read->has_value());
  }
  EXPECT_LE(descriptors() - before, 17);
}

}  // namespace
}  // namespace syncline
