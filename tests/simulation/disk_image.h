// What stands on a simulated disk and in its page cache, as a value: copying it costs a pointer for
// each file, and a copy is a crash point to go on from.
//
// A file has a cached content (what every process reads) and a durable one, which differ only in
// the sectors listed as pending. A directory has cached entries and durable ones; the changes
// between are kept in one list, in order. What a crash may make of all this, and why, is said in
// persistence.h; this file only keeps the books.
//
// The clock, locks, handles and processes are not here but in disk.h: a machine that boots starts
// with none.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "journal/base/bytes.h"
#include "tests/simulation/disk_node.h"

namespace syncline::simulation {

// An entry removed, an entry added, or both at once: a rename.
struct DirectoryChange {
  InodeNumber from_directory = 0;
  std::string from_name;
  InodeNumber to_directory = 0;
  std::string to_name;
  InodeNumber inode = 0;
  // A sync of the directory failed since: no later one makes it durable, unless the directory is
  // changed again, so that there is something to write.
  bool doomed = false;
  bool touches(InodeNumber directory) const {
    return directory != 0 && (from_directory == directory || to_directory == directory);
  }
};

class DiskImage {
 public:
  DiskImage();
  DiskImage(const DiskImage& other);
  DiskImage(DiskImage&&) = default;
  DiskImage& operator=(const DiskImage& other);
  DiskImage& operator=(DiskImage&&) = default;

  // Operations, as the kernel does them once nothing fails.
  InodeNumber make_node(bool directory, uint32_t mode, int64_t now_ns);
  // A change of names; becomes pending, or durable at once where `durable`.
  void change(DirectoryChange change, bool durable = false);
  void write(InodeNumber inode, uint64_t offset, ByteSpan from);
  void truncate(InodeNumber inode, uint64_t size_bytes);
  void sync(InodeNumber inode);
  // "fsync lies after a failure": the pages are marked clean, and never written.
  void fail_sync(InodeNumber inode);
  void sync_directory(InodeNumber directory);
  void fail_sync_directory(InodeNumber directory);
  void sync_all();
  // As syncfs() of the file system that the root is in.
  void sync_file_system();
  MappedPage& map(InodeNumber inode, size_t size_bytes);
  // Remembers what mapped pages hold now; called between operations.
  void note_pages();
  // Forgets a node that has neither name nor handle.
  void forget(InodeNumber inode);

  const Node& node(InodeNumber inode) const { return *nodes_[inode]; }
  bool has(InodeNumber inode) const { return inode < nodes_.size() && nodes_[inode] != nullptr; }
  Node& writable(InodeNumber inode);
  InodeNumber inodes_end() const { return nodes_.size(); }
  const MappedPage* mapped(InodeNumber inode) const;
  MappedPage* mapped(InodeNumber inode);
  const std::vector<std::pair<InodeNumber, std::unique_ptr<MappedPage>>>& mapped_pages() const {
    return mapped_;
  }
  const std::vector<DirectoryChange>& changes() const { return changes_; }
  uint64_t used_bytes() const { return used_bytes_; }
  uint64_t size_bytes(InodeNumber inode) const;

  // For tests that look at, or damage, what is there: cached and durable alike, by path from the
  // root. 0 where there is nothing.
  InodeNumber find(std::string_view path) const;
  bool exists(std::string_view path) const { return find(path) != 0; }
  ByteVector bytes(std::string_view path) const;
  void set_bytes(std::string_view path, ByteSpan bytes);  // makes the file, not its directories
  void flip_bit(std::string_view path, uint64_t bit);
  void remove(std::string_view path);
  void make_unreadable(std::string_view path, uint64_t from, uint64_t to);
  // Of everything that would be there after a clean shutdown.
  uint64_t hash() const;

  uint64_t boot = 1;
  uint64_t file_system_id = 1;
  uint64_t capacity_bytes = UINT64_MAX;
  // A directory that is a file system of its own, as a repository's may be: a sync of the one
  // around it leaves out what is in it. 0: none. That it has an id and a size of its own is not
  // modelled.
  InodeNumber mount = 0;

 private:
  friend class PersistenceChoices;
  void apply_to_cache(const DirectoryChange& change);
  void apply_to_durable(const DirectoryChange& change);
  void note_size(Node& node, uint64_t size_bytes);
  PendingPage& pending_page(Node& node, uint64_t index);
  void write_in_page(Node& node, uint64_t offset, ByteSpan from);
  std::pair<InodeNumber, std::string> parent_of(std::string_view path) const;

  std::vector<std::shared_ptr<Node>> nodes_;  // by inode; empty where none is
  std::vector<std::pair<InodeNumber, std::unique_ptr<MappedPage>>> mapped_;
  std::vector<DirectoryChange> changes_;
  uint64_t used_bytes_ = 0;
};

}  // namespace syncline::simulation
