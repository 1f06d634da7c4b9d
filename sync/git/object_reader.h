// Reads objects of a repository: by libgit2's object database, behind a cache of what the fold
// touches batch after batch.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "sync/git/sha1.h"
#include "syncline/result.h"

namespace syncline {

struct Object {
  ObjectType type = ObjectType::kBlob;
  std::string bytes;
};

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // Nothing when the repository does not hold it. Damage is an error, and verified: the bytes
  // returned hash to `id`.
  virtual Result<std::optional<Object>> read(const ObjectId& id) = 0;
};

// Reads loose objects, packs (whoever made them) and alternates of the object directory
// `objects_path` (".git/objects"). The list of packs is read again only on a miss: a refresh costs
// milliseconds where there are thousands of packs. Not thread-safe.
Result<std::unique_ptr<ObjectReader>> open_object_reader(const std::string& objects_path);

// What the fold and the publisher read through. Remembers what it read and what its users have
// just written, up to a bound, least recently used first out; so a batch re-reads nothing that the
// batch before it wrote. Content is immutable by its name, so nothing is ever stale. Not
// thread-safe.
class ObjectStore {
 public:
  using Content = std::shared_ptr<const std::string>;

  // `reader` must outlive it.
  explicit ObjectStore(ObjectReader& reader, size_t cache_bytes_max = 32u << 20)
      : reader_(reader), cache_bytes_max_(cache_bytes_max) {}

  // kCorrupt when the object is not there or of another type: for what something reachable names.
  Result<Content> require(const ObjectId& id, ObjectType type);
  // The same, past the cache: for walks over everything.
  Result<Content> require_once(const ObjectId& id, ObjectType type);
  Result<std::optional<Object>> read(const ObjectId& id) { return reader_.read(id); }
  void remember(const ObjectId& id, ObjectType type, Content content);

 private:
  struct Entry {
    ObjectId id;
    ObjectType type;
    Content content;
  };
  const Entry* find(const ObjectId& id);

  ObjectReader& reader_;
  size_t cache_bytes_max_;
  size_t cache_bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<ObjectId, std::list<Entry>::iterator, ObjectIdHash> by_id_;
};

}  // namespace syncline
