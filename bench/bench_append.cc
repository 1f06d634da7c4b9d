// Durable appends a second: every producer blocks until its record is durable.
//
//   StoreAppend    through the Store facade, threads of one process
//   JournalAppend  the journal alone: no validation, no keys, no encoding
//   RawAppend      the limit: the same bytes by O_DIRECT pwrite + fdatasync into a file already
//                  written, each producer for itself, no checksum, no log
//
// Arguments: bytes of a record. All three run in one process one after another, so that their
// ratios mean something on a disk whose absolute figures drift.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/bench_store.h"
#include "journal/log/journal.h"

namespace syncline {
namespace {

std::unique_ptr<BenchStore> shared_store;

void open_shared_store(const benchmark::State&) {
  shared_store = std::make_unique<BenchStore>(StoreOptions{.background = true});
}
void close_shared_store(const benchmark::State&) {
  shared_store.reset();
}

void StoreAppend(benchmark::State& state) {
  const Record record = note(1, static_cast<uint64_t>(state.range(0)));
  for (auto _ : state) must(shared_store->store().record(record, Stage::kJournaled));
  state.SetItemsProcessed(state.iterations());
}

struct BenchJournal {
  BenchJournal() : directory(must(open_posix_directory(scratch.string()))) {
    must(Journal::create(*directory, StoreId{}, system_clock(), {}));
    journal = must(Journal::open(*directory, StoreId{}, system_clock(), make_best_ring(), {}));
  }
  TemporaryDirectory scratch{"syncline-bench"};
  std::unique_ptr<Directory> directory;
  std::unique_ptr<Journal> journal;
};
std::unique_ptr<BenchJournal> shared_journal;

void open_shared_journal(const benchmark::State&) {
  shared_journal = std::make_unique<BenchJournal>();
}
void close_shared_journal(const benchmark::State&) {
  shared_journal.reset();
}

void JournalAppend(benchmark::State& state) {
  const ByteVector payload(static_cast<size_t>(state.range(0)), std::byte{'x'});
  const NewFrame frame{.operation = Operation::kCreate,
                       .id = 1,
                       .payload = payload,
                       .payload_hash = hash_payload(payload)};
  Journal& journal = *shared_journal->journal;
  for (auto _ : state) {
    Appended appended;
    {
      auto turn = must(journal.begin_append());
      appended = must(turn.append({&frame, 1}));
    }
    must(journal.flush(appended));
  }
  state.SetItemsProcessed(state.iterations());
}

// A file of zeros that was written, not merely allocated; each thread goes round in its own part.
class RawFile {
 public:
  static constexpr size_t kPartBytes = 4u << 20;
  explicit RawFile(int threads) {
    const std::string path = (scratch_ / "raw").string();
    descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0600);
    if (descriptor_ < 0) descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const Buffer zeros(kPartBytes);
    for (int part = 0; part < threads; ++part) write(zeros, static_cast<size_t>(part) * kPartBytes);
    if (fdatasync(descriptor_) != 0) stop(errno_error(errno, "fdatasync"));
  }
  ~RawFile() { close(descriptor_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  // Aligned as O_DIRECT wants it.
  class Buffer {
   public:
    explicit Buffer(size_t size_bytes)
        : size_bytes_(size_bytes), bytes_(std::aligned_alloc(4096, size_bytes), &std::free) {
      std::memset(bytes_.get(), 0, size_bytes);
    }
    const void* data() const { return bytes_.get(); }
    size_t size() const { return size_bytes_; }

   private:
    size_t size_bytes_;
    std::unique_ptr<void, void (*)(void*)> bytes_;
  };

  void write(const Buffer& buffer, size_t offset) {
    if (pwrite(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(buffer.size())) {
      stop(errno_error(errno, "pwrite"));
    }
  }
  void sync() {
    if (fdatasync(descriptor_) != 0) stop(errno_error(errno, "fdatasync"));
  }

 private:
  TemporaryDirectory scratch_{"syncline-bench"};
  int descriptor_ = -1;
};
std::unique_ptr<RawFile> shared_file;

void open_shared_file(const benchmark::State& state) {
  shared_file = std::make_unique<RawFile>(state.threads());
}
void close_shared_file(const benchmark::State&) {
  shared_file.reset();
}

void RawAppend(benchmark::State& state) {
  const size_t block = (static_cast<size_t>(state.range(0)) + 4095) / 4096 * 4096;
  const RawFile::Buffer buffer(block);
  const size_t base = static_cast<size_t>(state.thread_index()) * RawFile::kPartBytes;
  size_t offset = 0;
  for (auto _ : state) {
    shared_file->write(buffer, base + offset);
    shared_file->sync();
    offset = (offset + block) % RawFile::kPartBytes;
  }
  state.SetItemsProcessed(state.iterations());
}

void sizes_and_threads(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(256)->Arg(1024)->Arg(4096)->UseRealTime();
  for (const int threads : {1, 4, 16, 64}) benchmark->Threads(threads);
}

BENCHMARK(StoreAppend)
    ->Setup(open_shared_store)
    ->Teardown(close_shared_store)
    ->Apply(sizes_and_threads);
BENCHMARK(JournalAppend)
    ->Setup(open_shared_journal)
    ->Teardown(close_shared_journal)
    ->Apply(sizes_and_threads);
BENCHMARK(RawAppend)
    ->Setup(open_shared_file)
    ->Teardown(close_shared_file)
    ->Apply(sizes_and_threads);

}  // namespace
}  // namespace syncline

BENCHMARK_MAIN();
