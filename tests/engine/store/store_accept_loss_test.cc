// `repair --accept-loss`: going on without what a journal no longer holds, and giving nothing a
// second time. Each way to lose it, each place that still names what was lost, and a death between
// any two steps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include "engine/place/store_platform.h"
#include "engine/sqlite/database.h"
#include "syncline/store.h"
#include "tests/support/hooked_directory.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

Record note(std::string title, std::string key = {}) {
  return {.kind = "note",
          .fields = {{"title", std::move(title)}, {"body", std::string("text\n")}},
          .key = std::move(key)};
}

// Replaces what is in `folder`, which stays the same folder, by what is in `from`.
void put_back(const fs::path& from, const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() == ".git") {
      put_back(from / ".git", entry.path());
    } else {
      fs::remove_all(entry.path());
    }
  }
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.path().filename() == ".git") continue;
    fs::copy(entry.path(), folder / entry.path().filename(), fs::copy_options::recursive);
  }
}

// The real system, but before each operation on a folder `hook` is asked.
class HookedPlatform final : public StorePlatform {
 public:
  explicit HookedPlatform(std::function<Status()> hook)
      : hook_(std::make_shared<DirectoryHook>(
            [hook = std::move(hook)](std::string_view, const std::string&) { return hook(); })) {}
  Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override {
    TRY_ASSIGN(auto opened, StorePlatform::open_directory(path));
    return std::make_unique<HookedDirectory>(std::move(opened), hook_);
  }

 private:
  std::shared_ptr<DirectoryHook> hook_;
};

class AcceptLossTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto made = Store::init(root(), {});
    ASSERT_TRUE(made) << made.error().message;
  }
  std::string root() const { return folder_.path().string() + "/store"; }
  std::string journal() const { return root() + "/.git/syncline/journal"; }
  std::string aside(const std::string& name) const { return folder_.path().string() + "/" + name; }
  static Receipt must_record(const std::string& root, const Record& record,
                             Stage stage = Stage::kApplied) {
    const auto store = Store::open(root, {});
    EXPECT_TRUE(store) << store.error().message;
    if (!store) return {};
    const auto receipt = (*store)->record(record, stage);
    EXPECT_TRUE(receipt) << receipt.error().message;
    return receipt ? *receipt : Receipt{};
  }
  // Five records, of which the journal has the first three.
  void lose_two_records() const {
    for (int i = 1; i <= 3; ++i) must_record(root(), note(fmt::format("kept {}", i)));
    fs::copy(journal(), aside("journal"), fs::copy_options::recursive);
    must_record(root(), note("lost 4", "key 4"));
    must_record(root(), note("lost 5", "key 5"), Stage::kPublished);
    fs::remove_all(journal());
    fs::copy(aside("journal"), journal(), fs::copy_options::recursive);
  }
  static void expect_goes_on_above(const std::string& root, uint64_t last_seq, uint64_t last_id) {
    const Receipt receipt = must_record(root, note("goes on"), Stage::kPublished);
    EXPECT_EQ(receipt.seq, last_seq + 1);
    EXPECT_GT(receipt.id, last_id);
    const auto store = Store::open(root, {});
    ASSERT_TRUE(store) << store.error().message;
    const auto report = (*store)->verify({});
    ASSERT_TRUE(report) << report.error().message;
    for (const Finding& finding : report->findings) {
      ADD_FAILURE() << finding.cls << " seq " << finding.seq << " " << finding.path << ": "
                    << finding.detail;
    }
    EXPECT_EQ(report->checked, 1u);
    EXPECT_TRUE(report->behind.empty()) << report->behind.front();
    const auto status = (*store)->status();
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status->git, "ok");
    EXPECT_EQ(status->published, last_seq + 1);
  }
  static int64_t rows(const std::string& root) {
    const auto database = Database::open({root + "/syncline.db"}, Database::Access::kRead);
    if (!database) return -1;
    auto count = (*database)->prepare("SELECT count(*) FROM notes");
    return count && count->step() ? count->integer(0) : -1;
  }
  static void run(const std::string& command) {
    ASSERT_EQ(std::system((command + " >/dev/null 2>&1").c_str()), 0) << command;
  }

  TemporaryDirectory folder_;
};

