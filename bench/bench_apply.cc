// Journal to rows and files: records applied a second, by one thread, from a durable journal.
//
// Arguments: records, bytes of a record's body. The peer writes the same rows (one transaction a
// thousand, no durability at all) and the same files (never synced): the limit of what SQLite and
// the file system give.
#include <benchmark/benchmark.h>

#include <chrono>
#include <fstream>

#include "bench/bench_store.h"
#include "engine/sqlite/database.h"

namespace syncline {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Apply(benchmark::State& state) {
  const auto records = static_cast<uint64_t>(state.range(0));
  for (auto _ : state) {
    BenchStore store;
    store.journal_records(records, static_cast<uint64_t>(state.range(1)));
    const auto start = std::chrono::steady_clock::now();
    store.reach(Stage::kApplied);
    state.SetIterationTime(seconds_since(start));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void RowsAndFilesUnsynced(benchmark::State& state) {
  const auto records = static_cast<uint64_t>(state.range(0));
  for (auto _ : state) {
    const TemporaryDirectory scratch("syncline-bench");
    const auto database =
        must(Database::open((scratch / "peer.db").string(), Database::Access::kWrite));
    must(
        database->execute("PRAGMA synchronous=OFF; CREATE TABLE notes(id INTEGER PRIMARY KEY, "
                          "title TEXT, body TEXT, path TEXT)"));
    const Record record = note(1, static_cast<uint64_t>(state.range(1)));
    const std::string& body = std::get<std::string>(record.fields[1].second);
    const auto start = std::chrono::steady_clock::now();
    Statement insert = must(database->prepare("INSERT INTO notes VALUES (?1, ?2, ?3, ?4)"));
    std::filesystem::path shard;
    for (uint64_t id = 0; id < records; ++id) {
      if (id % 1000 == 0) {
        if (id > 0) must(database->execute("COMMIT"));
        must(database->execute("BEGIN"));
        shard = scratch / std::to_string(id / 1000);
        std::filesystem::create_directory(shard);
      }
      const std::string path = (shard / std::to_string(id)).string();
      insert.bind(1, id).bind(2, std::string_view("note")).bind(3, std::string_view(body));
      insert.bind(4, std::string_view(path));
      must(insert.run());
      std::ofstream(path, std::ios::binary) << body;
    }
    must(database->execute("COMMIT"));
    state.SetIterationTime(seconds_since(start));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(Apply)
    ->Args({10'000, 256})
    ->Args({10'000, 1024})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(RowsAndFilesUnsynced)
    ->Args({10'000, 256})
    ->Args({10'000, 1024})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace syncline

BENCHMARK_MAIN();
