// What simulated processes share of SQLite: the locks on its files and the WAL-index, which lives
// in memory.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace syncline::simulation {

// What the connections of all processes to one database share besides the disk.
class SqliteShared {
 public:
  static constexpr int kShmLocks = SQLITE_SHM_NLOCK;

  struct Node {
    // The five-state protocol of SQLite's locks, held by connections.
    std::map<const void*, int> levels;
    // The WAL-index.
    std::vector<std::unique_ptr<std::vector<std::byte>>> regions;
    struct Holder {
      uint16_t shared = 0, exclusive = 0;  // bit i: lock i
    };
    std::map<const void*, Holder> shm;  // every connection that has it mapped
  };

  // Never moves while a connection is open.
  Node& node(uint64_t inode) { return nodes_[inode]; }

  // What stands in the WAL-indexes: a process that is killed while SQLite runs must not change it
  // in unwinding.
  using Image = std::map<uint64_t, std::vector<std::vector<std::byte>>>;
  Image image() const;
  void restore(const Image& image);
  // Takes the last region out of use, and keeps its memory.
  void retire(Node& node);
  // After a power cut, once every connection is closed.
  void clear() {
    nodes_.clear();
    retired_.clear();
  }

 private:
  std::vector<std::unique_ptr<std::vector<std::byte>>> retired_;
  std::map<uint64_t, Node> nodes_;
};

}  // namespace syncline::simulation
