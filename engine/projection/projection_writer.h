// Writes the engine's tables inside the caller's transaction: the counterpart of projection.cc.
// Statements are prepared once. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sqlite/database.h"
#include "journal/log/format.h"
#include "journal/record/control_frame.h"

namespace syncline {

class ProjectionWriter {
 public:
  static Result<std::unique_ptr<ProjectionWriter>> prepare(Database& database);

  struct Key {
    std::string_view key;
    uint64_t seq = 0;
    const ContentHash* content_hash = nullptr;
  };
  // A key that is there already goes to the later record: the one that had it was set aside, and
  // this one has taken in its content anew. So has one whose key is made for that (again_key.h).
  Status add_keys(std::vector<Key> keys);
  Status put_outcome(const Outcome& outcome);
  Status put_offset(const AppendOffset& offset);
  Status put_waiting(uint64_t seq, std::string_view path);
  Status remove_waiting(uint64_t seq);
  Status put_position(const Mark& mark);
  Status put_commit(std::string_view ref, uint64_t first_seq, uint64_t last_seq,
                    const ObjectId& commit);
  // The first record that no earlier commit on the branch holds.
  Result<uint64_t> next_published(std::string_view ref, uint64_t last_seq);
  Status raise_id(std::string_view table, uint64_t id);

  Result<std::map<uint64_t, uint64_t>> offsets(uint64_t first_seq, uint64_t last_seq);
  Result<std::map<uint64_t, std::string>> waiting(uint64_t first_seq, uint64_t last_seq);
  Result<bool> is_path_waiting(std::string_view path);

 private:
  struct Statements;
  ProjectionWriter(Database& database, std::unique_ptr<Statements> statements);
  Status take_key_over(const Key& key);

 public:
  ~ProjectionWriter();

 private:
  Database& database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace syncline
