// Builds one pack and its index in memory, and puts both in place durably.
//
// No loose objects: default git writes them unsynced (a power cut leaves them empty), and synced
// they cost two flushes each. One pack a batch costs a fixed number of syncs. Objects are stored
// whole (no deltas; consolidation may make some), deflated at libdeflate's level 1, which falls
// back to stored blocks where that is smaller. Hashing, deflating, the index's checksums and the
// pack's trailer happen in one pass.
//
// Order of barriers in install(): .keep, pack and index written under hidden names (not `tmp_*`:
// gc deletes those; not `*.idx`: readers would open it), each synced → renamed: .keep, then pack,
// then index → directory synced. So a pack never appears without its .keep, and gc --prune=now
// leaves it alone although nothing refers to it yet. drop_keep() comes after the ref has moved. A
// pack once in place is never unlinked here: git or a retry may already rely on it (gc removes what
// stays unreferenced, consolidation what other packs hold: redundant_packs.h).
//
// Formats: gitformat-pack(5), version 2 of both. Not thread-safe; reusable, keeping its buffers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/os/file_system.h"
#include "sync/git/sha1.h"
#include "syncline/result.h"

struct libdeflate_compressor;

namespace syncline {

class PackWriter {
 public:
  PackWriter();
  ~PackWriter();
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;

  // Starts the next pack. Capacity stays: first touch of memory is what costs.
  void reset();
  // Adds an object unless this pack has it already; answers its name. kUnsupported beyond 2 GiB.
  Result<ObjectId> add(ObjectType type, std::string_view content);
  size_t object_count() const { return entries_.size(); }

  // The finished files. After it only reset().
  struct Image {
    std::string name;  // "pack-<40 hex>", of the pack's own checksum
    ByteSpan pack;     // valid until reset()
    ByteSpan index;
  };
  Image finish();

  // Puts the pack in place below `common_dir` (the git common directory), durable when it returns.
  // `owner` names the store (hex) in the .keep and in the hidden names, which are reused: callers
  // of one owner take turns (sync.lock). A pack that is there with its .keep of ours is what a
  // crash left of the same work and is used as it is; one without is any gc's to delete, so ours
  // goes under another name. Answers the name in place.
  Result<std::string> install(Directory& common_dir, std::string_view owner);

 private:
  struct Entry {
    ObjectId id;
    uint32_t crc = 0;
    uint32_t offset = 0;
  };
  ByteVector pack_;
  ByteVector index_;
  std::vector<Entry> entries_;
  std::unordered_map<ObjectId, uint32_t, ObjectIdHash> offsets_;
  libdeflate_compressor* compressor_;
  std::string name_;  // empty until finished
};

// Removes the .keep of a pack that install() put in place. Not there is fine.
Status drop_keep(Directory& common_dir, std::string_view pack_name);
// Removes every .keep that says it is of this owner: those of a process that died before it could.
// Only while no fold or publish of the owner is under way.
Status drop_stale_keeps(Directory& common_dir, std::string_view owner);

}  // namespace syncline
