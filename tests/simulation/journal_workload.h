// Workloads for the journal on the simulated disk: words over a small alphabet of operations, run
// by two processes that have the store open.
//
//   r append a record      f flush what one appended last    e reopen
//   g append a group of 3  F flush all                       t trim what is durable
//   c append a control frame                                 o append until the segment changes
//
// Lower case by process A, upper case for B would clash with F, so B's operations are preceded by
// an apostrophe: "r'rf'F" is A appends, B appends, A flushes, B flushes all.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/disk.h"
#include "tests/simulation/journal_ledger.h"

namespace syncline::simulation {

struct Step {
  char operation = 'r';
  unsigned actor = 0;  // 0: A, 1: B
};
using Word = std::vector<Step>;

inline constexpr std::string_view kOperations = "rgcfFote";

std::string spell(const Word& word);
Word parse_word(std::string_view text);
// All words of exactly `length` steps that A begins (the processes are alike).
std::vector<Word> words_of_length(size_t length);

JournalOptions tiny_options();

// A disk with a journal that holds one acknowledged record, and both processes in it.
class Workload {
 public:
  Workload(Conductor& conductor, SimulatedClock& clock);
  ~Workload();

  // What the step answered. Throws SimulatedCrash when the conductor says so.
  Status run(const Step& step);
  // The actor's process died and was unwound.
  void bury(unsigned actor);
  void start(unsigned actor);
  // Appends one record by `actor` and flushes it.
  Status record(unsigned actor);

  Disk disk;
  Ledger ledger;
  bool has(unsigned actor) const { return actors_[actor].journal != nullptr; }
  Journal& journal(unsigned actor) { return *actors_[actor].journal; }
  Directory& root(unsigned actor) { return *actors_[actor].root; }
  ProcessId process(unsigned actor) const { return actors_[actor].process; }

 private:
  struct Actor {
    ProcessId process = 0;
    std::unique_ptr<Directory> root;
    std::unique_ptr<Journal> journal;
    Appended last;
    size_t last_end = 0;  // attempts up to `last`
  };

  Status open(Actor& actor);
  Status append(Actor& actor, const std::vector<uint32_t>& payload_bytes, bool control);
  Status append_by(Actor& actor, size_t first, bool control);
  Status flush(Actor& actor);
  Status append_until_full(Actor& actor);

  SimulatedClock& clock_;
  std::vector<Actor> actors_;
};

}  // namespace syncline::simulation
