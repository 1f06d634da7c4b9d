#include "bench/load.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace syncline {
namespace {

// Latencies in buckets a sixteenth of a power of two wide: each is known to 6 %.
constexpr uint64_t kSteps = 16;
constexpr size_t kBuckets = 64 * kSteps;

size_t bucket_of(uint64_t ns) {
  if (ns < kSteps) return ns;
  const auto shift = static_cast<uint64_t>(std::bit_width(ns)) - 5;
  return (shift + 1) * kSteps + ((ns >> shift) - kSteps);
}

double middle_of(size_t bucket) {
  if (bucket < kSteps) return static_cast<double>(bucket);
  const uint64_t shift = bucket / kSteps - 1;
  return (static_cast<double>(bucket % kSteps + kSteps) + 0.5) *
         static_cast<double>(uint64_t{1} << shift);
}

// What one producer counts, in memory that it shares with the process that reports.
struct Count {
  uint64_t records;
  uint64_t writes;
  uint64_t max_ns;
  int64_t first_ns, last_ns;  // start of the first write that counts, end of the last
  std::array<uint64_t, kBuckets> buckets;
};

// What all producers read; the counts lie behind it.
struct alignas(Count) Start {
  int64_t ns;
};

struct Pipe {
  Pipe() { require(pipe(ends) == 0, "pipe"); }
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_writer() {
    close(ends[1]);
    ends[1] = -1;
  }
  int ends[2] = {-1, -1};
};

void stamp(std::string& record, uint64_t number) {
  std::array<char, 24> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%016llx ", static_cast<unsigned long long>(number));
  std::memcpy(record.data(), text.data(),
              std::min(record.size(), static_cast<size_t>(std::max(0, length))));
}

// Text that compresses about as notes do, so that an engine which compresses gains what it would.
std::string blank_record(size_t bytes) {
  std::string text = "0000000000000000 ";
  for (uint64_t word = 1; text.size() < bytes; ++word) {
    text += std::to_string(word * 0x9e3779b97f4a7c15u % 100'000) + " words of a note ";
  }
  text.resize(bytes);
  return text;
}

class Producers {
 public:
  Producers(const Load& load, const ClientMaker& make) : load_(load), make_(make) {
    size_ = sizeof(Start) + static_cast<size_t>(load.producers) * sizeof(Count);
    void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(memory != MAP_FAILED, "mmap");
    start_ = static_cast<Start*>(memory);
    void* const behind = start_ + 1;
    counts_ = {static_cast<Count*>(behind), static_cast<size_t>(load.producers)};
  }
  ~Producers() { munmap(start_, size_); }
  Producers(const Producers&) = delete;
  Producers& operator=(const Producers&) = delete;

  void run() {
    if (load_.processes) {
      run_processes();
    } else {
      run_threads();
    }
  }

  void report(Report& report) const {
    Count sum{};
    for (const Count& count : counts_) {
      sum.records += count.records;
      sum.writes += count.writes;
      sum.max_ns = std::max(sum.max_ns, count.max_ns);
      for (size_t i = 0; i < kBuckets; ++i) sum.buckets[i] += count.buckets[i];
    }
    require(sum.writes > 0, "no write was finished: give it more time (--seconds)");
    report.add("rate", static_cast<double>(sum.records) / seconds_counted());
    report.add("records", static_cast<double>(sum.records));
    report.add("p50_us", percentile(sum, 0.5));
    report.add("p99_us", percentile(sum, 0.99));
    report.add("p999_us", percentile(sum, 0.999));
    report.add("max_us", static_cast<double>(sum.max_ns) / 1000);
  }

 private:
  // Of many producers, as many writes reach over the end of the run as over the end of the warm-up.
  // One alone is timed by its own writes.
  double seconds_counted() const {
    if (load_.producers > 1) return load_.seconds;
    return static_cast<double>(counts_[0].last_ns - counts_[0].first_ns) / 1e9;
  }

  static double percentile(const Count& count, double part) {
    const auto rank = static_cast<uint64_t>(std::ceil(part * static_cast<double>(count.writes)));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += count.buckets[i];
      if (seen >= rank) {
        return std::min(middle_of(i), static_cast<double>(count.max_ns)) / 1000;
      }
    }
    return static_cast<double>(count.max_ns) / 1000;
  }

  void produce(int producer) {
    const std::unique_ptr<Client> client = make_(producer);
    std::vector<std::string> records(static_cast<size_t>(load_.batch), blank_record(load_.bytes));
    Count& count = counts_[static_cast<size_t>(producer)];
    char byte = 'r';
    require(write(ready_.ends[1], &byte, 1) == 1, "write to a pipe");
    require(read(go_.ends[0], &byte, 1) == 0, "read from a pipe");  // its end: everybody starts

    const auto ns = [](double seconds) { return static_cast<int64_t>(seconds * 1e9); };
    const int64_t warm_ns = start_->ns + ns(load_.warm_seconds);
    const int64_t end_ns = warm_ns + ns(load_.seconds);
    uint64_t next = (static_cast<uint64_t>(producer) << 40) + 1;
    for (uint64_t done = 0; load_.writes_max == 0 || done < load_.writes_max; ++done) {
      for (size_t i = 0; i < records.size(); ++i) stamp(records[i], next + i);
      const int64_t before_ns = now_ns();
      if (before_ns >= end_ns && (count.writes > 0 || load_.producers > 1)) break;
      client->write(records, next);
      next += records.size();
      if (before_ns < warm_ns && load_.writes_max == 0) continue;
      if (count.writes == 0) count.first_ns = before_ns;
      count.last_ns = now_ns();
      const auto took_ns = static_cast<uint64_t>(count.last_ns - before_ns);
      count.records += records.size();
      ++count.writes;
      count.max_ns = std::max(count.max_ns, took_ns);
      ++count.buckets[bucket_of(took_ns)];
    }
  }

  void await_ready() {
    for (int producer = 0; producer < load_.producers; ++producer) {
      char byte = 0;
      require(read(ready_.ends[0], &byte, 1) == 1, "a producer did not start");
    }
    start_->ns = now_ns();
    go_.close_writer();
  }

  void run_threads() {
    std::vector<std::thread> threads;
    for (int producer = 0; producer < load_.producers; ++producer) {
      threads.emplace_back([this, producer] { produce(producer); });
    }
    await_ready();
    for (std::thread& thread : threads) thread.join();
  }

  void run_processes() {
    std::vector<pid_t> children;
    for (int producer = 0; producer < load_.producers; ++producer) {
      const pid_t child = fork();
      require(child >= 0, "fork");
      if (child == 0) {
        go_.close_writer();
        produce(producer);
        _exit(0);
      }
      children.push_back(child);
    }
    ready_.close_writer();  // a child that dies early is then an end of file
    await_ready();
    for (const pid_t child : children) {
      int status = 0;
      require(waitpid(child, &status, 0) == child && status == 0, "a producer failed");
    }
  }

  const Load& load_;
  const ClientMaker& make_;
  size_t size_ = 0;
  Start* start_ = nullptr;  // in memory that is shared, as the counts are
  std::span<Count> counts_;
  Pipe ready_, go_;
};

}  // namespace

