// What the database says became of records, as the fold asks for it
// (sync/context/outcome_source.h).
//
// Threading: that of its connection, which outlives it. Failure: the fold stops, and is done again.
#pragma once

#include <cstdint>
#include <map>

#include "engine/sqlite/database.h"
#include "sync/context/outcome_source.h"
#include "syncline/result.h"

namespace syncline {

class DatabaseOutcomes : public OutcomeSource {
 public:
  explicit DatabaseOutcomes(Database& database) : database_(database) {}
  Result<std::map<uint64_t, Outcome>> outcomes(uint64_t first_seq, uint64_t last_seq) override;
  Result<Retractions> retractions(uint64_t first_seq, uint64_t last_seq) override;

 private:
  Database& database_;
};

}  // namespace syncline
