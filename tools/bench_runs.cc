#include "tools/bench_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "journal/base/aligned_buffer.h"
#include "journal/base/clock.h"
#include "journal/base/mutex.h"
#include "journal/base/try.h"
#include "journal/os/file_system.h"
#include "tools/child_process.h"

namespace syncline {
namespace {

constexpr uint64_t kFlushedBlocks = 256;  // written over again and again
constexpr size_t kWindow = 4096;          // records of a stream that are on their way

Record make_record(uint64_t number) {
  std::string body = fmt::format("record {} ", number);
  while (body.size() < BenchRuns::kBodyBytes) {
    body += fmt::format("{:016x} ", number * 0x9e3779b97f4a7c15u + body.size());
  }
  body.resize(BenchRuns::kBodyBytes);
  return {.kind = "note",
          .fields = {{"title", fmt::format("bench record {}", number)}, {"body", std::move(body)}},
          .key = {}};
}

class Stopwatch {
 public:
  explicit Stopwatch(double seconds)
      : end_(system_clock().after_ms(static_cast<int64_t>(seconds * 1000))) {}
  bool over() const { return system_clock().passed(end_); }
  double rate(uint64_t count) const {
    const int64_t taken_ns = system_clock().monotonic_ns() - started_ns_;
    return static_cast<double>(count) * 1e9 / static_cast<double>(std::max<int64_t>(taken_ns, 1));
  }

 private:
  int64_t started_ns_ = system_clock().monotonic_ns();
  Deadline end_;
};

// The first error of several threads.
class FirstError {
 public:
  void note(const Error& error) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!error_) error_ = error;
  }
  std::optional<Error> get() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return error_;
  }

 private:
  Mutex mutex_;
  std::optional<Error> error_ GUARDED_BY(mutex_);
};

Status check_answer(const ChildProcess::Outcome& outcome) {
  if (outcome.exit_code == 0) return {};
  return make_error(Code::kIo, fmt::format("`syncline record` ended with {}: {}", outcome.exit_code,
                                           outcome.output));
}

}  // namespace

Result<double> BenchRuns::disk_flushes(double seconds) {
  TRY_ASSIGN(const auto directory, open_posix_directory(directory_));
  TRY_ASSIGN(const auto file,
             directory->open_file("flushes", {.write = true, .create = true, .direct = true}));
  AlignedBuffer block;
  const ByteSpan bytes(block.reserve(kBlockBytes), kBlockBytes);
  for (uint64_t i = 0; i < kFlushedBlocks; ++i) TRY(file->write_at(i * kBlockBytes, bytes));
  TRY(file->sync_data());
  const Stopwatch watch(seconds);
  uint64_t flushes = 0;
  while (!watch.over()) {
    TRY(file->write_at(flushes++ % kFlushedBlocks * kBlockBytes, bytes));
    TRY(file->sync_data());
  }
  const double rate = watch.rate(flushes);
  TRY(directory->remove_file("flushes"));
  return rate;
}

Result<double> BenchRuns::callers(int threads, double seconds) {
  TRY_ASSIGN(const auto store, fresh_store(/*background=*/false));
  std::atomic<uint64_t> recorded = 0;
  FirstError failed;
  const Stopwatch watch(seconds);
  const auto call = [&] {
    while (!watch.over() && !failed.get()) {
      const auto receipt = store->record(make_record(++recorded), Stage::kJournaled);
      if (!receipt) failed.note(receipt.error());
    }
  };
  std::vector<std::jthread> callers;
  try {
    for (int i = 1; i < threads; ++i) callers.emplace_back(call);
  } catch (const std::system_error& error) {
    failed.note(errno_error(error.code().value(), "cannot start a thread"));
  }
  call();
  callers.clear();
  if (const auto error = failed.get()) return *error;
  return watch.rate(recorded);
}

Result<double> BenchRuns::stream(Stage stage, double seconds) {
  TRY_ASSIGN(const auto store, fresh_store(/*background=*/true));
  const Stage waited_for = std::min(stage, Stage::kApplied);
  std::deque<Ticket> on_their_way;
  const auto wait_for_first = [&]() -> Status {
    TRY(store->wait(on_their_way.front(), waited_for));
    on_their_way.pop_front();
    return {};
  };
  const Stopwatch watch(seconds);
  uint64_t records = 0;
  for (; !watch.over(); ++records) {
    TRY_ASSIGN(Ticket ticket, store->submit(make_record(records)));
    on_their_way.push_back(std::move(ticket));
    if (on_their_way.size() > kWindow) TRY(wait_for_first());
  }
  while (!on_their_way.empty()) TRY(wait_for_first());
  if (stage >= Stage::kCommitted) TRY(store->sync(/*push=*/false, kForever));
  return watch.rate(records);
}

Result<double> BenchRuns::one_shot(int processes, double seconds) {
  TRY_ASSIGN(const std::string root, fresh_root());
  const Stopwatch watch(seconds);
  uint64_t calls = 0;
  Status all;
  while (all && !watch.over()) {
    std::vector<ChildProcess> children;
    for (int i = 0; i < processes && all; ++i) {
      const Record record = make_record(calls + static_cast<uint64_t>(i));
      std::vector<std::string> arguments{"syncline", "--store", root, "record", record.kind};
      for (const auto& [name, value] : record.fields) {
        arguments.push_back("--" + name);
        arguments.push_back(std::get<std::string>(value));
      }
      auto child = ChildProcess::start(kOwnProgram, arguments);
      if (!child) all = child.error();
      if (child) children.push_back(std::move(*child));
    }
    for (ChildProcess& child : children) {
      const auto outcome = child.wait();
      const Status one = outcome ? check_answer(*outcome) : Status(outcome.error());
      if (all && !one) all = one;
    }
    calls += children.size();
  }
  TRY(all);
  return watch.rate(calls);
}

Result<std::string> BenchRuns::fresh_root() {
  std::string root = fmt::format("{}/store-{}", directory_, ++stores_);
  std::error_code failed;
  std::filesystem::create_directory(root, failed);
  if (failed) return errno_error(failed.value(), fmt::format("cannot make {}", root));
  TRY(Store::init(root, {.profile = "notes", .nested = true}));
  return root;
}

Result<std::unique_ptr<Store>> BenchRuns::fresh_store(bool background) {
  TRY_ASSIGN(const std::string root, fresh_root());
  return Store::open(root, {.background = background});
}

}  // namespace syncline
