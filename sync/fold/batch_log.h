// The commits that the journal names in its kBatch and kPublish frames, and where the own ref
// stands among them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "journal/record/control_frame.h"
#include "syncline/result.h"

namespace syncline {

struct BatchLog {
  // Those that stand, in order.
  std::vector<BatchFrame> batches;
  std::optional<PublishFrame> published;  // the last one
  std::vector<Mark> waypoints;            // now and then a mark, to begin reading records from
  Mark end;                               // where the scan ended
};

// Reads the frames from `from` (a durable mark) up to `limit` (another).
Result<BatchLog> scan_batches(Directory& store_directory, const StoreId& store, const Mark& from,
                              const Mark& limit);

// Where the own ref stands among the journalled batches. Every input hits exactly one row:
//
//   batches after `base`                    ref at                      standing
//   none, or a chain from base              the last one's commit       kSettled
//                                           (base, where there is none)
//   a chain from base                       base, or an earlier one     kBehind, refold from there
//   not a chain from base                   anywhere                    kUnknown
//   any                                     anywhere else               kUnknown
struct RefStanding {
  enum class Kind : uint8_t { kSettled, kBehind, kUnknown };
  Kind kind = Kind::kUnknown;
  size_t done = 0;  // how many of the batches are on the ref
};
// `base` is the commit the first batch builds on; zero when that is the first commit ever.
RefStanding stand_of_ref(const ObjectId& ref, const ObjectId& base,
                         std::span<const BatchFrame> batches);

}  // namespace syncline
