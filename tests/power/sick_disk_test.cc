// A real file system that has no space left, or whose disk breaks, beneath clients that go on; then
// it is well again. Whatever was asked while it was sick is answered by one of the exit codes, in
// the form asked for and never by a signal; and once it is well all that was acknowledged is there,
// what was said not to be written is not, and everything agrees.
//
//   SYNCLINE_POWER_SICK   rounds of each fault on each file system (default 2)
//   SYNCLINE_TEST_SEED    how much space is left, at which write the disk breaks
//
// The store of a fault is kept over its rounds. In each, an ingest has the store open when the
// fault comes and when it goes; other clients come and find it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>
#include <set>

#include "tests/e2e/claims.h"
#include "tests/e2e/client_calls.h"
#include "tests/e2e/running_ingest.h"
#include "tests/e2e/store_under_test.h"
#include "tests/power/loop_image.h"
#include "tests/power/recorded_disk.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

uint64_t rounds_wanted() {
  const char* given = std::getenv("SYNCLINE_POWER_SICK");
  return given == nullptr ? 2 : std::max<uint64_t>(1, std::strtoull(given, nullptr, 10));
}

void run_or_fail(const std::vector<std::string>& arguments) {
  const ProcessResult result = run_process(arguments);
  ASSERT_TRUE(result.ok()) << arguments[0] << ": " << result.describe();
}

// Takes all of a file system's space but `left` bytes, and gives it back.
class Ballast {
 public:
  explicit Ballast(fs::path path) : path_(std::move(path)) {}

  void fill(uint64_t left) {
    const int file = open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    off_t size = 0;
    for (off_t piece = off_t{64} << 20; piece >= 4096;) {
      if (posix_fallocate(file, size, piece) == 0) {
        size += piece;
      } else {
        piece /= 2;
      }
    }
    if (left != 0) {
      EXPECT_EQ(ftruncate(file, std::max<off_t>(0, size - static_cast<off_t>(left))), 0);
    }
    close(file);
    // Written back, a page of btrfs needs space for its next change. It may fail where all is full.
    static_cast<void>(run_process({"sync", "-f", path_.parent_path().string()}));
  }
  void give_back() { fs::remove(path_); }

 private:
  fs::path path_;
};

struct Fault {
  std::function<void()> begin;
  std::function<void()> end;
  // Not space is lacking: whatever is asked of the disk may be refused.
  bool total = false;
};

class SickDisk {
 public:
  SickDisk(std::string name, std::string type)
      : name_(std::move(name)), type_(std::move(type)), claims_(directory_ / "acknowledged") {
    make_file_system(type_, directory_ / "image");
  }

  // The file system is on the image itself, or on a disk that can refuse.
  void mount(bool on_recorded_disk) {
    fs::path disk = directory_ / "image";
    if (on_recorded_disk) {
      disk_.emplace(directory_ / "image", directory_ / "block-log", directory_ / "recorded");
      disk = disk_->disk();
    }
    image_.emplace(disk, type_, point());
    image_->mount();
  }

  fs::path point() const { return directory_ / "mounted"; }
  fs::path root() const { return point() / "store"; }
  LoopImage& image() { return *image_; }
  RecordedDisk& disk() { return *disk_; }
  Chance& chance() { return chance_; }

  // What the kernel remembers of the store's files and of the disk: reads ask the disk again.
  void forget_cached() const {
    std::vector<fs::path> files{image_->device()};
    if (disk_) files.push_back(disk_->disk());
    for (const auto& entry : fs::recursive_directory_iterator(root())) {
      if (entry.is_regular_file()) files.insert(files.begin(), entry.path());
    }
    for (const fs::path& path : files) {
      const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;
      posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
      close(file);
    }
  }

  void run(const Fault& fault) {
    const StoreUnderTest made("elf", root());
    for (uint64_t round = 0; round < rounds_wanted() && !::testing::Test::HasFailure(); ++round) {
      SCOPED_TRACE(name_ + ", round " + std::to_string(round) +
                   ", SYNCLINE_TEST_SEED=" + std::to_string(seed_));
      one_round(fault, std::to_string(round));
    }
    std::string text;
    for (const auto& [verb, codes] : ends_) {
      text += "; " + verb;
      for (const auto& [code, times] : codes) {
        text += " " + std::to_string(code) + "×" + std::to_string(times);
      }
    }
    std::printf("sick disk, %s on %s: %s%s, seed %llu\n", name_.c_str(), type_.c_str(),
                claims_.figures().c_str(), text.c_str(), static_cast<unsigned long long>(seed_));
    image_->unmount();
    if (disk_) disk_->stop();
  }

