// Recovery's cost: frames read and checked a second, and bytes.
//
// Argument: bytes of a record. The peer reads the same files in the same order and looks at
// nothing. Both read from the page cache after the first round; cold figures need `echo 3 >
// /proc/sys/vm/drop_caches` between runs of the program.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "bench/bench_store.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"

namespace syncline {
namespace {

constexpr uint64_t kJournalBytes = 128u << 20;

struct FilledJournal {
  explicit FilledJournal(uint64_t record_bytes)
      : directory(must(open_posix_directory(scratch.string()))) {
    must(Journal::create(*directory, StoreId{}, system_clock(), {}));
    journal = must(Journal::open(*directory, StoreId{}, system_clock(), make_best_ring(), {}));
    const ByteVector payload(record_bytes, std::byte{'x'});
    const NewFrame frame{.operation = Operation::kCreate,
                         .id = 1,
                         .payload = payload,
                         .payload_hash = hash_payload(payload)};
    const std::vector<NewFrame> group(std::max<uint64_t>(1, (1u << 20) / record_bytes), frame);
    for (uint64_t bytes = 0; bytes < kJournalBytes; bytes += group.size() * record_bytes) {
      auto turn = must(journal->begin_append());
      must(turn.append(group));
      records += group.size();
    }
    must(journal->flush_all());
  }
  TemporaryDirectory scratch{"syncline-bench"};
  std::unique_ptr<Directory> directory;
  std::unique_ptr<Journal> journal;
  uint64_t records = 0;
};

void Scan(benchmark::State& state) {
  const FilledJournal filled(static_cast<uint64_t>(state.range(0)));
  uint64_t frames = 0;
  for (auto _ : state) {
    auto reader = must(Reader::open(*filled.directory, StoreId{}, Mark{}));
    const Mark limit = filled.journal->durable();
    while (must(reader->next(limit))) ++frames;
  }
  if (frames != filled.records * static_cast<uint64_t>(state.iterations())) {
    state.SkipWithError("the scan did not find every record");
  }
  state.SetItemsProcessed(static_cast<int64_t>(frames));
  state.SetBytesProcessed(static_cast<int64_t>(frames) * state.range(0));
}

void PlainRead(benchmark::State& state) {
  const FilledJournal filled(static_cast<uint64_t>(state.range(0)));
  std::vector<char> buffer(4u << 20);
  for (auto _ : state) {
    for (const auto& entry : std::filesystem::directory_iterator(filled.scratch / "journal")) {
      std::ifstream stream(entry.path(), std::ios::binary);
      while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
             stream.gcount() > 0) {
        benchmark::DoNotOptimize(buffer.data());
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(filled.records) *
                          state.range(0));
}

BENCHMARK(Scan)->Arg(256)->Arg(1024)->Arg(4096)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(PlainRead)->Arg(1024)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace syncline

BENCHMARK_MAIN();
