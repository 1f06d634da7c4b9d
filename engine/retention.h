// Which segments of the journal may go: by size and by age, and only behind a checkpoint.
//
// By default nothing goes: replay to any sequence needs the whole journal. Keys stay, in SQLite and
// beside the segments (journal/kept_keys.h).
#pragma once

#include <cstdint>
#include <optional>

#include "engine/config.h"
#include "engine/database.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/kept_keys.h"
#include "journal/result.h"

namespace syncline {

constexpr bool retention_is_set(const Config& config) {
  return config.retain_bytes_max != 0 || config.retain_days_max != 0;
}

// Up to where the configuration lets the journal go: whole segments of records up to limit.seq. The
// segment that limit.position lies in stays, for somebody goes on reading there. Nothing when all
// of the journal stays. `store_directory` is .git/syncline.
Result<std::optional<Mark>> trimmable(Directory& store_directory, const StoreId& store,
                                      const Config& config, const Mark& limit, int64_t now_ms);

// What is kept of a record with a key; `outcome` is null in the plain case.
KeptRecord make_kept_record(Intent intent, uint64_t seq, uint64_t id, int64_t time_ms,
                            const Outcome* outcome);

// What stays of the records in the frames from..to, one segment's. `database` knows their outcomes.
Result<KeptKeys> kept_keys_of(Directory& store_directory, const StoreId& store, Database& database,
                              const Mark& from, const Mark& to);

}  // namespace syncline