 private:
  StoreUnderTest store() const { return StoreUnderTest::existing("elf", root()); }

  // Done; in and waiting; unknown; later. Only what cannot even be looked at is a failure.
  void expect_answered(const std::string& verb, const ProcessResult& result, bool json) {
    std::set<int> promised{0, 11, 74, 75};
    if (unreadable_) promised.insert(1);
    // Bytes of the journal that the disk does not give are damage, and named, whoever meets them.
    // So are pages of the database that btrfs could not write back and gives as they were before,
    // without an error: SQLite finds them malformed.
    const std::string said = result.out + result.err;
    for (const char* damage :
         {"unreadable bytes", "database disk image is malformed", "is damaged: *** in database"}) {
      if (unreadable_ && said.find(damage) != std::string::npos) promised.insert(12);
    }
    ++ends_[verb][result.signal != 0 ? -result.signal : result.exit_code];
    EXPECT_EQ(result.signal, 0) << verb << ": " << result.describe();
    EXPECT_FALSE(result.timed_out) << verb << ": " << result.describe();
    EXPECT_TRUE(promised.contains(result.exit_code)) << verb << ": " << result.describe();
    if (json) {
      const Json answer = Json::parse(result.out, nullptr, false);
      EXPECT_TRUE(answer.is_object()) << verb << ": " << result.describe();
    } else if (result.exit_code != 0) {
      EXPECT_NE(result.err, "") << verb << ": " << result.describe();
    }
  }

  void ask(ClientCall call, bool json) {
    call.arguments.insert(call.arguments.end(), {"--timeout", "2"});
    if (!json) std::erase(call.arguments, "--json");
    call.one_receipt = call.one_receipt && json;
    const ProcessResult result = store().syncline(call.arguments, call.options());
    expect_answered(call.arguments[0], result, json);
    claims_.hear(call, result);
  }

  void ask_everything(const std::string& round) {
    for (const bool json : {true, false}) {
      const std::string name = round + (json ? "-json" : "-text");
      for (const char* stage : {"journaled", "applied", "published"}) {
        ask(record_call("record-" + name + "-" + stage, stage), json);
      }
      ask(ingest_call({"line-1-" + name, "line-2-" + name}), json);
      for (const char* verb : {"verify", "status", "sync"}) {
        ask({.arguments = {verb, "--json"}}, json);
      }
    }
  }

  void one_round(const Fault& fault, const std::string& round) {
    unreadable_ = fault.total;
    const StoreUnderTest subject = store();
    const ClientCall before = ingest_call({"before-" + round});
    const ClientCall meanwhile = ingest_call({"meanwhile-" + round});
    RunningIngest ingest(subject, directory_ / ("lines-" + round));
    ASSERT_NO_FATAL_FAILURE(ingest.give_and_await(before.input, before.keys[0]));
    claims_.hear(before, {.exit_code = 0});
    fault.begin();
    ingest.give(meanwhile.input);
    ask_everything(round);
    // Where the file system itself has to be mounted again, nobody may be on it.
    if (fault.total) settle(ingest, meanwhile);
    fault.end();
    if (!fault.total) settle(ingest, meanwhile);
    expect_recovered(subject);
  }

  void settle(RunningIngest& ingest, const ClientCall& call) {
    ingest.end();
    const ProcessResult result = ingest.wait();
    expect_answered("ingest that was open", result, true);
    claims_.hear(call, result);
  }

  void expect_recovered(const StoreUnderTest& subject) {
    const Json synced = subject.json({"sync"});
    EXPECT_TRUE(synced.value("waiting", Json()).is_null()) << synced.dump();
    const Json status = subject.json({"status"});
    EXPECT_EQ(status["git"], "ok") << status.dump();
    EXPECT_EQ(status["set_aside"], 0) << status.dump();
    claims_.expect_kept(subject);
    expect_agreement(subject, subject.row_count());
  }

