// Git's index file, versions 2, 3 and 4: read, checked, and written back with our entries merged
// in.
//
// The format is gitformat-index(5). Everything that is not ours is copied as the bytes it was:
// entries in unchanged ranges, their flags (assume-unchanged, skip-worktree, intent-to-add), the
// version, and a trailer of zeros where the person chose index.skipHash. Of the optional extensions
// TREE is kept with the touched directories invalidated, REUC is kept; the others (untracked cache,
// fsmonitor, entry offsets) would be wrong after a merge, so they are left out and git builds them
// anew. A required extension (split index, sparse index) answers kUnsupported: its entries cannot
// be read without it.
//
// It is read and written in pieces, so that neither the old nor the new file is ever held whole in
// memory, unless it fits into one piece. The caller locks, writes and syncs the file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "journal/os/file_system.h"
#include "journal/record/object_id.h"
#include "sync/git/index_bytes.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr std::string_view kIndexName = "index";  // in the git directory of a work tree

// What git remembers of a file in order to see that it has not changed, cut to 32 bits as git does.
// All zeros make git look at the bytes.
struct IndexStat {
  uint32_t ctime_s = 0, ctime_ns = 0;
  uint32_t mtime_s = 0, mtime_ns = 0;
  uint32_t device = 0, inode = 0;
  uint32_t uid = 0, gid = 0;
  uint32_t size_bytes = 0;
  bool operator==(const IndexStat&) const = default;
  static IndexStat from(const FileInfo& info);
};

// A mode and blob as a tree or the index has them.
struct TreeValue {
  ObjectId blob;
  uint32_t mode = 0100644;
  bool operator==(const TreeValue&) const = default;
};

struct IndexEntry {
  std::string_view path;  // valid until the next entry is read
  TreeValue value;
  IndexStat stat;
  uint8_t stage = 0;
  bool assume_valid = false;
  bool skip_worktree = false;
  bool intent_to_add = false;
};

struct IndexChange {
  std::string path;
  TreeValue value;                  // the blob zero: the entry is removed
  std::optional<IndexStat> stat;    // only where the work tree's bytes are the blob's
  std::optional<TreeValue> in_tip;  // what the branch's tip had there before our commit
  // Our values that an interrupted publish may have left there.
  std::optional<TreeValue> also_ours;
  // An entry that is new: its file is not to be in the work tree (sync/git/sparse_checkout.h).
  bool skip_worktree = false;

  bool removes() const { return value.blob.is_zero(); }
};

// Takes the new file's bytes in order, a piece at a time.
using IndexSink = std::function<Status(std::string_view piece)>;

struct IndexMerge {
  bool changed = false;           // false: the old file needs no change
  std::vector<std::string> kept;  // paths where the user has staged something else, which stays
};
struct WholeIndexMerge : IndexMerge {
  std::string bytes;  // the whole new file
};

class IndexFile {
 public:
  // An index that is not there yet: version 2, no entries.
  IndexFile();
  // kCorrupt where the bytes are not an index, kUnsupported where they need more than we know.
  static Result<IndexFile> read(IndexBytes bytes);
  static Result<IndexFile> parse(std::string bytes) {
    return read(IndexBytes::of(std::move(bytes)));
  }
  // The index of a git directory. The file stays open: git replaces an index and never writes into
  // one. kNotFound where there is none, kUnsafePath for a link or another kind of file.
  static Result<IndexFile> open(Directory& git_dir);

  uint32_t version() const { return version_; }
  uint32_t entry_count() const { return entry_count_; }
  bool has_conflicts() const { return has_conflicts_; }  // a stage above 0: a merge is unfinished
  // The last 20 bytes of the file as it was read.
  std::string_view trailer() const { return trailer_; }

  Status for_each(const std::function<Status(const IndexEntry&)>& visit) const;

  // `changes` sorted by path, each path once. An entry is replaced only where it still is what the
  // tip has (or also_ours), and so is one removed; inserted only where neither index nor tip has
  // the path; where it is ours already its stat is refreshed. Everything else the user has staged,
  // and it stays (a staged deletion too). The new file goes to `sink`, which gets nothing where
  // nothing changes.
  Result<IndexMerge> merge(std::span<const IndexChange> changes, const IndexSink& sink) const;
  // For an index that is made here, and for tests.
  Result<WholeIndexMerge> merge_whole(std::span<const IndexChange> changes) const;
  // The file as it is.
  Status copy(const IndexSink& sink) const;

 private:
  friend class IndexMerger;
  Status take_structure(IndexWindow& window);

  IndexBytes bytes_;
  uint32_t version_ = 2;
  uint32_t entry_count_ = 0;
  uint64_t entries_end_ = 0;  // where the extensions begin
  bool has_conflicts_ = false;
  bool hashed_ = true;
  std::string trailer_;
};

}  // namespace syncline
