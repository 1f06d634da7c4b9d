// Reads git objects through the Directory seam, so that folding and publishing run on the simulated
// disk: the loose objects and the packs that a store of ours can have there.
//
// It knows what sync/git/pack_writer.h writes (index version 2 without 8-byte offsets, whole
// objects, no deltas) and refuses the rest as kUnsupported. The list of packs is read again on a
// miss, like libgit2's. What it answers hashes to the name it was asked by; what does not is
// kCorrupt. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "journal/os/file_system.h"
#include "sync/git/object_reader.h"

namespace syncline::simulation {

class DirectoryObjectReader final : public ObjectReader {
 public:
  // `objects` is ".git/objects".
  explicit DirectoryObjectReader(std::unique_ptr<Directory> objects)
      : objects_(std::move(objects)) {}

  Result<std::optional<Object>> read(const ObjectId& id) override;

 private:
  struct Pack {
    std::string index;
    std::string pack;  // read when an object of it is first asked for
  };

  Result<std::optional<Object>> read_packed(const ObjectId& id);
  Result<std::optional<Object>> read_loose(const ObjectId& id);
  Result<bool> list_packs();  // true when there are new ones

  std::unique_ptr<Directory> objects_;
  std::map<std::string, Pack> packs_;  // by name, without a suffix
};

}  // namespace syncline::simulation
