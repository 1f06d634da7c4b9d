// What fold and publish ask the engine for.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "journal/log/format.h"
#include "journal/record/outcome.h"
#include "syncline/result.h"

namespace syncline {

// Where the records' journalled outcomes are looked up (the engine keeps them indexed).
class OutcomeSource {
 public:
  virtual ~OutcomeSource() = default;
  // Outcomes of records first..last, by seq; the one that holds where there were several.
  virtual Result<std::map<uint64_t, Outcome>> outcomes(uint64_t first_seq, uint64_t last_seq) = 0;
  // Which records among first..last take another one away, in order; and a place in the log at or
  // before the first of them.
  struct Retractions {
    std::vector<uint64_t> seqs;
    Mark before;
  };
  virtual Result<Retractions> retractions(uint64_t first_seq, uint64_t last_seq) = 0;
};

}  // namespace syncline
