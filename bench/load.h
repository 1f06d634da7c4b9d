// Producers that each wait until what they wrote is durable: how every engine is asked to append.
//
// A program makes one Client for each producer, calls run_load() and prints the report. Producers
// are threads of one process, or processes. Each counts what it starts between the end of the
// warm-up and the end of the run; all use one clock, so late starters do not stretch the run.
//
// Needs neither the engine nor a peer: every benchmark program links it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline {

// An error ends the program: a benchmark that goes on after a failed call measures nothing.
[[noreturn]] void stop_benchmark(const std::string& why);
inline void require(bool good, const char* what) {
  if (!good) stop_benchmark(what);
}

int64_t now_ns();
double seconds_since(int64_t start_ns);

// "program [verb] --name value … [-- rest…]".
class Arguments {
 public:
  Arguments(int argc, char** argv);
  const std::string& verb() const { return verb_; }
  std::string text(const std::string& name) const;  // stops when it is missing
  std::string text(const std::string& name, const std::string& otherwise) const;
  uint64_t number(const std::string& name, uint64_t otherwise) const;
  double real(const std::string& name, double otherwise) const;
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  std::string verb_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> rest_;
};

// One JSON object of numbers, on one line of standard output.
class Report {
 public:
  void add(const std::string& name, double value) { values_.emplace_back(name, value); }
  void print() const;

 private:
  std::vector<std::pair<std::string, double>> values_;
};

struct Load {
  explicit Load(const Arguments& arguments);

  int producers;
  bool processes;  // each producer is a process of its own
  int batch;       // records that a producer hands over at once and then waits for
  size_t bytes;    // of a record
  double seconds, warm_seconds;
  uint64_t writes_max;  // of each producer, warm-up included; 0: as many as the time allows
};

// One producer's way to the disk. Used by one thread at a time.
class Client {
 public:
  virtual ~Client() = default;
  // Returns once all of them are durable. They are numbered from `first`; no number comes twice.
  virtual void write(std::span<const std::string> records, uint64_t first) = 0;
};

// With processes, `make` is called in the child.
using ClientMaker = std::function<std::unique_ptr<Client>(int producer)>;
// Adds rate (records a second), records, and the latency of a write in microseconds.
void run_load(const Load& load, const ClientMaker& make, Report& report);

// A key of eight bytes that sorts as its number.
std::string key_of(uint64_t number);

}  // namespace syncline
