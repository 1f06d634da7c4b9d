// Takes a workload of the journal apart: a crash at every I/O operation of its last step (those
// before belong to shorter workloads), every legal outcome of it, a second crash at every I/O of
// the recovery from each, and the oracle after all of them.
//
// A state is an image of the disk with what was promised. Each is opened by the real Journal, read
// whole, appended to and flushed, cut off again with nothing unsynced kept, opened, and read again.
// States met before are counted once and not run again.
//
// Deterministic. A failure carries its trail, "word:crash:outcome[:crash:outcome]", which replays
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/journal_workload.h"
#include "tests/simulation/persistence.h"

namespace syncline::simulation {

struct Figures {
  uint64_t workloads = 0;
  uint64_t crash_points = 0;
  uint64_t outcomes = 0;        // of first crashes
  uint64_t second_crashes = 0;  // crash points in recoveries
  uint64_t states = 0;          // distinct, each run to its end
  uint64_t repeated = 0;        // met again, not run again
  uint64_t damaged = 0;         // images with illegal faults in them
  uint64_t sampled_points = 0;  // crash points with more outcomes than are enumerated
  void add(const Figures& other);
};

// Sixty-four-bit keys that were seen: open addressing, for tens of millions of them.
class SeenKeys {
 public:
  // False when it was there.
  bool insert(uint64_t key);

 private:
  void grow();
  std::vector<uint64_t> slots_ = std::vector<uint64_t>(1u << 16);
  size_t used_ = 0;
};

// Notes an image before every operation that changes something, and in the middle of writes.
class CrashRecorder final : public FaultPlan {
 public:
  struct Point {
    DiskImage image;
    Ledger ledger;
    std::string name;  // "7" for before the 7th operation, "7m" for in the middle of it
    bool killed_only = false;
  };

  using FaultPlan::FaultPlan;
  // `ledger` may be null: then what was promised does not change.
  void record(const Disk& disk, const Ledger* ledger) {
    disk_ = &disk;
    ledger_ = ledger;
    begun_at_ = operations();
  }
  void stop() { disk_ = nullptr; }
  void note(std::string name, bool killed_only = false);
  Answer before(const DiskOperation& operation) override;
  std::vector<Point>& points() { return points_; }

 private:
  const Disk* disk_ = nullptr;
  const Ledger* ledger_ = nullptr;
  uint64_t begun_at_ = 0;
  std::vector<Point> points_;
};

class JournalExplorer {
 public:
  struct Options {
    uint64_t second_outcomes = 6;  // of each crash in a recovery: killed, and so many power cuts
    PersistenceOptions first;
    std::string replay;  // a trail: only what lies on it is run
  };
  explicit JournalExplorer(Options options) : options_(std::move(options)) {}

  void explore(const Word& word);
  // `point` was met on the way `trail`: every outcome of it.
  void explore_point(const CrashRecorder::Point& point, const std::string& trail, bool second);
  // Opens, checks, goes on, cuts, checks again. True when it was run.
  bool examine(const DiskImage& image, const Ledger& ledger, const std::string& trail, bool second);

  const Figures& figures() const { return figures_; }
  const std::vector<std::string>& failures() const { return failures_; }
  void count_workload() { ++figures_.workloads; }
  void count_damage() { ++figures_.damaged; }
  void fail(const std::string& trail, const std::string& what);
  // Is the trail on the way to the one that is replayed?
  bool wanted(const std::string& trail) const;

 private:
  std::string run_to_the_end(const DiskImage& image, Ledger ledger, CrashRecorder& recorder,
                             bool second);

  Options options_;
  Figures figures_;
  SeenKeys seen_;
  std::vector<std::string> failures_;
};

// Reads everything in the log and holds it against the ledger. Empty when it holds.
std::string check_log(Directory& root, const Journal& journal, const Ledger& ledger,
                      std::vector<Entry>* log = nullptr);

}  // namespace syncline::simulation
