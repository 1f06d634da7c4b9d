// What the syncer knows about where git stands, and the file `sync.state` that saves the next
// process from reading the whole journal to learn it.
//
// The file is a cache: written without a sync, checksummed, bound to the store, and believed only
// where ref and journal bear it out (sync/fold/committer.h). Missing or damaged, it is rebuilt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "journal/record/object_id.h"
#include "syncline/result.h"

namespace syncline {

struct SyncState {
  uint64_t committed = 0;  // everything up to here is on the own ref at `own_commit`
  ObjectId own_commit;     // zero: nothing was folded yet
  Mark records;            // at or before the first record that is not committed
  Mark scanned;            // control frames before it have been taken in
  uint64_t published = 0;  // everything up to here was on `branch` at `branch_commit`
  std::string branch;
  ObjectId branch_commit;
  bool operator==(const SyncState&) const = default;
};

ByteVector encode(const SyncState& state, const StoreId& store);
// Nothing where the bytes are damaged, of another version or of another store.
std::optional<SyncState> decode_sync_state(ByteSpan bytes, const StoreId& store);

// Nothing when there is no file that can be used.
Result<std::optional<SyncState>> load_sync_state(Directory& store_directory, const StoreId& store);
Status save_sync_state(Directory& store_directory, const StoreId& store, const SyncState& state);

}  // namespace syncline
