// Every crash of a short workload, and what comes after it.
//
//   base ──► workload of 1 to 3 steps ──► a crash before every operation that changes the disk
//                                           │ kill: the page cache stays
//                                           │ power cut: each legal subset of what was pending
//                                           ▼
//                                         recovery: open, (retry), fold, publish, verify, close
//                                           │ a second crash before some operation of it, again cut
//                                           ▼
//                                         recovery, undisturbed ──► the oracle
//
// One process at a time, without fibers: what two do to each other is the scheduler's (world.h).
// A crash point is a copy of the disk's image, taken as the one run of the workload passes it, so
// nothing is run twice. Every choice is a function of the seed and of the state's number.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/machine.h"

namespace syncline::simulation {

using Workload = std::vector<Step>;
std::string describe(const Workload& workload);
// All of 1 to `steps_max` steps, shorter ones first.
std::vector<Workload> all_workloads(size_t steps_max);

struct ExplorerOptions {
  uint64_t seed = 1;
  // Power cuts tried at each crash point: every legal subset where there are no more than this (up
  // to 2^12), else "nothing kept" and others drawn.
  uint64_t subsets_max = 3;
  uint64_t second_crash_one_in = 16;  // of the states; 0: none
  uint64_t verify_one_in = 16;        // by the engine itself, besides the oracle
  uint64_t replay_one_in = 256;
};

struct ExplorerReport {
  uint64_t workloads = 0, crash_points = 0, states = 0, second_crashes = 0;
  uint64_t verified = 0, replayed = 0, exhausted_points = 0;
  uint64_t lost = 0, doubled = 0, other_faults = 0;
  std::vector<std::string> failures;  // each with what replays it

  void add(const ExplorerReport& other);
};

class Explorer {
 public:
  explicit Explorer(const ExplorerOptions& options) : options_(options) {}

  // `only_state`: nothing but this state of the workload (numbered from 1), for a replay.
  void run(const Workload& workload, uint64_t only_state = 0);
  const ExplorerReport& report() const { return report_; }

 private:
  struct CrashPoint {
    std::string before;  // the operation that did not happen
    // Of a write that is longer than a sector: where, and what of it a kill in its midst leaves.
    std::string path;
    uint64_t offset = 0;
    ByteVector landed;
    DiskImage image;
    SimulatedClock clock;
    Ledger ledger;
  };
  // A run whose crash points are kept.
  class Recorder;

  void explore(const Workload& workload, const CrashPoint& point);
  void state(const Workload& workload, const CrashPoint& point, DiskImage image,
             const std::string& how);
  // Brings the store back, counting as one life: answers the disk at rest.
  DiskImage recover(const DiskImage& image, const SimulatedClock& clock, Ledger& ledger,
                    Conductor& conductor, uint64_t number);
  void check(const DiskImage& image, Ledger& ledger, uint64_t number);
  void check_commits(const Picture& picture, Ledger& ledger);
  void fail(const Workload& workload, const CrashPoint& point, const std::string& how,
            const std::vector<std::string>& faults);

  ExplorerOptions options_;
  ExplorerReport report_;
  uint64_t state_ = 0;  // of the present workload
  uint64_t only_state_ = 0;
  // A commit is a function of its parent and its records, whatever crashed on the way.
  std::map<std::string, std::string> commits_;
};

}  // namespace syncline::simulation