void stop_benchmark(const std::string& why) {
  std::fprintf(stderr, "benchmark stopped: %s\n", why.c_str());
  std::_Exit(1);
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double seconds_since(int64_t start_ns) {
  return static_cast<double>(now_ns() - start_ns) / 1e9;
}

Arguments::Arguments(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") {
      rest_.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (!words[i].starts_with("--")) {
      require(verb_.empty(), "one verb is enough");
      verb_ = words[i];
    } else {
      require(i + 1 < words.size(), "an option has no value");
      values_[words[i].substr(2)] = words[i + 1];
      ++i;
    }
  }
}

std::string Arguments::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) stop_benchmark("--" + name + " is missing");
  return found->second;
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

uint64_t Arguments::number(const std::string& name, uint64_t otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 10);
}

double Arguments::real(const std::string& name, double otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : std::strtod(found->second.c_str(), nullptr);
}

void Report::print() const {
  std::string line = "{";
  for (const auto& [name, value] : values_) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s\"%s\": ", line.size() > 1 ? ", " : "",
                  name.c_str());
    line += text.data();
    std::snprintf(text.data(), text.size(), "%.9g", value);
    line += text.data();
  }
  std::printf("%s}\n", line.c_str());
}

Load::Load(const Arguments& arguments)
    : producers(static_cast<int>(arguments.number("producers", 1))),
      processes(arguments.number("processes", 0) != 0),
      batch(static_cast<int>(arguments.number("batch", 1))),
      bytes(arguments.number("bytes", 1024)),
      seconds(arguments.real("seconds", 1)),
      warm_seconds(arguments.real("warm", 0.1)),
      writes_max(arguments.number("writes", 0)) {
  require(producers > 0 && batch > 0 && bytes > 0 && seconds > 0, "a number of the load is 0");
}

void run_load(const Load& load, const ClientMaker& make, Report& report) {
  Producers producers(load, make);
  producers.run();
  producers.report(report);
}

std::string key_of(uint64_t number) {
  std::string key(8, '\0');
  for (size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(number >> (56 - 8 * i));
  return key;
}

}  // namespace syncline
