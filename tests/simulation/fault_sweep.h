// Every call of a workload fails in turn, by every error it can answer, once and from then on.
//
//   base ──► workload, call n fails ──► the fault is over ──► the same process tries again
//            (an error, or it went well)                        │
//                                    killed │ power cut, nothing kept │ everything kept
//                                                               ▼
//                                    open, retry, fold, publish, verify ──► the oracle
//
// What must hold: no answer but an error or the truth; nothing acknowledged is lost, nothing is
// there twice; space given back, a healed disk: it goes on, without being opened anew. A failed
// sync is a lie from then on (see disk.h), which the power cut after it tells.
//
// Calls are those of the seams, SQLite's among them. A site is a place in the program that makes
// one (call_sites.h): the sweep counts those that were met and those that failed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/call_sites.h"
#include "tests/simulation/conductor.h"
#include "tests/simulation/explorer.h"

namespace syncline::simulation {

// Where the workload begins.
enum class Beginning : uint8_t {
  kInUse,       // a store that has records of each kind, folded and published
  kKilled,      // …and one more, whose process died before it was applied: recovery
  kPowerCut,    // …and whose power was cut: recovery with files to look at again
  kNoDatabase,  // …and whose database was deleted: it is rebuilt
  kCount,
};
std::string_view beginning_name(Beginning beginning);

struct SweepCase {
  Beginning beginning = Beginning::kInUse;
  Workload workload;
};
std::string describe(const SweepCase& each);
// What is swept: every step from every beginning.
std::vector<SweepCase> all_cases();

struct SweepOptions {
  uint64_t seed = 1;
  uint64_t one_in = 1;           // of the faults, besides each place's first; 1: all of them
  std::optional<uint64_t> only;  // this fault alone, by its number
};

struct SweepReport {
  uint64_t faults = 0;    // tried
  uint64_t answered = 0;  // of them, those that made the workload answer an error
  uint64_t lost = 0, doubled = 0;
  std::map<std::string, uint64_t> sites_met, sites_failed_once, sites_failed_sticky;
  std::vector<std::string> failures;

  void add(const SweepReport& other);
};

class FaultSweep {
 public:
  explicit FaultSweep(const SweepOptions& options) : options_(options) {}
  void run(const SweepCase& each);
  const SweepReport& report() const { return report_; }

 private:
  struct Fault {
    uint64_t nth = 0;  // call of the workload, from 1
    Call call = Call::kWrite;
    std::string site;
    int sys_errno = 0;
    bool sticky = false;
    bool lands_in_part = false;
  };
  struct Start {
    DiskImage image;
    SimulatedClock clock;
    Ledger ledger;
  };
  Start start_of(const SweepCase& each) const;
  std::vector<Fault> faults_of(const SweepCase& each, const Start& start);
  bool is_chosen(const Fault& fault, uint64_t number) const;
  void try_fault(const SweepCase& each, const Start& start, const Fault& fault, uint64_t number);

  SweepOptions options_;
  SweepReport report_;
  CallSites sites_;
};

}  // namespace syncline::simulation
