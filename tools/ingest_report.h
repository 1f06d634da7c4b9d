// What an ingest did, counted while it runs.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

struct IngestReport {
  uint64_t read = 0;         // lines that were not blank
  uint64_t accepted = 0;     // new records at the requested stage
  uint64_t duplicates = 0;   // keys that were there with the same content
  uint64_t rejected = 0;     // lines that are no acceptable record
  uint64_t set_aside = 0;    // of the accepted: journalled, but could not be applied
  uint64_t unknown = 0;      // lines whose outcome could not be learnt (a flush failed)
  uint64_t not_written = 0;  // lines that were read but not written before it stopped
  uint64_t first_seq = 0;    // of the new records; 0 for none
  uint64_t last_seq = 0;
  double seconds = 0;
  std::string stopped;  // why it ended before the end of its input; empty when it did not
};

}  // namespace syncline