TEST_F(AcceptLossTest, NothingIsGivenUpWhereNothingIsLost) {
  must_record(root(), note("one"), Stage::kPublished);
  const auto refused = Store::accept_loss(root(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(refused.error().message, "nothing is lost: nothing was changed");
  EXPECT_EQ(must_record(root(), note("two")).seq, 2u);
}

TEST_F(AcceptLossTest, AJournalOlderThanTheDatabaseGoesOnAboveIt) {
  lose_two_records();
  const auto refused = Store::open(root(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  EXPECT_NE(refused.error().hint.find("repair --accept-loss"), std::string::npos);

  const auto planned = Store::accept_loss(root(), {.dry_run = true});
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->first_seq, 6u);
  EXPECT_FALSE(Store::open(root(), {}));

  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_NE(report->store_id, report->lost_store);
  EXPECT_TRUE(fs::exists(report->kept_in + "/journal"));
  EXPECT_TRUE(fs::exists(report->kept_in + "/identity"));
  EXPECT_EQ(rows(root()), 5);
  // The keys that the database knew are not given a second time.
  EXPECT_TRUE(must_record(root(), note("lost 4", "key 4")).duplicate);
  expect_goes_on_above(root(), 5, 5);
  EXPECT_EQ(rows(root()), 6);
}

TEST_F(AcceptLossTest, ALostJournalGoesOnAboveWhatCommitsNameWithoutADatabase) {
  lose_two_records();
  fs::remove_all(journal());
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  expect_goes_on_above(root(), 5, 5);
}

TEST_F(AcceptLossTest, AJournalOlderThanTheCommitsAloneGoesOnAboveThem) {
  lose_two_records();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->first_seq, 6u);
  expect_goes_on_above(root(), 5, 5);
}

// Ids of records that were never committed, and whose rows are gone, stand in the files' names.
TEST_F(AcceptLossTest, IdsInTheNamesOfFilesAreNotGivenAgain) {
  for (int i = 1; i <= 4; ++i) must_record(root(), note(fmt::format("a file {}", i)));
  fs::remove_all(journal());
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root() + "/syncline.db" + suffix);
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->id_floor, 4u);
}

// The whole store as it was before, with nothing on this disk that says so: the remote does.
TEST_F(AcceptLossTest, AStoreThatWasPutBackGoesOnAboveWhatWasPushed) {
  run("git init --bare '" + aside("remote.git") + "'");
  run("git -C '" + root() + "' remote add origin '" + aside("remote.git") + "'");
  must_record(root(), note("one"), Stage::kPublished);
  fs::copy(root(), aside("before"), fs::copy_options::recursive);
  must_record(root(), note("two"));
  {
    const auto store = Store::open(root(), {});
    ASSERT_TRUE(store);
    const auto pushed = (*store)->sync(/*push=*/true, kForever);
    ASSERT_TRUE(pushed) << pushed.error().message;
  }
  put_back(aside("before"), root());
  must_record(root(), note("another two"), Stage::kPublished);
  {
    const auto store = Store::open(root(), {});
    ASSERT_TRUE(store);
    const auto refused = (*store)->sync(/*push=*/true, kForever);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kDisagree) << refused.error().message;
    EXPECT_NE(refused.error().hint.find("repair --accept-loss"), std::string::npos);
  }
  const auto report = Store::accept_loss(root(), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_NE(report->lost.find("which this store did not make"), std::string::npos) << report->lost;
  EXPECT_EQ(report->first_seq, 3u);
  expect_goes_on_above(root(), 2, 2);
}

TEST_F(AcceptLossTest, WhoHasTheStoreOpenIsNotPassedOver) {
  must_record(root(), note("one"), Stage::kPublished);
  must_record(root(), note("two"));
  const auto open_still = Store::open(root(), {});
  ASSERT_TRUE(open_still);
  fs::resize_file(journal() + "/0000000000000001.seg", 4096);
  const auto refused = Store::accept_loss(root(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBusy) << refused.error().message;
}

// Stopped before any of its operations and run again, by either verb, it ends the same.
TEST_F(AcceptLossTest, ADeathBetweenAnyTwoStepsIsFinishedByRunningItAgain) {
  lose_two_records();
  int operations_left = -1;
  HookedPlatform platform([&]() -> Status {
    if (operations_left >= 0 && operations_left-- == 0) return errno_error(EIO, "the test");
    return {};
  });
  constexpr int kStride = 5;
  int stopped = 0;
  for (int operation = 0;; operation += kStride) {
    SCOPED_TRACE(operation);
    const std::string copy = aside("copy");
    fs::copy(root(), copy, fs::copy_options::recursive);
    ASSERT_TRUE(Store::init(copy, {.moved = true}));
    operations_left = operation;
    const auto first = Store::accept_loss(copy, {.platform = &platform});
    const bool reached_the_end = operations_left >= 0;
    operations_left = -1;
    if (!first) {
      ++stopped;
      const auto again = Store::accept_loss(copy, {});
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_EQ(again->first_seq, 6u);
    }
    EXPECT_EQ(must_record(copy, note("lost 5", "key 5")).seq, 5u);
    const Receipt next = must_record(copy, note("goes on"));
    EXPECT_EQ(next.seq, 6u);
    EXPECT_EQ(next.id, 6u);
    fs::remove_all(copy);
    if (reached_the_end) break;
  }
  EXPECT_GT(stopped, 10);
}

}  // namespace
}  // namespace syncline
