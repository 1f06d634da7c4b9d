// Which segments of the journal may go: by size and by age, and only behind a checkpoint.
//
// By default nothing goes: replay to any sequence needs the whole journal. Keys stay, in SQLite and
// beside the segments (journal/contents/kept_keys.h).
#pragma once

#include <cstdint>
#include <optional>

#include "engine/config/config.h"
#include "engine/sqlite/database.h"
#include "journal/contents/kept_keys.h"
#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

constexpr bool retention_is_set(const Config& config) {
  return config.retain_bytes_max != 0 || config.retain_days_max != 0;
}

// Up to where the journal may be trimmed by the configuration: whole segments, of records up to
// limit.seq. The segment that limit.position lies in stays, for somebody goes on reading there.
// Nothing when the whole journal stays. `store_directory` is .git/syncline.
Result<std::optional<Mark>> trimmable(Directory& store_directory, const StoreId& store,
                                      const Config& config, const Mark& limit, int64_t now_ms);

// What is kept of the records in one segment, whose frames are from..to. `database` knows their
// outcomes.
Result<KeptKeys> kept_keys_of(Directory& store_directory, const StoreId& store, Database& database,
                              const Mark& from, const Mark& to);

}  // namespace syncline