  TemporaryDirectory directory_;
  std::string name_;
  std::string type_;
  uint64_t seed_ = test_seed();
  Chance chance_{seed_};
  Claims claims_;
  bool unreadable_ = false;
  std::optional<RecordedDisk> disk_;
  std::optional<LoopImage> image_;
  std::map<std::string, std::map<int, uint64_t>> ends_;  // verb → exit code, or minus the signal
};

std::string reason_to_skip(const std::string& type) {
  if (std::string reason = enter_private_mounts(); !reason.empty()) return reason;
  if (!program_exists("mkfs." + type)) return "mkfs." + type + " is not installed";
  return {};
}

void fill_up(const std::string& type) {
  if (const std::string reason = reason_to_skip(type); !reason.empty()) GTEST_SKIP() << reason;
  SickDisk sick("full", type);
  sick.mount(false);
  Ballast ballast(sick.point() / "ballast");
  sick.run(
      {.begin = [&] { ballast.fill(sick.chance().one_in(2) ? 0 : sick.chance().below(400) << 12); },
       .end = [&] { ballast.give_back(); }});
}

TEST(SickDisk, Ext4ThatIsFullIsAnsweredAndLosesNothing) {
  fill_up("ext4");
}
TEST(SickDisk, XfsThatIsFullIsAnsweredAndLosesNothing) {
  fill_up("xfs");
}
TEST(SickDisk, BtrfsThatIsFullIsAnsweredAndLosesNothing) {
  fill_up("btrfs");
}

TEST(SickDisk, BtrfsQuotaThatIsReachedIsAnsweredAndLosesNothing) {
  if (const std::string reason = reason_to_skip("btrfs"); !reason.empty()) GTEST_SKIP() << reason;
  SickDisk sick("quota", "btrfs");
  sick.mount(false);
  run_or_fail({"btrfs", "quota", "enable", sick.point().string()});
  run_or_fail({"btrfs", "subvolume", "create", sick.root().string()});
  const auto limit = [&](const std::string& bytes) {
    run_or_fail({"btrfs", "qgroup", "limit", bytes, sick.root().string()});
  };
  Ballast ballast(sick.root() / ".git/ballast");
  sick.run({.begin =
                [&] {
                  limit("100M");
                  ballast.fill(sick.chance().one_in(2) ? 0 : sick.chance().below(400) << 12);
                },
            .end =
                [&] {
                  limit("none");
                  ballast.give_back();
                }});
}

// Writes and flushes are refused for good from some write on, reads as well in every second run.
void break_disk(const std::string& type) {
  if (const std::string reason = reason_to_skip(type); !reason.empty()) GTEST_SKIP() << reason;
  if (access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "there is no /dev/fuse";
  SickDisk sick("broken", type);
  sick.mount(true);
  sick.run({.begin =
                [&] {
                  const bool reads = sick.chance().one_in(2);
                  sick.disk().refuse(sick.chance().below(40), reads);
                  if (reads) sick.forget_cached();
                },
            .end =
                [&] {
                  sick.disk().accept();
                  sick.image().unmount();
                  sick.image().mount();
                },
            .total = true});
}

TEST(SickDisk, Ext4WhoseDiskBreaksIsAnsweredAndLosesNothing) {
  break_disk("ext4");
}
TEST(SickDisk, XfsWhoseDiskBreaksIsAnsweredAndLosesNothing) {
  break_disk("xfs");
}
TEST(SickDisk, BtrfsWhoseDiskBreaksIsAnsweredAndLosesNothing) {
  break_disk("btrfs");
}

// What ext4 and XFS do to themselves when they find that they are damaged.
void shut_down(const std::string& type) {
  if (const std::string reason = reason_to_skip(type); !reason.empty()) GTEST_SKIP() << reason;
  SickDisk sick("shut down", type);
  sick.mount(false);
  sick.run({.begin = [&] { sick.image().cut(); },
            .end =
                [&] {
                  sick.image().unmount();
                  sick.image().mount();
                },
            .total = true});
}

TEST(SickDisk, Ext4ThatShutsDownIsAnsweredAndLosesNothing) {
  shut_down("ext4");
}
TEST(SickDisk, XfsThatShutsDownIsAnsweredAndLosesNothing) {
  shut_down("xfs");
}

}  // namespace
}  // namespace syncline
