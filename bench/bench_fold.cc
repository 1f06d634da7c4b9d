// Journal to git: records folded a second into commits of the store's own ref, everything synced.
//
// Arguments: records folded, files the store's tree holds before. The peer is `git fast-import` of
// the same blobs, a thousand a commit; it is left out where git is not installed.
#include <benchmark/benchmark.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "bench/bench_store.h"
#include "tests/support/subprocess.h"

namespace syncline {
namespace {

constexpr uint64_t kBodyBytes = 650;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Fold(benchmark::State& state) {
  for (auto _ : state) {
    BenchStore store;
    if (state.range(1) > 0) {
      store.journal_records(static_cast<uint64_t>(state.range(1)), kBodyBytes);
      store.reach(Stage::kCommitted);
    }
    store.journal_records(static_cast<uint64_t>(state.range(0)), kBodyBytes);
    store.reach(Stage::kApplied);
    const auto start = std::chrono::steady_clock::now();
    store.reach(Stage::kCommitted);
    state.SetIterationTime(seconds_since(start));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void append_commit(std::string& stream, uint64_t first, uint64_t count) {
  stream += "commit refs/heads/main\ncommitter S <s@localhost> 1700000000 +0000\ndata 1\nc\n";
  for (uint64_t number = first; number < first + count; ++number) {
    const Record record = note(number, kBodyBytes);
    const std::string& body = std::get<std::string>(record.fields[1].second);
    stream += "M 100644 inline " + std::to_string(number / 1000) + "/" + std::to_string(number) +
              ".md\ndata " + std::to_string(body.size()) + "\n" + body + "\n";
  }
}

void GitFastImport(benchmark::State& state) {
  if (!program_exists("git")) {
    state.SkipWithError("git is not installed");
    return;
  }
  const auto records = static_cast<uint64_t>(state.range(0));
  const auto before = static_cast<uint64_t>(state.range(1));
  std::string base, stream;
  for (uint64_t done = 0; done < before; done += 1000) append_commit(base, done, 1000);
  for (uint64_t done = 0; done < records; done += 1000) {
    append_commit(stream, before + done, std::min<uint64_t>(1000, records - done));
  }
  // An import continues a branch only where it is told so.
  if (before > 0) stream.insert(stream.find("M "), "from refs/heads/main^0\n");
  for (auto _ : state) {
    const TemporaryDirectory scratch("syncline-bench");
    ProcessOptions options{.directory = scratch.string()};
    bool ok = run_process({"git", "init", "-q", "-b", "main"}, options).ok();
    options.input = base;
    if (ok && before > 0) ok = run_process({"git", "fast-import", "--quiet"}, options).ok();
    options.input = stream;
    const auto start = std::chrono::steady_clock::now();
    if (ok) {
      ok = run_process({"git", "-c", "core.fsync=all", "fast-import", "--quiet"}, options).ok();
    }
    state.SetIterationTime(seconds_since(start));
    if (!ok) state.SkipWithError("git fast-import failed");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void records_and_base(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({5'000, 0})->Args({5'000, 10'000});
  benchmark->UseManualTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK(Fold)->Apply(records_and_base);
BENCHMARK(GitFastImport)->Apply(records_and_base);

}  // namespace
}  // namespace syncline

BENCHMARK_MAIN();
