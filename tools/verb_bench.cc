// syncline bench
//
// Measures this disk in a few seconds. Each figure is the median of three runs; the runs of all
// figures are interleaved, every store is new, and the clock runs until the named stage is reached.
// bench/ holds the programs that compare and plot.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "tools/bench_report.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/scratch_directory.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr uint64_t kRuns = 3;
constexpr uint64_t kStreamRecords = 5000;
constexpr uint64_t kSingleRecords = 200;
constexpr uint64_t kFlushes = 200;
constexpr size_t kBodyBytes = 1000;
constexpr size_t kBlock = 4096;

class Stopwatch {
 public:
  double rate(uint64_t count) const {
    const double seconds = static_cast<double>(system_clock().monotonic_ns() - started_ns_) / 1e9;
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  }

 private:
  int64_t started_ns_ = system_clock().monotonic_ns();
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Record make_record(uint64_t number) {
  std::string body = fmt::format("record {} ", number);
  while (body.size() < kBodyBytes)
    body += fmt::format("{:016x} ", number * 0x9e3779b97f4a7c15u + body.size());
  body.resize(kBodyBytes);
  return {.kind = "note",
          .fields = {{"title", fmt::format("bench record {}", number)}, {"body", std::move(body)}},
          .key = {}};
}

class Bench {
 public:
  explicit Bench(std::string directory) : directory_(std::move(directory)) {}

  // Blocks that were written before are overwritten, as the journal does.
  Result<double> disk_flushes() {
    const std::string path = directory_ + "/flushes";
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return errno_error(errno, "cannot make a file to measure with");
    const Result<double> rate = flush_blocks(file);
    close(file);
    unlink(path.c_str());
    return rate;
  }

  Result<double> one_by_one() {
    TRY_ASSIGN(const auto store, fresh_store(false));
    const Stopwatch watch;
    for (uint64_t i = 0; i < kSingleRecords; ++i) {
      TRY(store->record(make_record(i), Stage::kJournaled));
    }
    return watch.rate(kSingleRecords);
  }

  // `stage` kCommitted: with the publishing that `sync` does at the end.
  Result<double> stream(Stage stage) {
    TRY_ASSIGN(const auto store, fresh_store(true));
    const Stopwatch watch;
    std::vector<Ticket> tickets;
    for (uint64_t i = 0; i < kStreamRecords; ++i) {
      TRY_ASSIGN(const Ticket ticket, store->submit(make_record(i)));
      tickets.push_back(ticket);
    }
    for (const Ticket ticket : tickets) {
      TRY(store->wait(ticket, std::min(stage, Stage::kApplied)));
    }
    if (stage >= Stage::kCommitted) TRY(store->sync(false, kForever));
    return watch.rate(kStreamRecords);
  }

 private:
  static Result<double> flush_blocks(int file) {
    const std::string block(kBlock, 'x');
    const auto write_block = [&](uint64_t i) {
      return pwrite(file, block.data(), kBlock, static_cast<off_t>(i * kBlock)) ==
             static_cast<ssize_t>(kBlock);
    };
    for (uint64_t i = 0; i < kFlushes; ++i) {
      if (!write_block(i)) return errno_error(errno, "cannot write to measure");
    }
    if (fsync(file) != 0) return errno_error(errno, "fsync");
    const Stopwatch watch;
    for (uint64_t i = 0; i < kFlushes; ++i) {
      if (!write_block(i) || fdatasync(file) != 0) return errno_error(errno, "fdatasync");
    }
    return watch.rate(kFlushes);
  }

  Result<std::unique_ptr<Store>> fresh_store(bool background) {
    const std::string root = fmt::format("{}/store-{}", directory_, ++stores_);
    std::error_code failed;
    std::filesystem::create_directory(root, failed);
    if (failed) return errno_error(failed.value(), fmt::format("cannot make {}", root));
    TRY(Store::init(root, {.profile = "notes"}));
    return Store::open(root, {.background = background});
  }

  std::string directory_;
  uint64_t stores_ = 0;
};

// A place to measure in, on the file system in question: beside the store if that is the same file
// system, otherwise in the store; without a store, the current directory.
std::string bench_parent(const std::optional<std::string>& store) {
  if (!store) return ".";
  struct stat inside{}, beside{};
  const std::string parent = *store + "/..";
  const bool same = stat(store->c_str(), &inside) == 0 && stat(parent.c_str(), &beside) == 0 &&
                    inside.st_dev == beside.st_dev && access(parent.c_str(), W_OK) == 0;
  return same ? parent : *store;
}

Result<BenchReport> measure(const Session& session, const std::string& parent) {
  TRY_ASSIGN(const ScratchDirectory scratch, ScratchDirectory::make(parent, "syncline-bench-"));
  Progress progress(session.console(), "bench");
  Bench bench(scratch.path());
  const Deadline deadline = session.deadline();
  std::vector<double> flushes, single, journaled, applied, committed;
  uint64_t done = 0;
  const auto take = [&](std::vector<double>& into, Result<double> rate) -> Status {
    TRY_ASSIGN(const double value, std::move(rate));
    into.push_back(value);
    progress.update(done, done + 1, kRuns * 5);
    ++done;
    if (system_clock().passed(deadline)) {
      return make_error(Code::kTimeout, "the time limit was reached before three runs were done");
    }
    return {};
  };
  for (uint64_t run = 0; run < kRuns; ++run) {
    TRY(take(flushes, bench.disk_flushes()));
    TRY(take(single, bench.one_by_one()));
    TRY(take(journaled, bench.stream(Stage::kJournaled)));
    TRY(take(applied, bench.stream(Stage::kApplied)));
    TRY(take(committed, bench.stream(Stage::kCommitted)));
  }
  std::error_code failed;
  const auto where = std::filesystem::canonical(parent, failed);
  return BenchReport{.directory = failed ? parent : where.string(),
                     .runs = kRuns,
                     .records = kStreamRecords,
                     .record_bytes = kBodyBytes,
                     .disk_flushes = median(flushes),
                     .one_by_one = median(single),
                     .journaled = median(journaled),
                     .applied = median(applied),
                     .committed = median(committed)};
}

class BenchVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "bench", .usage = "bench", .summary = "measure this disk in a few seconds"};
  }

  void declare(Options&) override {}

  int run(Session& session) override {
    const auto report = measure(session, bench_parent(session.options().store));
    if (!report) return session.fail(report.error(), "the temporary stores are removed");
    return session.answer(bench_json(*report), bench_table(*report));
  }
};

}  // namespace

std::unique_ptr<Verb> make_bench_verb() {
  return std::make_unique<BenchVerb>();
}

}  // namespace syncline
