// A compact program of damage to a journal directory, and what it did. Two sorts of steps:
//   damage   what disks and people do: bytes, sectors, files that change, go, or stand elsewhere
//   forgery  a field is changed and every checksum over it made to hold again, so that what lies
//            behind the checksums is reached; the oracle asks less of what was forged
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/journal_history.h"

namespace syncline::fuzz {

struct MutatedDirectory {
  JournalFiles files;
  bool damaged = false;
  bool forged = false;             // any of the below
  std::set<uint64_t> forged_seqs;  // what such a record holds is anybody's guess
  bool forged_controls = false;
};

inline constexpr size_t kMutationBytes = 16;
inline constexpr size_t kMutationsMax = 24;

// Takes the program from `input` until it ends, 16 bytes a step.
MutatedDirectory mutate(const JournalHistory& history, InputReader& input);

}  // namespace syncline::fuzz
