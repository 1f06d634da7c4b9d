// What it costs to read a journal: frames read and checked a second, and bytes.
//
// Argument: bytes of a record. The peers read the same files in the same order and look at nothing:
// TwoReads keeps two reads of 4 MiB under way by io_uring, around the page cache; OneRead waits for
// each. Cold: no byte of the files is in the page cache. For ratios, run all in one go:
//
//   bench_scan --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <liburing.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "bench/bench_store.h"
#include "journal/base/aligned_buffer.h"
#include "journal/base/posix_fd.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"

namespace syncline {
namespace {

constexpr uint64_t kJournalBytes = 512u << 20;
constexpr size_t kReadBytes = 4u << 20;

struct FilledJournal {
  explicit FilledJournal(int64_t bytes_of_a_record)
      : directory(must(open_posix_directory(scratch.string()))) {
    must(Journal::create(*directory, StoreId{}, system_clock(), {}));
    journal = must(Journal::open(*directory, StoreId{}, system_clock(), make_best_ring(), {}));
    const auto record_bytes = static_cast<uint64_t>(bytes_of_a_record);
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
  uint64_t closed_bytes() const { return must(journal->size_bytes()) - last_segment_bytes(); }
  uint64_t last_segment_bytes() const {
    const std::string name = fmt::format("{:016x}.seg", journal->end().position.segment);
    return std::filesystem::file_size(scratch / "journal" / name);
  }
  TemporaryDirectory scratch{"syncline-bench"};
  std::unique_ptr<Directory> directory;
  std::unique_ptr<Journal> journal;
  uint64_t records = 0;
};

FilledJournal& filled(int64_t record_bytes) {
  static std::map<int64_t, std::unique_ptr<FilledJournal>> all;
  auto& journal = all[record_bytes];
  if (journal == nullptr) journal = std::make_unique<FilledJournal>(record_bytes);
  return *journal;
}

std::vector<std::string> segment_files(const FilledJournal& journal) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(journal.scratch / "journal")) {
    if (entry.path().extension() == ".seg") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void make_cold(const FilledJournal& journal) {
  for (const std::string& name : segment_files(journal)) {
    const PosixFd file(open(name.c_str(), O_RDONLY | O_CLOEXEC));
    fdatasync(file.get());
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

void scan(const FilledJournal& journal, Reading reading) {
  auto reader = must(Reader::open(*journal.directory, StoreId{}, Mark{}, reading));
  const Mark limit = journal.journal->durable();
  uint64_t frames = 0;
  while (must(reader->next(limit))) ++frames;
  if (frames != journal.records) {
    stop(make_error(Code::kInternal, "the scan did not find every record"));
  }
}

template <typename Work>
void measure(benchmark::State& state, bool cold, Work work) {
  const FilledJournal& journal = filled(state.range(0));
  if (!cold) scan(journal, Reading::kSteps);  // reads through the page cache
  for (auto _ : state) {
    if (cold) make_cold(journal);
    const auto begin = std::chrono::steady_clock::now();
    work(journal);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(took.count());
  }
  const auto rounds = static_cast<int64_t>(state.iterations());
  state.SetItemsProcessed(rounds * static_cast<int64_t>(journal.records));
  state.SetBytesProcessed(rounds * static_cast<int64_t>(journal.journal->end().position.offset +
                                                        journal.closed_bytes()));
}

// `depth` reads under way, across the files.
void read_by_ring(const FilledJournal& journal, unsigned depth) {
  struct Piece {
    int descriptor;
    uint64_t offset;
    unsigned bytes;
  };
  io_uring ring;
  if (io_uring_queue_init(8, &ring, 0) != 0) {
    stop(make_error(Code::kUnsupported, "io_uring is refused"));
  }
  std::vector<PosixFd> files;
  std::vector<Piece> pieces;
  for (const std::string& name : segment_files(journal)) {
    files.emplace_back(open(name.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    const uint64_t size = std::filesystem::file_size(name);
    for (uint64_t at = 0; at < size; at += kReadBytes) {
      const auto bytes = static_cast<unsigned>(std::min<uint64_t>(kReadBytes, size - at));
      pieces.push_back({files.back().get(), at, bytes});
    }
  }
  static AlignedBuffer buffer;
  std::byte* const memory = buffer.reserve(kReadBytes * depth);
  std::vector<bool> done(pieces.size());
  size_t begun = 0;
  for (size_t at = 0; at < pieces.size(); ++at) {
    for (; begun < pieces.size() && begun < at + depth; ++begun) {
      io_uring_sqe* const entry = io_uring_get_sqe(&ring);
      io_uring_prep_read(entry, pieces[begun].descriptor, memory + begun % depth * kReadBytes,
                         pieces[begun].bytes, pieces[begun].offset);
      entry->user_data = begun;
      io_uring_submit(&ring);
    }
    while (!done[at]) {
      io_uring_cqe* completion = nullptr;
      if (io_uring_wait_cqe(&ring, &completion) != 0) continue;
      if (completion->res != static_cast<int>(pieces[completion->user_data].bytes)) {
        stop(make_error(Code::kIo, "a read by io_uring was not whole"));
      }
      done[completion->user_data] = true;
      io_uring_cqe_seen(&ring, completion);
    }
  }
  io_uring_queue_exit(&ring);
}

void ScanCold(benchmark::State& state) {
  measure(state, true, [](const auto& journal) { scan(journal, Reading::kThrough); });
}
void ScanInStepsCold(benchmark::State& state) {
  measure(state, true, [](const auto& journal) { scan(journal, Reading::kSteps); });
}
void TwoReadsCold(benchmark::State& state) {
  measure(state, true, [](const auto& journal) { read_by_ring(journal, 2); });
}
void OneReadCold(benchmark::State& state) {
  measure(state, true, [](const auto& journal) { read_by_ring(journal, 1); });
}
void ScanWarm(benchmark::State& state) {
  measure(state, false, [](const auto& journal) { scan(journal, Reading::kThrough); });
}
void ScanInStepsWarm(benchmark::State& state) {
  measure(state, false, [](const auto& journal) { scan(journal, Reading::kSteps); });
}

BENCHMARK(ScanCold)->Arg(256)->Arg(1024)->Arg(65536)->UseManualTime();
BENCHMARK(ScanInStepsCold)->Arg(1024)->UseManualTime();
BENCHMARK(TwoReadsCold)->Arg(1024)->UseManualTime();
BENCHMARK(OneReadCold)->Arg(1024)->UseManualTime();
BENCHMARK(ScanWarm)->Arg(1024)->UseManualTime();
BENCHMARK(ScanInStepsWarm)->Arg(1024)->UseManualTime();

}  // namespace
}  // namespace syncline

BENCHMARK_MAIN();
